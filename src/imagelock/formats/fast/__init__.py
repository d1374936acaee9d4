"""Fast readers of plain YAML and JSON without a parser; anything unusual is left to the parser."""
