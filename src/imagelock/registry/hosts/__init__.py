"""Where a registry is asked: endpoints, mirrors, certificates by host."""
