"""Hold a command's access to registries, apart from the operations: a command that only reads must not import code that writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from imagelock.errors import OfflineError
from imagelock.stores.base import ManifestReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from imagelock.errors import RegistryError
    from imagelock.model.digest import Digest
    from imagelock.ops.parallel import Progress
    from imagelock.stores.base import Content, HeadResult


class RegistryReader(ManifestReader, Protocol):
    """The reading of manifests, and of the lists of tags that selections choose from."""

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return every tag of a repository."""


class OfflineReader:
    """A reader that refuses every request: what ``--offline`` uses instead of a registry client."""

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        """Refuse to ask."""
        raise self._refusal(repository, target)

    def get_manifest(self, repository: str, target: str | Digest) -> Content:
        """Refuse to read."""
        raise self._refusal(repository, target)

    def get_blob(self, repository: str, digest: Digest, limit: int) -> bytes:  # noqa: ARG002 - the protocol's signature
        """Refuse to read."""
        raise self._refusal(repository, digest)

    def tags(self, repository: str) -> tuple[str, ...]:
        """Refuse to list."""
        raise self._refusal(repository, "*")

    def _refusal(self, repository: str, target: str | Digest) -> RegistryError:
        mark = ":" if isinstance(target, str) else "@"
        return OfflineError(
            "--offline asks no registry", where=f"{repository}{mark}{target}", hint="run without --offline"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccess:
    """Access to registries; the client is opened only when something has to be requested."""

    open_reader: Callable[[], AbstractContextManager[RegistryReader]]
    jobs: int
    progress: Progress | None = None
