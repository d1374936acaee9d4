"""The embedded registry over both of its back ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from imagelock.stores.oci_layout import LayoutStore
from support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelock.stores.local import LocalStore


@pytest.fixture(params=["memory", "layout"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LocalStore:
    """Give an empty store."""
    return MemoryStore() if request.param == "memory" else LayoutStore(tmp_path / "layout")


@pytest.fixture
def registry(store: LocalStore) -> Iterator[EmbeddedRegistry]:
    """Give a writable registry over the store."""
    with EmbeddedRegistry(store) as running:
        yield running


@pytest.fixture
def wire(registry: EmbeddedRegistry) -> Iterator[Wire]:
    """Give a connection to the registry."""
    with Wire(registry.address) as connection:
        yield connection
