"""What stays running: the embedded registry."""
