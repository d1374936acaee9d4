"""How texts are written: YAML, JSON and lexical readers that know where every character stands."""
