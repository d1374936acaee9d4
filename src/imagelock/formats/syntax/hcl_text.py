"""Read HashiCorp's configuration language by its words: quoted texts, the key and the blocks each stands in.

Comments are none, and of heredocs only the characters are given.  An expression that is one name (``var.image``)
is given like a text.  Follows the native syntax specification of HCL, as far as words and blocks go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = lazy_regex(
    r"<<-?(?P<mark>\w+)[^\n]*\n(?P<heredoc>(?:(?![ \t]*(?P=mark)[ \t\r]*$)[^\n]*\n)*+)|[{}]"
    r'|"(?P<text>[^"\\\n]*+(?:\\.[^"\\\n]*+)*)"|(?:#|//)[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*(?:\*/)?'
    r"|(?<=[=:])[ \t]*(?P<name>(?:var\.|local\.)?[A-Za-z_][\w-]*)(?=[ \t]*(?:[\r\n,}#]|$))",
    re.MULTILINE,
)
_KEY = lazy_regex(r"(?:^|[\s{,(\[])(?:\"(?P<quoted>[^\"\n]{1,200})\"|(?P<key>[\w.-]{1,200}))[ \t]*(?:=|:)\Z")
_BLOCK = lazy_regex(
    r"(?P<word>[\w-]{1,100})[ \t]*=?(?P<labels>(?:[ \t]*\"[^\"\n]{0,200}\"){0,8})[ \t]*\Z|\"(?P<entry>[^\"\n]{1,200})\"[ \t]*[=:][ \t]*\Z"
)
_LABEL = lazy_regex(r"\"([^\"\n]*)\"")
_BEFORE_CHARS = 400
TOP = "top"


@dataclass(slots=True)
class Block:
    """An open block or object: its word, its labels, the block around it, and the texts of its attributes."""

    word: str
    labels: tuple[str, ...] = ()
    parent: Block | None = None
    attributes: dict[str, str] = field(default_factory=dict)

    def around(self) -> Iterator[Block]:
        """Yield this block and those around it, the innermost first."""
        block: Block | None = self
        while block is not None:
            yield block
            block = block.parent


@dataclass(frozen=True, slots=True)
class Word:
    """Characters of a text (``kind`` text), an expression that is a name, or a heredoc: where, behind which key, in which block."""

    kind: str
    start: int
    end: int
    key: str
    block: Block


def words(content: str) -> list[Word]:
    """Return the words of a text in their order; blocks know all their attributes by then."""
    found: list[Word] = []
    block = Block(TOP)
    for token in _TOKEN.finditer(content):
        if token[0] == "{":
            block = _opened(content, token.start(), block)
        elif token[0] == "}":
            block = block.parent or block
        elif token.lastgroup in ("text", "name", "heredoc"):
            kind = token.lastgroup
            start, end = token.span(kind)
            before = _line_before(content, token.start())
            match = _KEY.search(before) if before.endswith(("=", ":")) else None
            key = "" if match is None else match["key"] or match["quoted"]
            if key and kind != "heredoc":
                block.attributes[key] = content[start:end]
            found.append(Word(kind, start, end, key, block))
    return found


def _line_before(content: str, at: int) -> str:
    """Return what stands before an offset on its line: a key or the words of a block."""
    return content[max(content.rfind("\n", 0, at) + 1, at - _BEFORE_CHARS) : at].rstrip(" \t")


def _opened(content: str, at: int, parent: Block) -> Block:
    before = _line_before(content, at)
    is_headed = before[-1:].isalnum() or before.endswith(("=", ":", '"', "-", "_"))
    match = _BLOCK.search(before) if is_headed else None
    if match is None:
        return Block("", parent=parent)
    labels = tuple(_LABEL.findall(match["labels"] or ""))
    return Block(match["word"] or match["entry"], labels, parent)
