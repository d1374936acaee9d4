"""Environment files (``.env``): variables that Compose files make images of, and images that kustomizations hand on.

Read because another file says so: a Compose file whose images have variables, or a generator of a kustomization.
For Compose the digest goes behind the characters that end the reference, as long as nothing but images is made of
the variable; what a generator hands on is an image by its value.  Follows the Compose specification.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.classify.assembled import USED, nowhere, place_of
from imagelock.formats.classify.env_lines import env_lines
from imagelock.formats.classify.interpolation import Declared, Piece, UnresolvedError, assemble, resolve
from imagelock.formats.classify.unmatched import is_tagged
from imagelock.formats.values.split_reference import SHARED
from imagelock.model.place import Place, Slot
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.classify.env_lines import EnvLine
    from imagelock.formats.classify.interpolation import Assembled
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "env-file"
summary = "environment files that Compose files or kustomizations take images from"


def claims(text: Text) -> bool:
    """Take files that another file names as one."""
    return text.is_said_to_be(name)


def find(text: Text) -> Iterator[Found]:
    """Yield the images that are made of the variables, or that the values are."""
    # Of a name twice the last counts.
    lines = {line.name: line for line in env_lines(text.content)}
    if text.context is not None and text.context.uses:
        yield from _used(text, lines)
        return
    for line in lines.values():
        if _is_image(line.value):
            yield _whole(text, line)


def _is_image(value: str) -> bool:
    host, slash, _ = value.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost") and is_tagged(value)


def _whole(text: Text, line: EnvLine) -> Place:
    row, column = text.position(line.span.at)
    return Place(
        reference=Reference.parse(line.value),
        slots=(Slot(span=line.span, text=line.value),),
        line=row,
        column=column,
        document=0,
        path=line.name,
        format=name,
    )


def _used(text: Text, lines: dict[str, EnvLine]) -> Iterator[Found]:
    """Yield the images that end in a variable of this file, each once."""
    made: defaultdict[str, dict[str, Assembled]] = defaultdict(dict)
    context = text.context
    for use in context.uses if context is not None else ():
        assembled = _assembled(use.text, lines)
        if assembled is not None and (variable := _end(assembled, lines)) is not None:
            made[variable][str(assembled.reference)] = assembled
    others = dict(context.other_uses) if context is not None else {}
    for variable, found in made.items():
        refusal = USED.format(variable, others[variable]) if variable in others else None
        if len(found) > 1:
            refusal = refusal or SHARED
        at = lines[variable].span.at
        yield from (place_of(item, text, at, variable, name, refusal=refusal) for item in found.values())


def _assembled(written: str, lines: dict[str, EnvLine]) -> Assembled | None:
    try:
        return assemble(resolve(written, nowhere(written), lambda key: _declared(lines.get(key))))
    except UnresolvedError:
        return None


def _declared(line: EnvLine | None) -> Declared | None:
    return None if line is None else Declared((Piece(line.value, line.span, ()),) if line.value else ())


def _end(assembled: Assembled, lines: dict[str, EnvLine]) -> str | None:
    """Return the variable of this file that the reference ends in."""
    return next(
        (each for each in assembled.pieces[-1].variables if each in lines and lines[each].value), None
    )
