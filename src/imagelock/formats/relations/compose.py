"""Compose files: what they build, the Dockerfiles they give arguments to, and the files their variables come from.

Compose fills ``${VAR}`` in from ``.env`` beside the file and from ``env_file`` of an ``include``; an ``env_file`` of
a service reaches the containers alone, and is looked at last because people pass it with ``--env-file`` too.
Follows the Compose specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.build.build_arguments import dockerfile_path
from imagelock.formats.build.compose import has_file_name
from imagelock.formats.relations.base import FILE, PROJECT, Builds, BuildsFrom, Interpolates
from imagelock.formats.values.split_reference import text_of
from imagelock.lazy_regex import lazy_regex
from imagelock.model.reference import DEFAULT_DOMAIN, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node

_VARIABLE = lazy_regex(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


def may_say(text: Text) -> bool:
    """Take Compose files by their name."""
    return has_file_name(text) and ("build" in text.content or "$" in text.content)


def says(document: Document) -> Iterator[Statement]:
    """Yield what the services build, and where the variables of their images come from."""
    services = [service for _, service in _entries(document.top.get("services")) if service.is_mapping]
    for service in services:
        build = service.get("build")
        if build is not None and not build.is_null:
            yield from _built(service, build)
    images = [
        image
        for service in services
        if service.get("build") is None
        and (image := service.get("image")) is not None
        and "$" in (image.text or "")
    ]
    if images:
        yield _interpolates(document, services, images)


def _entries(node: Node | None) -> Iterator[tuple[str, Node]]:
    yield from node.entries() if node is not None else ()


def _built(service: Node, build: Node) -> Iterator[Statement]:
    try:
        reference = Reference.parse(text_of(service.get("image")))
    except InvalidValueError:
        pass
    else:
        is_word = reference.domain == DEFAULT_DOMAIN and "/" not in reference.written_name
        yield Builds(reference.name, reference.tag or "latest", PROJECT if is_word else FILE)
    names = tuple(argument_names(build.get("args")))
    if names:
        yield BuildsFrom(dockerfile_path(build), names)


def argument_names(arguments: Node | None) -> Iterator[str]:
    """Yield the names of ``args``, a mapping or a list of ``name=value``."""
    if arguments is not None:
        yield from (name for name, _ in arguments.entries())
        yield from ((item.text or "").partition("=")[0] for item in arguments.items())


def _interpolates(document: Document, services: list[Node], images: list[Node]) -> Interpolates:
    taken = {id(image.raw) for image in images}
    others = tuple(
        (name, node.path)
        for _, node in document.top.strings_if(lambda _key, value, _name: "$" in value)
        if id(node.raw) not in taken
        for name in _VARIABLE.findall((node.text or "").replace("$$", ""))
    )
    included = [path for item in _items(document.top.get("include")) for path in _files(item.get("env_file"))]
    given = [path for service in services for path in _files(service.get("env_file"))]
    return Interpolates(
        images=tuple(image.text or "" for image in images),
        others=others,
        files=tuple(dict.fromkeys((".env", *included, *given))),
        container_files=tuple(dict.fromkeys(given)),
    )


def _items(node: Node | None) -> Iterator[Node]:
    yield from node.items() if node is not None else ()


def _files(node: Node | None) -> Iterator[str]:
    """Read ``env_file``: a path, or a list of paths and of mappings with ``path``."""
    if node is None:
        return
    for item in (node, *node.items()):
        path = text_of(item) or text_of(item.get("path"))
        if path:
            yield path
