"""Authenticate to registries: challenges, tokens, stored credentials."""
