"""OLM bundles: related images, generated environment, catalogs, the registries' entrypoint."""
