"""What a text at a place is: a reference, a template, damage, or something to be told."""
