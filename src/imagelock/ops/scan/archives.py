"""Read the members of a tar in memory, bounded: nothing is unpacked to disk."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Budget:
    """What is left of the caps for one file on disk, whatever is packed into each other."""

    data: int
    files: int


def members(
    data: bytes, suffixes: tuple[str, ...], budget: Budget, limit: int
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files that end so, at most ``limit`` bytes of each.

    Links, devices and names that lead out are none.  Raises :class:`FileError` for what is no whole tar, and for
    more files than the budget has.
    """
    import tarfile  # noqa: PLC0415 - only packages need it, and it is slow to import

    most = budget.files
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                budget.files -= 1
                if budget.files < 0:
                    raise FileError(f"more than {most} files in an archive")
                name = member.name.removeprefix("./")
                is_read = name.lower().endswith(suffixes) and member.isreg()
                is_odd = name.startswith("/") or ".." in name.split("/")
                file = archive.extractfile(member) if is_read and not is_odd else None
                if file is not None:
                    yield name, file.read(limit)
    except (tarfile.TarError, OverflowError, ValueError, EOFError, RecursionError) as error:
        raise FileError("an incomplete archive") from error
