"""The ``ARG`` defaults of a Dockerfile, and whether one may carry a digest.

Only an ``ARG`` before the first ``FROM`` counts in a ``FROM``; a stage sees it when it asks for it
(``ARG NAME`` without a value).  A default is pinned when every ``FROM`` that ends in it means the same
reference and nothing else uses it: a digest that is right in ``FROM`` would be wrong in
``RUN curl …/$VERSION``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from imagelock.formats.classify.interpolation import Declared, UnresolvedError, assemble, resolve
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagelock.formats.classify.interpolation import Assembled
    from imagelock.formats.syntax.dockerfile_text import Instruction, Word
    from imagelock.formats.syntax.text import Text
    from imagelock.model.reference import Reference

_MENTION = lazy_regex(r"\$\{?([A-Za-z_]\w*)", re.ASCII)
_COMMENT = lazy_regex(r"[ \t]*#")
SHARED = "its end is the ARG {name}, which is used for something else as well: {what} ({file}:{line})"


@dataclass(frozen=True, slots=True)
class _Use:
    """One mention of an argument: what it is, and where."""

    what: str
    at: int


class Arguments:
    """The global arguments of one Dockerfile."""

    def __init__(self, text: Text, lines: Sequence[Instruction]) -> None:
        self._text = text
        self._declared: dict[str, Declared] = {}
        self._mentions: list[tuple[str, str, int]] = []
        self._images: list[Word] = []
        self._asked_for: list[tuple[str, int]] = []
        self._stages: list[int] = []
        for line in lines:
            if line.keyword == "FROM" and line.words:
                self._stages.append(line.words[0][1].at)
                self._images += [word for word in line.words if not word[0].startswith("--")][:1]
                self._mention("FROM", (word for word in line.words if word[0].startswith("--")))
            elif line.keyword == "ARG" and not self._stages and not line.triggered:
                self._declare(line)
            elif line.keyword == "ARG":
                self._asked_for += [(word, span.at) for word, span in line.words if "=" not in word]
                self._mention("ARG", line.words)

    def assemble(self, word: Word) -> Assembled:
        """Read a FROM's image with the defaults; raise :class:`UnresolvedError` when there are not all."""
        assembled = self._resolved(word)
        for name in assembled.pieces[-1].variables if assembled.slots else ():
            other = self._other_use(name, assembled.reference) if name in self._declared else None
            if other is not None:
                line, _ = self._text.position(other.at)
                refusal = SHARED.format(name=name, what=other.what, file=self._text.path, line=line)
                return replace(assembled, slots=(), refusal=refusal)
        return assembled

    def _resolved(self, word: Word) -> Assembled:
        written, span = word
        return assemble(resolve(written, span, self._declared.get))

    def _other_use(self, name: str, reference: Reference) -> _Use | None:
        """Return a use that a digest behind this default would reach and that is not this reference."""
        return next((use for meant, use in self._uses.get(name, {}).items() if meant != reference), None)

    @cached_property
    def _uses(self) -> dict[str, dict[Reference | None, _Use]]:
        """What mentions each argument, by the reference that it means there; None is no image."""
        uses: defaultdict[str, dict[Reference | None, _Use]] = defaultdict(dict)
        for word in self._images:
            for name, reference in self._made_of(word):
                uses[name].setdefault(reference, _Use(f"FROM {word[0]}", word[1].at))
        for owner, name, at in self._mentions:
            # An argument that images are made of hands its parts on to them.
            if owner not in uses:
                uses[name].setdefault(None, _Use(owner if owner in ("FROM", "ARG") else f"ARG {owner}", at))
        for name, at in self._asked_for:
            mentioned = self._in_stages.get((bisect_right(self._stages, at), name))
            if mentioned is not None:
                uses[name].setdefault(None, mentioned)
        return uses

    def _made_of(self, word: Word) -> list[tuple[str, Reference | None]]:
        """Return the arguments of a FROM's image, with the reference where they are its end."""
        try:
            assembled = self._resolved(unquoted(word))
        except UnresolvedError:
            return [(name, None) for name in _MENTION.findall(word[0])]
        ends = assembled.pieces[-1].variables
        names = {name for piece in assembled.pieces for name in piece.variables}
        return [(name, assembled.reference if name in ends else None) for name in names]

    @cached_property
    def _in_stages(self) -> dict[tuple[int, str], _Use]:
        """The first mention of each name in each stage, by the stage's number; comments do not count."""
        found: dict[tuple[int, str], _Use] = {}
        at = self._text.content.find("\n", self._stages[0]) if self._stages else -1
        for line in self._text.content[at:].split("\n") if at >= 0 else ():
            stage = bisect_right(self._stages, at)
            is_new_stage = bisect_right(self._stages, at + len(line)) > stage
            if "$" in line and not is_new_stage and not _COMMENT.match(line):
                what = line.split(None, 1)[0]
                for match in _MENTION.finditer(line):
                    found.setdefault((stage, match[1]), _Use(what, at + match.start()))
            at += len(line) + 1
        return found

    def _declare(self, line: Instruction) -> None:
        for word, span in line.words:
            variable, equals, value = word.partition("=")
            if not equals:
                continue
            start = len(variable) + 1
            inner, within = unquoted((value, span.cut(start, len(word))))
            self._mention(variable, [(inner, within)])
            try:
                pieces = resolve(inner, within, self._declared.get)
            except UnresolvedError as error:
                self._declared[variable] = Declared((), str(error))
            else:
                self._declared[variable] = Declared(pieces)

    def _mention(self, owner: str, words: Iterable[Word]) -> None:
        for word, span in words:
            self._mentions += [
                (owner, match[1], span.offset(match.start())) for match in _MENTION.finditer(word)
            ]


def unquoted(word: Word) -> Word:
    """Return a word without the quotes around it."""
    written, span = word
    if len(written) >= 2 and written[0] == written[-1] and written[0] in "\"'":
        return written[1:-1], span.cut(1, len(written) - 1)
    return word
