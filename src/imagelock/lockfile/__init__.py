"""Read and write the lock file ``images.lock``."""
