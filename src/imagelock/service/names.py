"""Find the repository of the store that a request's name means."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from imagelock.model.destination import default_path
from imagelock.service.refusal import HTTPError
from imagelock.stores.catalog import has_host

if TYPE_CHECKING:
    from imagelock.stores.local import LocalStore

_WRITTEN = 10_000
"""How many repositories without a manifest are known: those that were written to."""


class ServedNames:
    """The repositories of a store by the names in paths: ``localhost-5000/app`` is ``localhost:5000/app``.

    Paths follow :func:`~imagelock.model.destination.default_path`, as mirrors and the configuration of
    nodes do; a repository of exactly that name comes first.
    """

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._written: dict[str, None] = {}
        self._known: tuple[tuple[str, ...], dict[str, str]] = ((), {})

    def stored(self, name: str, *, writing: bool, blob: bool) -> str:
        """Return the store's name; raise a 404 for a blob of a repository that no one has written to.

        All repositories share their blobs, so the name alone would give any of them.
        """
        found = self._by_path().get(name)
        if found is not None:
            return found
        if writing:
            self._remember(name)
        elif blob and name not in self._written:
            raise HTTPError(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "no such repository", name[:255])
        return name

    def paths(self) -> tuple[str, ...]:
        """Return every repository's name as a path, sorted."""
        return tuple(sorted(self._by_path()))

    def _by_path(self) -> dict[str, str]:
        names = self._store.repositories()
        if names != self._known[0]:
            mapped = {default_path(name): name for name in names if has_host(name)}
            self._known = (names, mapped | {name: name for name in names if ":" not in name})
        return self._known[1]

    def _remember(self, name: str) -> None:
        self._written[name] = None
        if len(self._written) > _WRITTEN:
            self._written.pop(next(iter(self._written)), None)
