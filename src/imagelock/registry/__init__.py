"""Stores of images and the registry protocol: synchronous, every byte verified, threads for many at once."""
