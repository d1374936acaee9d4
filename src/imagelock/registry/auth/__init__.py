"""Who we are to a registry: challenges, tokens, stored credentials."""
