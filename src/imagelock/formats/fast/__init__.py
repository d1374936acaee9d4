"""Readers of plain YAML and JSON that need no parser; anything unusual goes to the parser."""
