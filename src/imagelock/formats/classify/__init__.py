"""What a text at a place is: a reference, a template, an interpolation, or something to report as skipped."""
