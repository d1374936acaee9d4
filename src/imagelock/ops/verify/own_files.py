"""Files that say imagelock or a cluster wrote them: believed as far as what they hold is what the lock gives.

An export is made from the lock and is no source of it, and a report quotes what was found elsewhere.  Anybody can write
their first lines, though, so a gate must not pass over a file for that alone: every image in an export has to have a
digest of the lock, and what a report quotes must be known.  A dump of a cluster holds what ran there, so what it has
beyond the lock is one warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.not_sources import DUMP, EXPORT, REPORT
from imagelock.formats.scan import find
from imagelock.model.outcome import finding
from imagelock.model.place import Place, SkipKind, Skipped
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.model.digest import Digest
    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Finding
    from imagelock.model.place import Found
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.scanned_file import ScannedFile

NOT_GIVEN = "{} is in a file that says imagelock wrote it, and the lock does not give it"
NOT_JUDGED = "a dump of a cluster, with images that the lock does not give: {}"
_DUMP_HINT = "leave it out with `[scan] exclude`; a manifest of your own has no status"
_SHOWN = 3
_HINT = "export it again; a file of your own must not begin with imagelock's line"


def unproved(collection: Collection, lock: Lock) -> Iterator[Finding]:
    """Yield a finding for each image in such a file that is neither the lock's nor, in a report, known elsewhere."""
    files = [file for file in collection.files if _says(file, EXPORT, REPORT, DUMP)]
    if not files:
        return
    known = _Known(collection, lock)
    for file in files:
        found = list(known.unproved_in(file))
        if _says(file, DUMP):
            yield from _of_dump(file, [written for _, written in found])
            continue
        for item, written in found:
            code = "IL105" if "@" in written else "IL101"
            if not file.ignores.silences(code, item.line):
                yield finding(
                    code,
                    NOT_GIVEN.format(written),
                    reference=written,
                    file=file.name,
                    line=item.line,
                    column=item.column,
                    hint=_HINT,
                )


def _of_dump(file: ScannedFile, images: Sequence[str]) -> Iterator[Finding]:
    line = next(item.line for item in file.found if isinstance(item, Skipped) and item.reason == DUMP)
    distinct = sorted(set(images))
    if distinct and not file.ignores.silences("IL117", line):
        shown = ", ".join(distinct[:_SHOWN]) + (
            f" and {len(distinct) - _SHOWN} more" if distinct[_SHOWN:] else ""
        )
        yield finding("IL117", NOT_JUDGED.format(shown), file=file.name, line=line, hint=_DUMP_HINT)


class _Known:
    """What a file may hold that says imagelock or a cluster wrote it."""

    def __init__(self, collection: Collection, lock: Lock) -> None:
        self._collection = collection
        self._lock = lock
        self._digests = {str(digest) for image in lock.images for digest in _digests(image)}
        self._quoted = {item.text for file, item in collection.skipped if not _says(file, EXPORT, REPORT)}
        self._quoted |= {str(use.reference) for use in collection.all_uses}

    def unproved_in(self, file: ScannedFile) -> Iterator[tuple[Found, str]]:
        """Yield what is found in a file and is not known, with the image that it is."""
        for item in find(file.text, believes=False):
            written = _image(item)
            reference = None if written is None else Reference.parse_or_none(written)
            if written is None or reference is None:
                continue
            if self._collection.exemption(reference, file) is None and not self._is_known(item, reference):
                yield item, written

    def _is_known(self, item: Found, reference: Reference) -> bool:
        if reference.digest is not None and str(reference.digest) in self._digests:
            return True
        if isinstance(item, Place):
            return False
        return str(reference) in self._quoted or (
            reference.digest is None and _is_known(reference, self._lock)
        )


def _says(file: ScannedFile, *reasons: str) -> bool:
    return any(isinstance(item, Skipped) and item.reason in reasons for item in file.found)


def _digests(image: LockedImage) -> Iterator[Digest]:
    yield image.digest
    yield from (platform.digest for platform in image.platforms)


def _image(item: Found) -> str | None:
    """Return the image that something found is, None for what is expected to be none."""
    if isinstance(item, Place):
        return str(item.reference)
    return item.text if isinstance(item, Skipped) and item.kind is SkipKind.IMAGE else None


def _is_known(reference: Reference, lock: Lock) -> bool:
    """Whether a name and tag are an entry's, or those of its copy at a mirror, whose address is before the name."""
    return any(
        image.tag == reference.tag and f"/{reference.name}".endswith(f"/{image.name}")
        for image in lock.images
    )
