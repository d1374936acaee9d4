"""The registry protocol: synchronous, every byte verified, threads for many requests at once."""
