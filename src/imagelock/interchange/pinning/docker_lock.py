"""docker-lock's ``docker-lock.json``: what its Dockerfiles, compose files and manifests were locked to.

Follows docker-lock's README: for each kind of file an object from paths to images with ``name``, ``tag`` and
``digest``, the digest without its algorithm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError, UsageError
from imagelock.interchange import records
from imagelock.model import strictjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.model.reference import Reference

name = "docker-lock"
summary = "docker-lock.json of docker-lock"

_KINDS = ("dockerfiles", "composefiles", "kubernetesfiles")


def read(text: str, where: str) -> list[Reference]:
    """Return every image of the file."""
    try:
        document = strictjson.loads(text)
    except InvalidValueError as error:
        raise UsageError(error.message, where=where) from error
    if not isinstance(document, dict) or not any(kind in document for kind in _KINDS):
        raise UsageError("no docker-lock.json", where=where, hint=f"it has {', '.join(_KINDS)}")
    return [image for kind in _KINDS for image in _images(document.get(kind) or {}, kind, where)]


def _images(files: object, kind: str, where: str) -> Iterator[Reference]:
    if not isinstance(files, dict):
        raise UsageError(f"{kind} is no object", where=where)
    for file, images in files.items():
        for path, item in records.items(images, f"{kind}.{file}", where):
            yield _image(item, path, where)


def _image(item: Mapping[object, object], path: str, where: str) -> Reference:
    named, tag = item.get("name"), item.get("tag")
    image = records.reference(f"{named}:{tag}" if tag else named, path, where)
    return image.with_digest(records.digest(item.get("digest"), f"{path}.digest", where))
