"""Read what a cluster runs, from dumps or from a live API server, as values."""
