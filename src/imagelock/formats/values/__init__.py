"""References written in several keys: registry, repository, tag, digest."""
