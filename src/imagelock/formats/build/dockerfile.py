"""Dockerfiles and Containerfiles: every image that a build pulls.

Read: ``FROM [--platform=…] image [AS stage]``, ``COPY --from=``, ``RUN --mount=…,from=`` (behind
``ONBUILD`` too) and the ``# syntax=`` directive.  Stages, by name or number, and ``scratch`` are no
images.  Variables of a ``FROM`` are read with the defaults that global ``ARG`` lines give them, or that
stand in place (``${BASE:-…}``); what ``--build-arg`` sets is not looked at.

The digest goes where the end of the reference is written (:mod:`imagelock.formats.classify.interpolation`).  When
that is an ``ARG``, it must be used for nothing else: ``ARG VERSION=3.12`` becomes
``3.12@sha256:…`` only when one ``FROM python:${VERSION}`` and no stage asks for it.
Follows the Dockerfile reference of Docker's documentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.build.dockerfile_args import Arguments, unquoted
from imagelock.formats.classify.candidates import SHOWN_CHARS, is_template
from imagelock.formats.classify.interpolation import UnresolvedError
from imagelock.formats.syntax.dockerfile_text import directives, instructions
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Damaged, Place, SkipKind, Skipped, Slot
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.syntax.dockerfile_text import Instruction, Word
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found, Span

name = "dockerfile"
summary = "Dockerfiles and Containerfiles: FROM with ARG defaults, COPY --from, RUN --mount from, # syntax"

# Names in use: Dockerfile, web.Dockerfile, Dockerfile.prod, Containerfile-ubi.
_FILE_NAME = lazy_regex(r"(?:.+[._-])?(?:dockerfile|containerfile)(?:[._-].+)?", re.IGNORECASE | re.ASCII)
# `# syntax=` makes BuildKit pull that image as the frontend, so it is a reference; other values are not
# images.
_SYNTAX = lazy_regex(r"\ufeff?#[ \t]*syntax[ \t]*=[ \t]*\S*docker", re.IGNORECASE)
_OTHER_FILES = (".md", ".yaml", ".yml", ".json", ".py", ".sh", ".go", ".dockerignore", ".txt")
_FROM_FLAG = "--from="
_MOUNT_FLAG = "--mount="
# `RUN --mount` is a row of CSV: a field may be quoted, and commas end it.
_MOUNT_FROM = lazy_regex(r"(?:^|,)\"?from=(?P<image>[^,\"]*)")
_SCRATCH = "scratch"
_PLACEHOLDER = lazy_regex(r"[A-Z][A-Z0-9_]*")
"""What is replaced before the build; no image has such a name."""


def claims(text: Text) -> bool:
    """Take files called Dockerfile or Containerfile, with any prefix or suffix, with their directive, or named as one."""
    if text.is_said_to_be(name):
        return True
    lower = text.file_name.lower()
    if lower.endswith(_OTHER_FILES):
        return False
    is_named = "file" in lower and _FILE_NAME.fullmatch(lower) is not None
    return is_named or _SYNTAX.match(text.content) is not None


def find(text: Text) -> Iterator[Found]:
    """Yield the images of the directive and of every instruction."""
    for key, (value, span) in directives(text.content):
        if key == "syntax" and value:
            yield _judge(text, "syntax", (value, span))
            break
    lines = list(instructions(text.content))
    yield from _Build(text, lines).images()


class _Build:
    """One Dockerfile read from top to bottom."""

    def __init__(self, text: Text, lines: Sequence[Instruction]) -> None:
        self._text = text
        self._lines = lines
        self._arguments = Arguments(text, lines)
        self._stages: set[str] = set()
        self._all_stages = {stage for line in lines if line.keyword == "FROM" and (stage := _stage(line))}
        self._taken: set[int] = set()

    def images(self) -> Iterator[Found]:
        """Yield what the instructions hold, each ARG default once."""
        for line in self._lines:
            if line.keyword == "FROM":
                yield from self._from(line)
                self._stages.add(_stage(line))
            elif line.keyword in ("COPY", "RUN"):
                for word in line.words:
                    image = _image_of_flag(line.keyword, word)
                    if image is not None:
                        yield from self._other(line, image)

    def _from(self, line: Instruction) -> Iterator[Found]:
        words = _arguments_of(line)
        if not words:
            return
        written, span = unquoted(words[0])
        if not self._is_image(written):
            return
        if _PLACEHOLDER.fullmatch(written):
            yield _skip(self._text, (written, span), "a placeholder in capitals", SkipKind.PLACEHOLDER)
            return
        if "$" not in written:
            yield _judge(self._text, "FROM", (written, span))
            return
        try:
            assembled = self._arguments.assemble((written, span))
        except UnresolvedError as error:
            reason = "a template" if is_template(written) else str(error)
            yield _skip(self._text, (written, span), reason, SkipKind.TEMPLATE)
            return
        if not self._is_image(str(assembled.reference)):
            return
        # A whole reference in an ARG is there; one that is put together is at its FROM.
        slot = assembled.slots[0] if assembled.slots else None
        at = slot.span.at if slot is not None and slot.part == "reference" else span.at
        if at not in self._taken:
            self._taken.add(at)
            yield _place(self._text, "FROM", at, assembled.reference, assembled.slots, assembled.refusal)

    def _is_image(self, written: str) -> bool:
        return written.lower() != _SCRATCH and written.lower() not in self._stages

    def _other(self, line: Instruction, word: Word) -> Iterator[Found]:
        """Judge the image of a COPY or RUN: here a stage may be named by its number."""
        written, _ = word
        if not self._is_image(written) or (written.isdecimal() and written.isascii()):
            return
        if written.lower() in self._all_stages:
            yield _skip(self._text, word, "the name of a later stage", SkipKind.BUILT)
        elif "$" in written:
            yield _skip(self._text, word, "variables are not replaced here", SkipKind.TEMPLATE)
        elif line.triggered and not set(written) & set("/:@"):
            yield _skip(
                self._text, word, "a stage of the build that inherits this, or an image", SkipKind.BUILT
            )
        else:
            yield _judge(self._text, line.keyword, word)


def _stage(line: Instruction) -> str:
    """Return the name of a FROM's stage in lower case, or nothing."""
    words = _arguments_of(line)
    return words[2][0].lower() if len(words) >= 3 and words[1][0].upper() == "AS" else ""


def _arguments_of(line: Instruction) -> list[Word]:
    return [word for word in line.words if not word[0].startswith("--")]


def _image_of_flag(keyword: str, word: Word) -> Word | None:
    """Return the image in ``--from=`` of a COPY, or in ``--mount=…,from=`` of a RUN."""
    written, span = word
    if keyword == "COPY" and written.startswith(_FROM_FLAG):
        return unquoted((written[len(_FROM_FLAG) :], span.cut(len(_FROM_FLAG), len(written))))
    if keyword == "RUN" and written.startswith(_MOUNT_FLAG):
        options, inner = unquoted((written[len(_MOUNT_FLAG) :], span.cut(len(_MOUNT_FLAG), len(written))))
        match = _MOUNT_FROM.search(options)
        if match is not None and match["image"]:
            return match["image"], inner.cut(*match.span("image"))
    return None


def _judge(text: Text, what: str, word: Word) -> Found:
    written, span = word
    try:
        reference = Reference.parse(written)
    except InvalidValueError as error:
        if "$" in written or is_template(written):
            return _skip(text, word, "a template", SkipKind.TEMPLATE)
        line, column = text.position(span.at)
        return Damaged(
            text=written[:SHOWN_CHARS],
            line=line,
            column=column,
            reason=error.message,
            hint=error.hint,
            format=name,
        )
    return _place(text, what, span.at, reference, (Slot(span=span, text=written),), None)


def _place(
    text: Text, what: str, at: int, reference: Reference, slots: tuple[Slot, ...], refusal: str | None
) -> Place:
    line, column = text.position(at)
    return Place(
        reference=reference,
        slots=slots,
        line=line,
        column=column,
        document=0,
        path=f"{what}[{line}]",
        format=name,
        refusal=refusal,
    )


def _skip(text: Text, word: tuple[str, Span], reason: str, kind: SkipKind) -> Skipped:
    written, span = word
    line, column = text.position(span.at)
    return Skipped(
        text=written[:SHOWN_CHARS], line=line, column=column, reason=reason, format=name, kind=kind
    )
