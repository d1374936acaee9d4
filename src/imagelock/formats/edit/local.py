"""Find edits that can be proved without reading the whole text again: a word that stays one word.

The characters of references mean nothing to YAML and JSON inside a word, in whatever style and depth the
scalar is written: no quote, escape, blank, bracket, comma or comment begins with one of them.  So a word
of such characters may become another one, and nothing around it is read differently.  Three exceptions are
checked here: in a plain scalar a colon counts before a blank and inside flow collections, the first
character must not be an indicator, and the whole must not become a number, a date or the like.  Formats
that are read by words between blanks (Dockerfiles, lists) have no exception.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from imagelock.formats.syntax.flow import runs_over_lines
from imagelock.formats.syntax.tree import STRING_TAG, plain_tag
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from imagelock.formats.edit.edits import Edit

# Characters of which YAML readers make one word; a colon at the end would make a key of it.
_WORD = lazy_regex(r"[A-Za-z0-9][A-Za-z0-9./:@_+-]*(?<!:)")
_AROUND = lazy_regex(r"[A-Za-z0-9./:@_+-]*")
# The plain scalar is alone behind its key, so nothing before it on the line can change its meaning.
_KEY = lazy_regex(r" *(?:- +)*[A-Za-z0-9_./-]+: +")
_BLANKS = ("", " ", "\t", "\n", "\r")
# Only a comment or the end of the line may follow: anything else would be a part of the scalar.
_BEHIND = lazy_regex(r" *(?: #[^\n]*)?(?:\n|\Z)")


def is_local(content: str, start: int, edit: Edit, words: str) -> bool:
    """Whether an edit of a YAML or JSON text only makes one word, which begins at ``start``, into ``words``."""
    end = _end_of_word(content, start, edit, words)
    if end is None:
        return False
    before = content[start - 1 : start]
    if before in ("'", '"') and content[end : end + 1] in ("\\", before):
        return True
    # A plain scalar alone behind its key; a flow collection around it would have begun on an earlier line.
    line = content.rfind("\n", 0, start) + 1
    return (
        _KEY.fullmatch(content, line, start) is not None
        and _BEHIND.match(content, end) is not None
        and plain_tag(words) == STRING_TAG
        and not _has_flow(content)
    )


def is_local_word(content: str, start: int, edit: Edit, words: str) -> bool:
    """Whether an edit only makes one word between blanks into ``words``, for texts that are read by words."""
    end = _end_of_word(content, start, edit, words)
    if end is None:
        return False
    return content[start - 1 : start] in _BLANKS and content[end : end + 1] in _BLANKS


def _end_of_word(content: str, start: int, edit: Edit, words: str) -> int | None:
    """Return where the word at ``start`` ends in the text before; None unless the edit makes it ``words``.

    Both are read in full: what is in the text, and what will stand there.
    """
    old = _AROUND.match(content, start)
    if old is None or edit.start < start or edit.end > old.end():
        return None
    new = content[start : edit.start] + edit.words + content[edit.end : old.end()]
    if new != words or not _WORD.fullmatch(old[0]) or not _WORD.fullmatch(new):
        return None
    return old.end()


@lru_cache(maxsize=4)
def _has_flow(content: str) -> bool:
    return runs_over_lines(content)
