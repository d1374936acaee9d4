"""Read a project's files and collect every reference in them."""
