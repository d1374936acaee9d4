"""A place in its file, and all places of many files, made while they are gone through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.model.place import Place
    from imagelock.model.reference import Reference
    from imagelock.ops.scan.scanned_file import ScannedFile


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place in its file."""

    file: ScannedFile
    place: Place

    @property
    def reference(self) -> Reference:
        """The reference as written there."""
        return self.place.reference

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file.name}:{self.place.line}"

    def silences(self, code: str) -> bool:
        """Whether an ignore comment at this place silences a finding."""
        return self.file.ignores.silences(code, self.place.line)


class Occurrences(Sequence[Occurrence]):
    """The places of many files that count, in order; a tree of catalogs has more than memory holds as values."""

    def __init__(
        self, files: Sequence[ScannedFile], counts: Callable[[Occurrence], bool] | None = None
    ) -> None:
        self._files = files
        self._counts = counts
        self._length: int | None = None

    def __len__(self) -> int:
        if self._length is None:
            lengths = (
                (len(file.places) for file in self._files) if self._counts is None else (1 for _ in self)
            )
            self._length = sum(lengths)
        return self._length

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None

    def __iter__(self) -> Iterator[Occurrence]:
        everything = (Occurrence(file, place) for file in self._files for place in file.places)
        return everything if self._counts is None else filter(self._counts, everything)

    @overload
    def __getitem__(self, index: int) -> Occurrence: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Occurrence]: ...
    def __getitem__(self, index: int | slice) -> Occurrence | Sequence[Occurrence]:
        return tuple(self)[index]
