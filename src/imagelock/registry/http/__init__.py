"""How bytes travel: connections, proxies, throttling, responses."""
