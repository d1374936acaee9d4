"""Images in HashiCorp's configuration language that are made of variables: followed to their defaults in the same file.

``var.image``, ``local.image`` and ``"${var.name}:${var.tag}"`` of Terraform and Nomad, ``TAG`` and ``"${TAG}"`` of
bake files.  A reference that ends in a default is pinned there, as long as nothing else is made of that variable.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.classify.assembled import USED, place_of
from imagelock.formats.classify.candidates import SHOWN_CHARS
from imagelock.formats.classify.interpolation import Piece, UnresolvedError, assemble
from imagelock.formats.values.split_reference import SHARED
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import SkipKind, Skipped, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.classify.interpolation import Assembled
    from imagelock.formats.syntax.hcl_text import Word
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

VARIABLE = "a variable of the tool that reads the file"
_MENTION = lazy_regex(r"\$\{[ \t]*(?P<name>(?:var\.|local\.)?[A-Za-z_][\w-]*)[ \t]*\}")
_USED = lazy_regex(
    r"(?<![\w.-])(?P<dotted>(?:var|local)\.[\w-]+)|(?:\$\{[ \t]*|[=\[,(:][ \t]*)(?P<bare>[A-Za-z_][\w-]*)(?![\w.-])"
)
_DEPTH = 8
_LINE_CHARS = 4096


def has_names(text: Text, word: Word) -> bool:
    """Whether a word is a name, or a text with one in it."""
    return word.kind == "name" or text.content.find("${", word.start, word.end) >= 0


class Names:
    """The variables and locals of one text, by the name that others mention them by."""

    def __init__(self, text: Text, words: Sequence[Word], refusal: str | None = None) -> None:
        """Take the words of a text; ``refusal`` is why no default must be written."""
        self._text = text
        self._refusal = refusal
        self._values: dict[str, Word] = {}
        self._used: defaultdict[str, list[int]] | None = None
        for word in words:
            if word.kind == "heredoc":
                continue
            if word.block.word == "variable" and word.key == "default" and word.block.labels:
                name = word.block.labels[0]
                self._values[f"var.{name}"] = self._values[name] = word
            elif word.block.word == "locals":
                self._values[f"local.{word.key}"] = word

    def images(self, words: Sequence[tuple[Word, int]], format_name: str) -> Iterator[Found]:
        """Yield the images that words with names mean; a word comes with the length of what is before its image."""
        made: dict[int, dict[str, list[Assembled]]] = {}
        for word, prefix in words:
            try:
                assembled = assemble(tuple(piece for piece in self._pieces(word, prefix, ()) if piece.text))
            except (UnresolvedError, IndexError):
                yield self._skipped(word, prefix, format_name)
                continue
            end = assembled.pieces[-1].span.at
            made.setdefault(end, {}).setdefault(str(assembled.reference), []).append(assembled)
        for end, found in made.items():
            for same in found.values():
                refusal = SHARED if len(found) > 1 else self._other_use(same)
                path = f"[{self._text.position(end)[0]}]"
                yield place_of(same[0], self._text, end, path, format_name, refusal=refusal)

    def _pieces(self, word: Word, prefix: int, chain: tuple[str, ...]) -> Iterator[Piece]:
        content, at = self._text.content, word.start + prefix
        if word.kind == "name":
            yield from self._default(content[word.start : word.end], chain)
            return
        for match in _MENTION.finditer(content, at, word.end):
            yield self._literal(at, match.start(), chain)
            yield from self._default(match["name"], chain)
            at = match.end()
        yield self._literal(at, word.end, chain)

    def _literal(self, start: int, end: int, chain: tuple[str, ...]) -> Piece:
        written = self._text.content[start:end]
        if "$" in written or "\\" in written:
            raise UnresolvedError(VARIABLE)
        return Piece(written, Span.plain(start, end), chain)

    def _default(self, name: str, chain: tuple[str, ...]) -> Iterator[Piece]:
        value = self._values.get(name)
        if value is None or value.start == value.end or len(chain) >= _DEPTH:
            raise UnresolvedError(VARIABLE)
        yield from self._pieces(value, 0, (*chain, name))

    def _other_use(self, same: Sequence[Assembled]) -> str | None:
        """Return why a default must not be written that these images end in."""
        variables = same[0].pieces[-1].variables
        if variables and self._refusal is not None:
            return self._refusal
        for name in variables:
            uses = sum(each.pieces[-1].variables.count(name) for each in same)
            mentions = self._mentions(name)
            if len(mentions) > uses:
                return USED.format(name, f"line {self._text.position(mentions[-1])[0]}")
        return None

    def _mentions(self, name: str) -> list[int]:
        """Return where a name is used, comments left out."""
        if self._used is None:
            self._used = defaultdict(list)
            for match in _USED.finditer(self._text.content):
                if not self._is_comment(match.start()):
                    self._used[match["dotted"] or match["bare"]].append(match.start())
        return self._used[name]

    def _is_comment(self, at: int) -> bool:
        line = self._text.content[max(self._text.content.rfind("\n", 0, at) + 1, at - _LINE_CHARS) : at]
        return line.lstrip().startswith(("#", "//"))

    def _skipped(self, word: Word, prefix: int, format_name: str) -> Skipped:
        start = word.start + prefix
        line, column = self._text.position(start)
        return Skipped(
            text=self._text.content[start : word.end][:SHOWN_CHARS],
            line=line,
            column=column,
            reason=VARIABLE,
            format=format_name,
            kind=SkipKind.TEMPLATE,
        )
