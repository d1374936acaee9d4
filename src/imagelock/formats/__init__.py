"""Formats: text in, places out, no I/O; one module a format, listed in :mod:`imagelock.formats.all`."""
