"""Files that say imagelock wrote them: believed as far as what they hold is what the lock gives.

An export is made from the lock and is no source of it, and a report quotes what was found elsewhere.  Anybody can write
their first lines, though, so a gate must not pass over a file for that alone: every image in an export has to have a
digest of the lock, and what a report quotes must be known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.not_sources import EXPORT, REPORT
from imagelock.formats.scan import find
from imagelock.model.outcome import finding
from imagelock.model.place import Place, SkipKind, Skipped
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.digest import Digest
    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Finding
    from imagelock.model.place import Found
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.scanned_file import ScannedFile

NOT_GIVEN = "{} is in a file that says imagelock wrote it, and the lock does not give it"
_HINT = "export it again; a file of your own must not begin with imagelock's line"


def unproved(collection: Collection, lock: Lock) -> Iterator[Finding]:
    """Yield a finding for each image in such a file that is neither the lock's nor, in a report, known elsewhere."""
    files = [file for file in collection.files if _says_own(file)]
    if not files:
        return
    digests = {str(digest) for image in lock.images for digest in _digests(image)}
    quoted = {item.text for file, item in collection.skipped if not _says_own(file)}
    quoted |= {str(use.reference) for use in collection.all_uses}
    for file in files:
        for item in find(file.text, believes=False):
            written = _image(item)
            reference = None if written is None else Reference.parse_or_none(written)
            if reference is None or collection.exemption(reference, file) is not None:
                continue
            is_locked = reference.digest is not None and str(reference.digest) in digests
            is_quoted = not isinstance(item, Place) and (
                written in quoted or (reference.digest is None and _is_known(reference, lock))
            )
            code = "IL101" if reference.digest is None else "IL105"
            if not is_locked and not is_quoted and not file.ignores.silences(code, item.line):
                yield finding(
                    code,
                    NOT_GIVEN.format(written),
                    reference=written,
                    file=file.name,
                    line=item.line,
                    column=item.column,
                    hint=_HINT,
                )


def _says_own(file: ScannedFile) -> bool:
    return any(isinstance(item, Skipped) and item.reason in (EXPORT, REPORT) for item in file.found)


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
