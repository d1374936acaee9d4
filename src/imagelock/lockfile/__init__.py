"""The lock file ``images.lock``: read it, read it fast, write it."""
