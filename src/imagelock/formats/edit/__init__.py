"""Text changed at exactly the characters that are meant, and the proofs that nothing else changed."""
