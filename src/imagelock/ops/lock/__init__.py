"""``lock``: plan decides, apply asks the registry, run writes the file."""
