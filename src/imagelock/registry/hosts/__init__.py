"""Decide where a registry is contacted: endpoints, mirrors, certificates per host."""
