"""What holds images, without a network: OCI layouts, tars, memory."""
