"""Read what build tools write about the images they pushed: each reader turns one text into references with digests.

buildx and bake: ``--metadata-file``.  buildah and podman: ``--digestfile``.  kaniko:
``--image-name-with-digest-file`` and ``--image-name-tag-with-digest-file``.  ko: ``--image-refs``.  jib:
``jib-image.json``.  Texts in, values out; a text that is none of them raises :class:`InvalidValueError`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.model.digest import Digest
from imagelock.model.reference import Reference, is_tag
from imagelock.model.strictjson import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.model.strictjson import Json

_DIGEST_KEY = "containerimage.digest"
_NAME_KEY = "image.name"


def read_buildx(text: str) -> list[Reference]:
    """Read a metadata file of ``docker buildx build``, or of ``bake`` with a part for each target."""
    document = _object(text)
    targets = [document] if _DIGEST_KEY in document else [*document.values()]
    found = [
        reference
        for target in targets
        if isinstance(target, dict) and _DIGEST_KEY in target
        for reference in _buildx_target(target)
    ]
    if not found:
        raise InvalidValueError(
            f"it has no {_DIGEST_KEY!r}",
            text=text,
            hint="build with --push, or --output type=image,push=true, so that there is a digest",
        )
    return found


def read_digest(text: str, image: str) -> list[Reference]:
    """Read a digest file (``sha256:…`` and nothing else) for an image given by its name."""
    reference = Reference.parse(image)
    if reference.digest is not None:
        raise InvalidValueError("the digest is in the file, not in --image", text=image)
    return [replace(reference, digest=Digest.parse(text.strip()))]


def read_references(text: str) -> list[Reference]:
    """Read one reference with its digest a line: what kaniko and ko write."""
    return [_pinned(line.strip()) for line in text.splitlines() if line.strip()]


def read_jib(text: str) -> list[Reference]:
    """Read jib's ``jib-image.json``: the image under each of its tags."""
    document = _object(text)
    if document.get("imagePushed") is False:
        raise InvalidValueError(
            "jib did not push this image", text=text, hint="build with the goal that pushes"
        )
    reference = Reference.parse(_text(document, "image"))
    digest = Digest.parse(_text(document, "imageDigest"))
    tags = document.get("tags")
    named = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    for tag in named:
        if not is_tag(tag):
            raise InvalidValueError(f"{tag!r} is not a tag", text=tag)
    own = [] if reference.tag is None and named else [reference.tag]
    return [replace(reference, tag=tag, digest=digest) for tag in dict.fromkeys([*named, *own])]


READERS: dict[str, Callable[[str], list[Reference]]] = {
    "buildx": read_buildx,
    "kaniko": read_references,
    "ko": read_references,
    "jib": read_jib,
}
"""The readers that need nothing but the file, by the name of the tool."""


def _buildx_target(target: dict[str, Json]) -> Iterator[Reference]:
    digest = Digest.parse(_text(target, _DIGEST_KEY))
    names = target.get(_NAME_KEY)
    if not isinstance(names, str) or not names.strip():
        raise InvalidValueError(
            f"the image has a digest and no {_NAME_KEY!r}", text=str(digest), hint="build with --tag NAME:TAG"
        )
    for name in names.split(","):
        reference = Reference.parse(name.strip())
        if reference.digest is not None:
            raise InvalidValueError("a digest in the name", text=name)
        yield replace(reference, digest=digest)


def _pinned(text: str) -> Reference:
    reference = Reference.parse(text)
    if reference.digest is None:
        raise InvalidValueError(f"{text} has no digest", text=text, hint="write name[:tag]@sha256:…")
    return reference


def _object(text: str) -> dict[str, Json]:
    document = loads(text)
    if not isinstance(document, dict):
        raise InvalidValueError("expected a JSON object", text=text)
    return document


def _text(document: dict[str, Json], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise InvalidValueError(f"{key!r} is missing", text=key)
    return value
