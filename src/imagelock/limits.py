"""Every cap and deadline of imagelock, in one place; nothing read from outside is unbounded.

Sizes are bytes, times are seconds.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

MANIFEST_BYTES = 4 * MIB
"""A manifest or index, as the OCI distribution specification advises registries to accept."""
INDEX_CHILDREN = 10_000
INDEX_DEPTH = 8
CONFIG_BYTES = 8 * MIB
"""An image's config blob, read to learn its platform."""
YAML_BYTES = 16 * MIB
YAML_NODES = 2_000_000
"""Nodes walked in one document; an alias bomb is refused long before memory is."""
YAML_DEPTH = 200
JSON_DEPTH = 200
TEXT_NESTING = 3
"""JSON or YAML inside a string inside a string."""
REFERENCE_CHARS = 1024
TOKEN_BYTES = 64 * KIB
ERROR_BODY_BYTES = 16 * KIB
LOCK_BYTES = 64 * MIB
LAYER_FILE_BYTES = GIB
"""One file read out of a layer, decompressed."""

CONNECT_SECONDS = 10.0
FIRST_BYTE_SECONDS = 30.0
IDLE_SECONDS = 30.0
RETRY_SECONDS = 120.0
"""Default budget a host for retries and waiting (``--retry-time``)."""
HELPER_SECONDS = 30.0
HELPER_BYTES = 64 * KIB

JOBS = 16
"""Default connections a host (``--jobs``)."""
