"""Exports for tools that copy images: regsync, skopeo sync, Hauler, Zarf, oc-mirror."""
