"""Scripts and Makefiles: images of ``docker run`` and other commands, of variables, and of objects in heredocs.

Read: the word of a command that is its image, values of variables whose name says image (``IMAGE=``, ``IMG ?=``,
``${IMAGE:-…}``), and lines ``image: …`` of YAML in heredocs.  A digest is written where a container is made of the image and
nothing in the file uses the same name otherwise; a variable is written when every use of it is such a word.  What is
tagged, pushed or loaded by its name keeps that name.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.classify.by_value import BUILT
from imagelock.formats.classify.prose import SHELL, is_comment, language_of
from imagelock.formats.source.commands import GOES, arguments
from imagelock.formats.source.says_image import image_lines, is_sure, place, refused, says_image
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, SkipKind, Skipped
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.source.commands import Argument
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "shell"
summary = (
    "scripts, Makefiles: images of commands such as docker run, variables that say image, objects in heredocs"
)

_SUFFIXES = (".sh", ".bash", ".zsh", ".ksh", ".bats", ".mk", ".mak", ".just")
_NAMES = ("makefile", "gnumakefile", "justfile")
_SHEBANG = "#!"
_MARKS = (
    *("mage", "MAGE", "IMG", "img", "docker", "podman", "DOCKER", "CONTAINER_", "nerdctl", "ctr", "crictl"),
    *("crane", "skopeo", "cosign", "trivy", "oras", "regctl", "grype", "syft"),
)
_ASSIGNED = lazy_regex(
    r"^\ufeff?[ \t]*(?:(?:export|readonly|local|declare|override|declare[ \t]+-\w+)[ \t]+)?(?P<name>[A-Za-z_]\w*)"
    r"[ \t]*(?:[?:]{0,3}=)[ \t]*[\"']?(?P<value>[^\s\"'#;&|()]+)[\"']?(?=[ \t\r]*(?:$|#|;|&|\|))",
    re.MULTILINE,
)
_DEFAULT = lazy_regex(r"\$\{(?P<name>[A-Za-z_]\w*):?[-=](?P<value>[^\s\"'${}]+)\}")
_MENTION = lazy_regex(r"\$(?:\{(?P<brace>[A-Za-z_]\w*)|\((?P<round>[A-Za-z_]\w*)\)|(?P<bare>[A-Za-z_]\w*))")
_NAME = lazy_regex(r"[A-Za-z0-9][\w./:@-]*+")
_MANY = 200
"""Uses of a variable that are looked at; one with more is no image alone."""
_LINE_CHARS = 4096
_BUILDS = lazy_regex(
    r"(?:(?:^|[\s\"'])(?:-t|--tag|--destination|--image-tag)(?:[ \t]+|=)[\"']?|\bpush[ \t]+[\"']?|\btag[ \t]+\S+[ \t]+[\"']?)\Z"
)
_BEFORE_CHARS = 200
USES = "the variable {} is used for something else as well, or by other files: a [[scan.rule]] with a regex pins it"
UNTAGGED = "a name without a tag in a command: it may be built on this machine"
BY_NAME = "the same image is used by its name as well: line {}"


def claims(text: Text) -> bool:
    """Take scripts by their suffix or their first line, and Makefiles by their name."""
    lower = text.file_name.lower()
    if lower.endswith(_SUFFIXES) or lower.partition(".")[0] in _NAMES:
        return not lower.endswith((".md", ".yaml", ".yml", ".json"))
    return text.content.startswith(_SHEBANG) and "." not in lower and language_of(text) == SHELL


def find(text: Text) -> Iterator[Found]:
    """Yield the images of commands, variables and heredocs."""
    if not any(mark in text.content for mark in _MARKS):
        return
    words = [word for word in arguments(text.content) if not _is_comment(text, word.start)]
    found = [*_of_commands(text, words), *_of_variables(text, words)]
    found += image_lines(text, 0, len(text.content), name)
    yield from _by_name(text, found)


def _is_comment(text: Text, at: int) -> bool:
    line = max(text.content.rfind("\n", 0, at) + 1, at - _LINE_CHARS)
    return is_comment(text.content, line, text.content[line:at], SHELL, ())


def _of_commands(text: Text, words: Sequence[Argument]) -> Iterator[Found]:
    for word in words:
        written = text.content[word.start : word.end]
        if "$" in written or Reference.parse_or_none(written) is None:
            continue
        if word.refusal is GOES:
            yield _skipped(text, word.start, written, GOES, SkipKind.BUILT)
            continue
        if not is_sure(written):
            yield _skipped(text, word.start, written, UNTAGGED, SkipKind.CANDIDATE)
            continue
        found = place(text, word.start, word.end, name, word.refusal)
        if found is not None:
            yield found


def _of_variables(text: Text, words: Sequence[Argument]) -> Iterator[Found]:
    """Yield the values and defaults of variables whose name says image."""
    given = [
        (match, pattern is _DEFAULT)
        for pattern in (_ASSIGNED, _DEFAULT)
        for match in pattern.finditer(text.content)
        if says_image(match["name"])
        and is_sure(match["value"])
        and not _is_comment(text, match.start("value"))
    ]
    mentions: defaultdict[str, list[re.Match[str]]] = defaultdict(list)
    for mention in _MENTION.finditer(text.content) if given else ():
        mentions[mention["brace"] or mention["round"] or mention["bare"]].append(mention)
    judged: dict[tuple[str, bool], str | None] = {}
    for match, is_default in given:
        key = (match["name"], is_default)
        if key not in judged:
            uses = mentions[match["name"]]
            judged[key] = _judged(text, match["name"], uses, words, is_default=is_default)
        start, end = match.span("value")
        if judged[key] is BUILT:
            yield _skipped(text, start, match["value"], BUILT, SkipKind.BUILT)
            continue
        found = place(text, start, end, name, judged[key])
        if found is not None:
            yield found


def _judged(
    text: Text,
    variable: str,
    uses: Sequence[re.Match[str]],
    words: Sequence[Argument],
    *,
    is_default: bool,
) -> str | None:
    """Return why the value of a variable must not be written; None where every use makes a container of it."""
    if len(uses) > _MANY:
        return USES.format(variable)
    befores = (text.content[max(0, use.start() - _BEFORE_CHARS) : use.start()] for use in uses)
    if any(_BUILDS.search(before) for before in befores):
        return BUILT
    for use in uses:
        i = bisect_right(words, use.start(), key=lambda word: word.start) - 1
        word = words[i] if i >= 0 and use.start() < words[i].end else None
        is_whole = word is not None and (is_default or word.end - word.start <= len(use[0]) + 1)
        if word is None or not is_whole or word.refusal is not None:
            return USES.format(variable)
    return None if uses else USES.format(variable)


def _skipped(text: Text, start: int, written: str, reason: str, kind: SkipKind) -> Skipped:
    line, column = text.position(start)
    return Skipped(text=written, line=line, column=column, reason=reason, format=name, kind=kind)


def _by_name(text: Text, found: Sequence[Found]) -> Iterator[Found]:
    """Yield what was found; an image that the file also uses by its name elsewhere keeps that name."""
    starts = {slot.span.offset(0) for item in found if isinstance(item, Place) for slot in item.slots}
    names = {_name(item) for item in found if isinstance(item, Place) and item.slots}
    others: dict[str, int] = {}
    for match in _NAME.finditer(text.content) if names else ():
        written = match[0].partition("@")[0]
        is_other = written in names and match.start() not in starts and written not in others
        if is_other and not _is_comment(text, match.start()):
            others[written] = match.start()
    for item in found:
        other = others.get(_name(item)) if isinstance(item, Place) and item.slots else None
        if isinstance(item, Place) and other is not None:
            yield refused(item, BY_NAME.format(text.position(other)[0]))
        else:
            yield item


def _name(item: Place) -> str:
    return str(item.reference).partition("@")[0]
