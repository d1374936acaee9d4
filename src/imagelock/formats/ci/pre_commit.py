"""pre-commit: images of hooks whose language is ``docker_image``.

Read: the first word of ``entry`` that is no option, in ``.pre-commit-config.yaml`` (below ``repos``) and
``.pre-commit-hooks.yaml`` (a list of hooks).  Follows "docker_image" of pre-commit's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import judge_words, skipped
from imagelock.formats.values.split_reference import text_of
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Damaged, SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "pre-commit"
summary = "pre-commit: the image of hooks with language docker_image"
marks: tuple[Mark, ...] = ("docker_image",)

LANGUAGE = "docker_image"
VARIABLE = "a variable that pre-commit does not know"
_WORD = lazy_regex(r"\S+")
_TAKES_VALUE = (
    "--entrypoint",
    "-e",
    "--env",
    "-v",
    "--volume",
    "-u",
    "--user",
    "--network",
    "-w",
    "--workdir",
)


def claims(document: Document) -> bool:
    """Take configurations, and lists of hooks."""
    return any(text_of(hook.get("language")) == LANGUAGE for hook in _hooks(document.top))


def find(document: Document) -> Iterator[Found]:
    """Yield the image of every hook that runs one."""
    for hook in _hooks(document.top):
        entry = hook.get("entry")
        if text_of(hook.get("language")) == LANGUAGE and entry is not None and entry.text:
            yield from _image(entry, entry.text)


def _hooks(top: Node) -> Iterator[Node]:
    yield from (item for item in top.items() if item.get("id") is not None)
    repos = top.get("repos")
    for repo in repos.items() if repos is not None else ():
        hooks = repo.get("hooks")
        yield from hooks.items() if hooks is not None else ()


def _image(entry: Node, written: str) -> Iterator[Found]:
    takes_value = False
    for word in _WORD.finditer(written):
        if takes_value or word[0].startswith("-"):
            takes_value = not takes_value and word[0] in _TAKES_VALUE
            continue
        entry.document.taken.add(entry.offset)
        span = entry.span()
        at = None if span is None else span.cut(*word.span())
        where = entry.document.text.position(entry.offset if at is None else at.offset(0))
        found = judge_words(
            word[0], span=at, where=where, path=entry.path, document=entry.document.index, format_name=name
        )
        is_variable = isinstance(found, Damaged) and "$" in word[0]
        yield skipped(entry, VARIABLE, name, SkipKind.TEMPLATE) if is_variable else found
        return
