"""Pipelines of CI services."""
