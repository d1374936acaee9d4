"""Formats of the Operator Lifecycle Manager: ClusterServiceVersions, bundles, catalogs."""
