"""The ``ARG`` defaults of a Dockerfile, and whether one may carry a digest.

Only an ``ARG`` before the first ``FROM`` counts in a ``FROM``; a stage sees it when it asks for it
(``ARG NAME`` without a value).  An ``ARG`` that serves two ends is left alone: a digest that is right in
``FROM`` would be wrong in ``RUN curl …/$VERSION``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from imagelock.formats.classify.interpolation import Declared, UnresolvedError, assemble, resolve
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.classify.interpolation import Assembled
    from imagelock.formats.syntax.dockerfile_text import Instruction, Word

_MENTION = lazy_regex(r"\$\{?([A-Za-z_]\w*)", re.ASCII)
# Only a word that is the variable alone takes a digest at the variable's end; `${A}-slim` would put it in
# the middle.
_WHOLE = lazy_regex(r"[\"']?\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))[\"']?", re.ASCII)
SHARED = "its end is the ARG {}, which is used for something else as well"


class Arguments:
    """The global arguments of one Dockerfile."""

    def __init__(self, lines: Sequence[Instruction]) -> None:
        self._declared: dict[str, Declared] = {}
        self._used: Counter[str] = Counter()
        self._used_whole: Counter[str] = Counter()
        self._asked_for: set[str] = set()
        is_global = True
        for line in lines:
            if line.keyword == "FROM":
                is_global = False
                self._count(word for word, _ in line.words)
            elif line.keyword == "ARG" and is_global and not line.triggered:
                self._declare(line)
            elif line.keyword == "ARG":
                self._asked_for |= {word for word, _ in line.words if "=" not in word}
                self._count(word for word, _ in line.words)

    def assemble(self, word: Word) -> Assembled:
        """Read a FROM's image with the defaults; raise :class:`UnresolvedError` when there are not all."""
        written, span = word
        assembled = assemble(resolve(written, span, self._declared.get))
        chain = [name for name in assembled.pieces[-1].variables if name in self._declared]
        if not assembled.slots or not chain:
            return assembled
        whole = len(assembled.pieces) == 1 and _WHOLE.fullmatch(written) is not None
        shared = next(
            (name for name in chain if not self._is_free(name, is_part=name == chain[-1] and not whole)), None
        )
        if shared is None:
            return assembled
        return replace(assembled, slots=(), refusal=SHARED.format(shared))

    @cached_property
    def _ends_in(self) -> dict[str, list[str]]:
        """The arguments that end in another one, and so carry its end further."""
        ends: defaultdict[str, list[str]] = defaultdict(list)
        for name, declared in self._declared.items():
            for variable in declared.pieces[-1].variables if declared.pieces else ():
                ends[variable].append(name)
        return ends

    def _declare(self, line: Instruction) -> None:
        for word, span in line.words:
            variable, equals, value = word.partition("=")
            if not equals:
                continue
            start = len(variable) + 1
            if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
                start, value = start + 1, value[1:-1]
            self._count([value])
            try:
                pieces = resolve(value, span.cut(start, start + len(value)), self._declared.get)
            except UnresolvedError as error:
                self._declared[variable] = Declared((), str(error))
            else:
                self._declared[variable] = Declared(pieces)

    def _count(self, words: Iterator[str] | list[str]) -> None:
        for word in words:
            whole = _WHOLE.fullmatch(word)
            if whole is not None:
                self._used_whole[whole[1] or whole[2]] += 1
            self._used.update(_MENTION.findall(word))

    def _is_free(self, variable: str, *, is_part: bool) -> bool:
        """Whether a digest behind this default reaches nothing but the reference it belongs to.

        What is a whole reference may be used by several stages, and is harmless where a stage prints it.
        """
        if not all(self._used[other] == self._used_whole[other] for other in self._ends_in[variable]):
            return False
        if is_part:
            return self._used[variable] == 1 and variable not in self._asked_for
        return self._used[variable] == self._used_whole[variable]
