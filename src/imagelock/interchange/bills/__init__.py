"""Exports for those who ask what is in a product: CycloneDX, SPDX and in-toto."""
