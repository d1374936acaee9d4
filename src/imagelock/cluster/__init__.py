"""What a cluster runs, as values: read from dumps or from a live API server."""
