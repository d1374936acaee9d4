"""Change a text at exactly the intended characters, and prove that nothing else changed."""
