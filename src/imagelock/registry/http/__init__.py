"""HTTP for registries: connections, proxies, throttling, responses."""
