"""Read a pod's ``imageID`` in every form that container runtimes report.

``name@digest`` is the manifest or index that was pulled: containerd and CRI-O as it is, dockershim
after ``docker-pullable://``.  ``sha256:…``, 64 hex characters alone or ``docker://sha256:…`` is the
runtime's own image ID, which is the digest of the image's config.  The name may be a mirror's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from imagelock.errors import InvalidValueError
from imagelock.model.digest import Digest
from imagelock.model.reference import Reference

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII)
_BARE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGEST = re.compile(r"sha(?:256|512):[0-9a-f]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ImageId:
    """The digest a runtime reports; ``name`` is None for a config digest, canonical otherwise."""

    digest: Digest
    name: str | None = None

    @property
    def is_config(self) -> bool:
        """Whether the digest is that of an image's config and not of a manifest."""
        return self.name is None


def parse_image_id(text: str) -> ImageId:
    """Read an ``imageID``; raise :class:`InvalidValueError` for anything else."""
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text
    if _BARE.fullmatch(rest):
        return ImageId(Digest("sha256", rest))
    if _DIGEST.fullmatch(rest):
        return ImageId(Digest.parse(rest))
    reference = Reference.parse(rest)
    if reference.digest is None:
        raise InvalidValueError("an imageID without a digest", text=text)
    return ImageId(reference.digest, reference.name)
