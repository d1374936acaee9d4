"""The built-in example: a small product and its images."""
