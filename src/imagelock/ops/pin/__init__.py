"""``pin``: plan decides the edits, run writes the files."""
