"""The names of the files of a run, and what paths in them mean; nothing is asked of the file system."""

from __future__ import annotations

import fnmatch
import posixpath
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from imagelock.formats.relations.base import Statement

Kind = TypeVar("Kind")

_WILD = "*?["


@dataclass
class Files:
    """The names of the files of a run, for statements that name them by paths."""

    names: frozenset[str]
    by_last: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, names: Iterable[str]) -> Files:
        """Return the files of these names."""
        files = cls(frozenset(names))
        for name in files.names:
            files.by_last[name.rpartition("/")[2]].append(name)
        return files

    def beside(self, by: str, path: str) -> list[str]:
        """Return the files that a path means that counts from the folder of ``by``."""
        return self._meant(joined(by.rpartition("/")[0], path))

    def anywhere(self, by: str, path: str) -> list[str]:
        """Return the files that a path means that counts from any folder above ``by``, the nearest first."""
        folder = by.rpartition("/")[0]
        while True:
            found = self._meant(joined(folder, path))
            if found or not folder:
                return found
            folder = folder.rpartition("/")[0]

    def _meant(self, path: str) -> list[str]:
        if not any(sign in path for sign in _WILD):
            return [path] if path in self.names else []
        last = path.rpartition("/")[2]
        names = self.names if any(sign in last for sign in _WILD) else self.by_last.get(last, ())
        return sorted(name for name in names if _matches(name, path))


def _matches(name: str, pattern: str) -> bool:
    """Whether a name has the pattern's folders, ``*`` never leading into another folder but ``**`` does."""
    parts, wanted = name.split("/"), pattern.split("/")
    if "**" in wanted:
        return fnmatch.fnmatchcase(name, pattern.replace("**/", "*"))
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def joined(folder: str, path: str) -> str:
    """Return a path that counts from a folder as one that counts from the top."""
    return posixpath.normpath(posixpath.join(folder, path))


def stated(said: Mapping[str, Sequence[Statement]], kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
    """Yield the statements of one kind, with the file that makes each."""
    for by, statements in said.items():
        yield from ((by, item) for item in statements if isinstance(item, kind))
