"""An in-toto statement (v1) about a release: the lock's images are its subjects, by digest.

The predicate is in-toto's ``release`` (v0.1): which package the statement is about.  Sign it with any tool that
signs statements; what verifies an image then finds it by the image's digest.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from imagelock.interchange.bills import described

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock, LockedImage

name = "in-toto"
summary = "an in-toto statement, every image a subject"
is_marked = False
options: tuple[Option, ...] = (described.PRODUCT, described.VERSION)


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the statement as JSON."""
    words = (asked.one(option.name) for option in options)
    release = "@".join(quote(word, safe="") for word in words if word)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [_subject(image) for image in lock.images],
        "predicateType": "https://in-toto.io/attestation/release/v0.1",
        "predicate": {"purl": f"pkg:generic/{release}", "releaseId": str(described.identity(lock, asked))},
    }
    return json.dumps(statement, indent=2) + "\n"


def _subject(image: LockedImage) -> dict[str, object]:
    return {
        "name": image.name,
        "uri": described.package_url(image),
        "digest": {image.digest.algorithm: image.digest.hex},
    }
