"""Read and write what operator-manifest-tools passes between its steps: ``references.json`` and ``replacements.json``.

``pinning extract`` writes a JSON list of references, ``pinning resolve`` an object from each to the same image by
digest, which ``pinning replace`` puts into the manifests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError, UsageError
from imagelock.interchange import records
from imagelock.model import strictjson

if TYPE_CHECKING:
    from imagelock.model.lock import Lock
    from imagelock.model.reference import Reference

name = "operator-manifest"
summary = "references.json or replacements.json of operator-manifest-tools"


def tagged(lock: Lock) -> dict[str, str]:
    """Return each entry as people write it, and by digest: ``name:tag`` to ``name@digest``."""
    return {image.reference: f"{image.name}@{image.digest}" for image in lock.images}


def read(text: str, where: str) -> list[Reference]:
    """Read either file; of replacements the digest follows the tag.

    Raises :class:`UsageError` that names the entry which is wrong.
    """
    try:
        document = strictjson.loads(text)
    except InvalidValueError as error:
        raise UsageError(error.message, where=where) from error
    if isinstance(document, list):
        return [records.reference(item, f"[{number}]", where) for number, item in enumerate(document)]
    if not isinstance(document, dict):
        raise UsageError("neither a list of references nor an object of replacements", where=where)
    return [
        _replaced(records.reference(old, "", where), records.reference(new, old, where), where)
        for old, new in document.items()
    ]


def _replaced(old: Reference, new: Reference, where: str) -> Reference:
    if new.digest is None:
        raise UsageError(f"{old} is replaced by {new}, which has no digest", where=where)
    if new.name != old.name:
        raise UsageError(f"{old} is replaced by a different image: {new}", where=where)
    return old.with_digest(new.digest)
