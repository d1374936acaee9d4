"""Compare what a cluster runs with the lock."""
