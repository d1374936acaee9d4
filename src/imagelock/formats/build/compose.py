"""Docker Compose files: the images of services, build contexts and image mounts.

Read: ``services.*.image``, ``build.additional_contexts`` with ``docker-image://``, ``volumes`` of
``type: image``, ``dockerfile_inline``, ``build.args`` that a Dockerfile takes its base image from, and services in
``x-`` extensions that an anchor carries into a service.  A text with ``${TAG:-1.2}`` is read with its defaults
(:mod:`imagelock.formats.classify.interpolation`) and with the values of the project's ``.env``; what the environment
sets at run time is not looked at.  ``include`` and ``extends`` are not followed: the
files they name are Compose files themselves.  Follows the Compose specification.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from imagelock.formats.build.build_arguments import argument_images
from imagelock.formats.build.dockerfile_inside import dockerfile_images
from imagelock.formats.classify.assembled import nowhere, place_of
from imagelock.formats.classify.candidates import NO_SPAN, is_template, required_behind, skipped
from imagelock.formats.classify.interpolation import Declared, Piece, UnresolvedError, assemble, resolve
from imagelock.model.place import SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark, Text
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "compose"
summary = "Docker Compose: images of services with the defaults of variables, build contexts, image mounts"
marks: tuple[Mark, ...] = ("\nservices", 'services"', "services'")

_FILE_NAMES = ("*compose*.yml", "*compose*.yaml", "*compose*.json")
_TOP_KEYS = frozenset(
    ["version", "name", "services", "networks", "volumes", "configs", "secrets", "include", "models"]
)
_SERVICE_KEYS = (
    "image",
    "build",
    "extends",
    "ports",
    "environment",
    "env_file",
    "command",
    "volumes",
    "depends_on",
)
BUILT = "the name given to an image that is built here"
"""A digest there would be refused: what is built later cannot be named by its content."""
IN_ENV_FILE = "its end is the variable {} of {}, where the image is found"
CONTEXT_PREFIX = "docker-image://"


def claims(document: Document) -> bool:
    """Take documents of services, by their top-level keys or by the file's name."""
    services = document.top.get("services")
    if services is None or not services.is_mapping:
        return False
    if not has_file_name(document.text):
        for key, _ in document.top.entries():
            if key not in _TOP_KEYS and not key.startswith("x-"):
                return False
    bodies = [body for _, body in services.entries() if not body.is_null]
    return all(body.is_mapping for body in bodies) and any(map(is_service, bodies))


def has_file_name(text: Text) -> bool:
    """Whether a file has one of the names that Compose files have."""
    file_name = text.file_name.lower()
    return "compose" in file_name and any(fnmatch.fnmatchcase(file_name, glob) for glob in _FILE_NAMES)


def is_service(body: Node) -> bool:
    """Whether a mapping says what a service is made from or how it runs."""
    image = body.get("image")
    if image is not None and image.is_mapping and not is_template(body.document.raw_text(image.raw)):
        return False  # the values of a Helm chart have a mapping here
    return any(body.get(key) is not None for key in (*_SERVICE_KEYS, "<<"))


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every service, those that extensions carry included."""
    services = document.top.get("services")
    for _, service in services.entries() if services is not None else ():
        yield from service_images(service)


def service_images(service: Node) -> Iterator[Found]:
    """Yield the images of one service, those that it merges included."""
    if not service.document.is_first("service", service.raw):
        return
    build = service.get("build")
    for key, value in service.entries():
        if key == "image" and build is not None and not build.is_null:
            if value.text:
                yield skipped(value, BUILT, name, SkipKind.BUILT)
        elif key == "image":
            yield from _found(value, "")
        elif key == "build":
            yield from _contexts(value.get("additional_contexts"))
            yield from dockerfile_images(value.get("dockerfile_inline"), name)
            yield from argument_images(value, name)
        elif key == "volumes":
            yield from _mounts(value)
        elif key == "<<":
            # A merge key brings in one mapping or several; each is read where its anchor is.
            for merged in (value, *value.items()):
                yield from service_images(merged)


def _contexts(contexts: Node | None) -> Iterator[Found]:
    """Read ``additional_contexts``, a mapping or a list of ``name=value``."""
    if contexts is None or not contexts.document.is_first("contexts", contexts.raw):
        return
    for _, value in contexts.entries():
        yield from _found(value, CONTEXT_PREFIX)
    for item in contexts.items():
        before, _, _ = (item.text or "").partition("=")
        yield from _found(item, f"{before}={CONTEXT_PREFIX}")


def _mounts(volumes: Node) -> Iterator[Found]:
    for volume in volumes.new_items("volume"):
        kind, source = volume.get("type"), volume.get("source")
        if kind is not None and kind.text == "image" and source is not None:
            yield from _found(source, "")


def _found(node: Node, prefix: str) -> Iterator[Found]:
    text = node.text or ""
    node.is_image()
    if "$" not in text or not text.startswith(prefix):
        found = required_behind(node, prefix, name)
    elif not node.document.is_first("judged", node.raw):
        return
    else:
        found = _interpolated(node, prefix)
    if found is not None:
        yield found


def _interpolated(node: Node, prefix: str) -> Found:
    text, span = node.text or "", node.span()
    start = len(prefix)
    # A scalar that cannot be followed still shows its image; where its characters are does not matter then.
    where = nowhere(text, node.offset) if span is None else span
    node.document.taken.add(node.offset)
    given = _given(node.document.text)
    declared = {key: item for key, (item, _) in given.items()}
    try:
        assembled = assemble(resolve(text[start:], where.cut(start, len(text)), declared.get))
    except UnresolvedError as error:
        return skipped(node, str(error), name, SkipKind.TEMPLATE)
    end = next((each for each in assembled.pieces[-1].variables if each in given), None)
    if end is not None:
        return skipped(node, IN_ENV_FILE.format(end, given[end][1]), name, SkipKind.REPLACED)
    refusal = NO_SPAN if span is None else None
    at = where.offset(start)
    return place_of(assembled, node.document.text, at, node.path, name, node.document.index, refusal)


def _given(text: Text) -> dict[str, tuple[Declared, str]]:
    """Return the variables that environment files set, each with its file."""
    return {
        key: (Declared((Piece(value, nowhere(value), ()),) if value else ()), path)
        for key, value, path in (text.context.values if text.context is not None else ())
    }
