"""Stores that hold images without a network: OCI layouts, tars, memory."""
