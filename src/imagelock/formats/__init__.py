"""Formats: text in, places out, no I/O; one module per format, listed in :mod:`imagelock.formats.all`."""
