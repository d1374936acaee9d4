"""Formats of Helm: charts, values files, templates, and releases that set values."""
