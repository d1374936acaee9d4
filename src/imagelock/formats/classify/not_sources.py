"""Texts that hold images and are never a source of them: dumps of a cluster, and imagelock's own exports.

What a cluster runs is judged by ``cluster check``; locking it would make the cluster the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.classify.objects import kind_of
from imagelock.formats.syntax.yaml_text import compose
from imagelock.lazy_regex import lazy_regex
from imagelock.model.generated import is_export, is_report
from imagelock.model.place import SkipKind, Skipped

if TYPE_CHECKING:
    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.formats.syntax.yaml_text import Chunk

DUMP = "a dump of a cluster is never a source; `imagelock cluster check` reads it"
REPORT = "a report of imagelock, which quotes what was found elsewhere"
EXPORT = "written by `imagelock export` from the lock, so it is not a source of it"

_POD = lazy_regex(r"kind[\"']?[ \t]*:[ \t\r\n]*[\"']?Pod(?:List)?\b")
# A status with content: `status: {}` is also in files that people write.
_STATUS = lazy_regex(r"status[\"']?[ \t]*:[ \t\r\n]*(?:\{[ \t\r\n]*\"|\n)")
# Only an API server writes a `continue` token, so a list with one is a page of a dump.
_CONTINUE = lazy_regex(r"continue[\"']?[ \t]*:[ \t\r\n]*[\"']?[^\s\"',}]")


def reported(text: Text) -> Skipped | None:
    """Return a report of imagelock's as skipped, or None: it quotes images that were found elsewhere."""
    if not is_report(text.content):
        return None
    return Skipped(text=text.file_name, line=1, column=1, reason=REPORT, kind=SkipKind.NOT_A_SOURCE)


def exported(text: Text) -> Skipped | None:
    """Return a text that imagelock wrote itself as skipped, or None."""
    if not is_export(text.content):
        return None
    return Skipped(text=text.file_name, line=1, column=1, reason=EXPORT, kind=SkipKind.NOT_A_SOURCE)


def dumped(text: Text, chunk: Chunk) -> Skipped | None:
    """Return a document that a cluster wrote as skipped, or None; only what may be one is parsed."""
    if not _may_be_dump(text.content, chunk.start, chunk.end):
        return None
    try:
        document = compose(text, chunk)
    except FormatError:
        return None
    if document is None or not _is_dump(document):
        return None
    line, column = document.top.position
    return Skipped(
        text=kind_of(document.top), line=line, column=column, reason=DUMP, kind=SkipKind.NOT_A_SOURCE
    )


def _may_be_dump(content: str, start: int, end: int) -> bool:
    if content.find("continue", start, end) >= 0 and _CONTINUE.search(content, start, end):
        return True
    if content.find("status", start, end) < 0 or content.find("Pod", start, end) < 0:
        return False
    return _POD.search(content, start, end) is not None and _STATUS.search(content, start, end) is not None


def _is_dump(document: Document) -> bool:
    """Whether a document is a Pod with a status, a list with such a Pod in it, or one page of a list."""
    top = document.top
    kind = kind_of(top)
    if kind == "Pod":
        return _has_status(top)
    items = top.get("items")
    if not kind.endswith("List") or items is None or not items.is_sequence:
        return False
    token = top.get("metadata", "continue")
    if token is not None and token.text:
        return True
    return any(_has_status(item) for item in items.items() if (kind_of(item) or kind[:-4]) == "Pod")


def _has_status(pod: Node) -> bool:
    status = pod.get("status")
    return status is not None and bool(status.keys())
