"""The agent: watches a cluster against the lock, and tells each change once."""
