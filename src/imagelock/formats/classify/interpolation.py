"""Resolve references that are assembled from variables with defaults: ``nginx:${TAG:-1.2}``, ``FROM python:${VERSION}``.

What is written without any setting from outside is the reference: literal text and defaults, one behind
the other.  Where its digest can stand is decided here once for Compose and Dockerfiles:

* A whole reference in one piece (``${IMAGE:-nginx:1}``) is a place like any other, inside the default.
* Else the digest is written behind the last character, into the piece that this one is in.  In
  ``nginx:${TAG:-1.2@sha256:…}`` another ``TAG`` takes the digest away with the tag it belongs to; a digest
  behind the brace would stay, and silently overrule it.
* Where a variable holds a part of the image's last name or of its tag and not the end
  (``${NAME:-nginx}:1.2``, ``node:${NODE:-20}-alpine``), another value would meet this image's digest:
  found, and not pinnable.  One before them (``${REGISTRY:-docker.io}/acme/x:1``) says where the same
  bytes are taken from.

Follows the interpolation of the Compose specification and the variable expansion of the Dockerfile
reference, of which the forms ``:-`` and ``-`` have a default.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.candidates import is_template
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import REFERENCE_CHARS
from imagelock.model.place import Slot
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.model.place import Span

# Compose and Dockerfile share this grammar; the form after the name decides whether there is a default,
# and an unknown form is captured so that it can be refused.
_VARIABLE = lazy_regex(
    r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?P<form>:?[-?+=]|[^\w{}\s])?)", re.ASCII
)
_BRACE = lazy_regex(r"\$\{|\}")
_DEFAULTS = ("-", ":-", "=", ":=")
"""Forms with a default; the last two are those of shells and of Flux."""
_DEPTH = 8
"""Defaults inside defaults; no one writes as many."""
VARIES = "another value of a variable in its name or tag would meet this digest"
SPLIT_DIGEST = "the digest is put together from several variables"


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters of the resolved text that stand together.

    ``variables`` are those in whose default they stand, the outermost first; literal text has none.
    """

    text: str
    span: Span
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """A variable's default that is written elsewhere: what it resolved to, or why it did not."""

    pieces: tuple[Piece, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Assembled:
    """A reference with the slot of its digest, or with the reason that there is none."""

    reference: Reference
    slots: tuple[Slot, ...]
    refusal: str | None
    pieces: tuple[Piece, ...]


class UnresolvedError(ValueError):
    """A text that no default completes; the message is the reason."""


def _undeclared(_: str) -> Declared | None:
    return None


def resolve(
    text: str, span: Span, declared: Callable[[str], Declared | None] = _undeclared
) -> tuple[Piece, ...]:
    """Return the pieces of a text with every variable replaced by its default.

    ``declared`` gives defaults that are written elsewhere.  Raises :class:`UnresolvedError`.
    """
    found: list[Piece] = []
    length = 0
    for piece in _pieces(text, span, declared, ()):
        length += len(piece.text)
        # Defaults that double each other would fill the memory; no reference is as long.
        if length > REFERENCE_CHARS:
            raise UnresolvedError(f"longer than {REFERENCE_CHARS} characters with its defaults")
        if piece.text:
            found.append(piece)
    return tuple(found)


def _pieces(
    text: str, span: Span, declared: Callable[[str], Declared | None], chain: tuple[str, ...]
) -> Iterator[Piece]:
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        yield Piece(text[at:dollar], span.cut(at, dollar), chain)
        match = _VARIABLE.match(text, dollar)
        if match is None or len(chain) >= _DEPTH:
            raise UnresolvedError("a variable of a form that has no default")
        if match["bare"]:
            yield from _default((*chain, match["bare"]), None, declared)
            at = match.end()
            continue
        end = _closing(text, match.end())
        form, name = match["form"] or "", match["name"]
        if form not in ("", *_DEFAULTS):
            raise UnresolvedError("a variable of a form that has no default")
        inner = text[match.end() : end], span.cut(match.end(), end)
        below = (*chain, name)
        own = _pieces(*inner, declared, below) if form else None
        yield from _default(below, own, declared, keeps_empty=form in ("-", "="))
        at = end + 1
    yield Piece(text[at:], span.cut(at, len(text)), chain)


def _closing(text: str, at: int) -> int:
    """Return where the brace is closed that was opened before ``at``."""
    depth = 1
    for brace in _BRACE.finditer(text, at):
        depth += 1 if brace[0] == "${" else -1
        if depth == 0:
            return brace.start()
    raise UnresolvedError("a variable whose brace is not closed")


def _default(
    chain: tuple[str, ...],
    own: Iterator[Piece] | None,
    declared: Callable[[str], Declared | None],
    *,
    keeps_empty: bool = False,
) -> Iterator[Piece]:
    """Yield what the last variable stands for: the default declared elsewhere, else its own."""
    name = chain[-1]
    elsewhere = declared(name)
    if elsewhere is not None and elsewhere.problem is not None:
        raise UnresolvedError(elsewhere.problem)
    if elsewhere is not None and (elsewhere.pieces or keeps_empty or own is None):
        if not elsewhere.pieces:
            raise UnresolvedError(f"the variable {name} is empty by default")
        yield from (Piece(piece.text, piece.span, chain + piece.variables) for piece in elsewhere.pieces)
    elif own is not None:
        yield from own
    else:
        raise UnresolvedError(f"the variable {name} has no default")


def assemble(pieces: tuple[Piece, ...]) -> Assembled:
    """Read the pieces as one reference; raise :class:`UnresolvedError` when they are none."""
    text = "".join(piece.text for piece in pieces)
    try:
        reference = Reference.parse(text)
    except InvalidValueError as error:
        reason = "a template" if is_template(text) else f"with its defaults {text!r}: {error.message}"
        raise UnresolvedError(reason) from error
    slots, refusal = _slots(reference, pieces)
    return Assembled(reference, slots, refusal, pieces)


def _slots(reference: Reference, pieces: tuple[Piece, ...]) -> tuple[tuple[Slot, ...], str | None]:
    last = pieces[-1]
    if len(pieces) == 1:
        return (Slot(span=last.span, text=last.text),), None
    leaf = reference.written_name.rfind("/") + 1
    for piece in _behind(pieces, leaf):
        # A variable that the end is in as well takes the digest away with itself.
        if last.variables[: len(piece.variables)] != piece.variables:
            return (), VARIES
    digest_chars = 0 if reference.digest is None else len(f"@{reference.digest}")
    if digest_chars > len(last.text):
        return (), SPLIT_DIGEST
    first = len(last.text) - digest_chars
    slot = Slot(span=last.span.cut(first, len(last.text)), text=last.text[first:], part="@digest")
    return (slot,), None


def _behind(pieces: tuple[Piece, ...], start: int) -> Iterator[Piece]:
    """Yield the pieces that have a part in the resolved characters from ``start`` on."""
    at = 0
    for piece in pieces:
        at += len(piece.text)
        if start < at:
            yield piece
