"""What a cluster runs, judged by the lock."""
