"""Pipelines, Makefiles and scripts: the names under which they build images.

Read: ``-t`` and ``--tag`` of ``docker build``, ``buildx build``, ``podman build``, ``buildah`` and ``nerdctl``, and
``tags`` of ``docker/build-push-action``.  What is built here and named without a registry exists nowhere else; a
name with a registry's host is one that others pull, and counts as built in the same file alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.relations.base import FILE, PROJECT, Builds
from imagelock.lazy_regex import lazy_regex
from imagelock.model.reference import DEFAULT_DOMAIN, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text

_NAMES = ("makefile", "gnumakefile", "justfile", "jenkinsfile", "taskfile")
_SUFFIXES = (".mk", ".sh", ".bash", ".yaml", ".yml")
_BUILD = lazy_regex(
    r"(?:docker|podman|nerdctl|buildah)[ \t]+(?:image[ \t]+)?(?:buildx[ \t]+)?(?:build|bud)\b(?:[^\n\\]|\\\r?\n|\\.)*"
)
_TAG = lazy_regex(r"(?:^|\s)(?:-t|--tag)(?:[ \t]+|=)[\"']?([^\s\"'\\]+)")
_ACTION = "docker/build-push-action"
_ACTION_TAGS = lazy_regex(
    r"^(?P<indent>[ ]+)tags:[ \t]*(?:(?P<one>[^\s|>][^\n]*)|[|>][-+]?[ \t]*\n(?P<many>(?:(?P=indent)[ ]+[^\n]*\n?)+))",
    8,
)


def may_say(text: Text) -> bool:
    """Take pipelines, Makefiles and scripts that build something."""
    lower = text.file_name.lower()
    if not (lower.endswith(_SUFFIXES) or lower.partition(".")[0] in _NAMES):
        return False
    content = text.content
    return (" build" in content and (_BUILD.search(content) is not None)) or _ACTION in content


def says_of_text(text: Text) -> Iterator[Statement]:
    """Yield every name that something built gets."""
    for command in _BUILD.finditer(text.content):
        yield from _builds(_TAG.findall(command[0]))
    if _ACTION in text.content:
        for match in _ACTION_TAGS.finditer(text.content):
            yield from _builds((match["one"] or match["many"] or "").replace(",", "\n").split())


def _builds(written: list[str]) -> Iterator[Builds]:
    for name in written:
        try:
            reference = Reference.parse(name)
        except InvalidValueError:
            continue
        is_local = reference.domain == DEFAULT_DOMAIN and "docker.io" not in reference.written_name
        reach = PROJECT if is_local and "/" not in reference.written_name else FILE
        yield Builds(reference.name, reference.tag or "latest", reach)
