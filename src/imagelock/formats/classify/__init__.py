"""Classify the text at a place: a reference, a template, an interpolation, or something to report as skipped."""
