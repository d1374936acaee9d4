"""Exports and imports for tools that put digests in: imgpkg, kbld, Kustomize, BuildKit."""
