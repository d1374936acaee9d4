"""Freeze the container images of a product: one lock from source files to the running cluster."""

__version__ = "0.1.0"
