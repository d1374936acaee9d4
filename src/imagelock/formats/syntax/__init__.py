"""Readers of YAML, JSON and other text that know where every character is."""
