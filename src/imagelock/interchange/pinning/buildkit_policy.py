"""BuildKit's source policy: base images become the lock's digests while a Dockerfile stays as it is.

Follows BuildKit's documentation of reproducible builds; ``buildctl build --source-policy-file`` and
``EXPERIMENTAL_BUILDKIT_SOURCE_POLICY`` of ``docker buildx build`` take it.  With ``--deny`` a build that
uses an image which is not in the lock fails: rules are read in their order, and the last one counts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imagelock.interchange.base import Option

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock, LockedImage

name = "buildkit-policy"
summary = "BuildKit's source policy, every base image by digest"
is_marked = False
options: tuple[Option, ...] = (
    Option(name="deny", help="Refuse every image that is not in the lock.", is_flag=True),
)

_IMAGE = "docker-image://"


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the policy as JSON."""
    rules: list[dict[str, object]] = []
    if asked.one("deny"):
        rules.append({"action": "DENY", "selector": _selector(f"{_IMAGE}*")})
        rules += [
            {"action": "ALLOW", "selector": _selector(f"{_IMAGE}{spelled}")}
            for image in lock.images
            for spelled in dict.fromkeys((image.image_id, f"{image.name}@{image.digest}"))
        ]
    rules += [_convert(image) for image in lock.images if image.tag is not None]
    return json.dumps({"rules": rules}, indent=2) + "\n"


def _convert(image: LockedImage) -> dict[str, object]:
    return {
        "action": "CONVERT",
        "selector": _selector(f"{_IMAGE}{image.reference}"),
        "updates": {"identifier": f"{_IMAGE}{image.image_id}"},
    }


def _selector(identifier: str) -> dict[str, str]:
    """Return what a rule is about: BuildKit takes ``*`` for anything unless told otherwise."""
    return {"identifier": identifier}
