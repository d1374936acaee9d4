"""Scripts and Makefiles: images of ``docker run`` and other commands, of variables, and of objects in heredocs.

Read: the word of a command that is its image, values of variables whose name says image (``IMAGE=``, ``IMG ?=``,
``${IMAGE:-…}``), and lines ``image: …`` of YAML in heredocs.  A digest is written where a container is made of the image and
nothing in the file uses the same name otherwise; a variable is written when every use of it is such a word.  What is
tagged, pushed or loaded by its name keeps that name.
"""

from __future__ import annotations

import re
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

_SUFFIXES = (".sh", ".bash", ".zsh", ".ksh", ".bats", ".mk", ".mak")
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
_MENTION = r"\$(?:\{{{0}(?![\w])|\({0}\)|{0}(?!\w))"
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
    line = text.content.rfind("\n", 0, at) + 1
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
    for pattern in (_ASSIGNED, _DEFAULT):
        for match in pattern.finditer(text.content):
            if not says_image(match["name"]) or not is_sure(match["value"]):
                continue
            start, end = match.span("value")
            if _is_comment(text, start):
                continue
            uses = list(re.finditer(_MENTION.format(match["name"]), text.content))
            if any(
                _BUILDS.search(text.content, max(0, use.start() - _BEFORE_CHARS), use.start()) for use in uses
            ):
                yield _skipped(text, start, match["value"], BUILT, SkipKind.BUILT)
                continue
            refusal = _refusal(match["name"], uses, words, is_default=pattern is _DEFAULT)
            found = place(text, start, end, name, refusal)
            if found is not None:
                yield found


def _refusal(
    variable: str, uses: Sequence[re.Match[str]], words: Sequence[Argument], *, is_default: bool
) -> str | None:
    """Return why the value of a variable must not be written; None where every use makes a container of it."""
    for use in uses:
        word = next((word for word in words if word.start <= use.start() < word.end), None)
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
    for item in found:
        if isinstance(item, Place) and item.slots:
            written = str(item.reference).partition("@")[0]
            other = next((at for at in _occurrences(text, written) if at not in starts), None)
            yield refused(item, None if other is None else BY_NAME.format(text.position(other)[0]))
        else:
            yield item


def _occurrences(text: Text, written: str) -> Iterator[int]:
    """Yield where a name stands in a text as a whole word, comments left out."""
    pattern = re.compile(rf"(?<![\w./-]){re.escape(written)}(?![\w./-])")
    for match in pattern.finditer(text.content):
        if not _is_comment(text, match.start()):
            yield match.start()
