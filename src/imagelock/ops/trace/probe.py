"""Find keys that are empty and count all the same: a chart whose defaults are in its templates shows no leaf.

All empty keys for digests are filled at once, each with a digest of its own; where one arrives tells whose it
is.  The same for empty tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.formats.edit.edits import applied, edit_of
from imagelock.ops.trace.edits import DIGEST_KEY, TAG_KEY, Trial
from imagelock.ops.trace.leaves import node_slot, value_nodes
from imagelock.ops.trace.marks import trial_digest
from imagelock.ops.trace.outputs import OutputShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.formats.edit.edits import Edit
    from imagelock.ops.trace.outputs import Output
    from imagelock.ops.trace.prove import Group
    from imagelock.ops.trace.workspace import Workspace

_MOST = 200
_FIRST = 5_000
"""Numbers of digests that no trial has."""


def probe(
    work: Workspace, base: Output, files: Sequence[str], groups: Sequence[Group]
) -> dict[Group, list[Trial]]:
    """Return the edits of empty keys that reach these images."""
    found: dict[Group, list[Trial]] = {group: [] for group in groups}
    for is_digest in (True, False):
        left = [group for group in groups if not found[group]]
        keys = list(_empty_keys(work, files, is_digest=is_digest))[:_MOST] if left else []
        if keys:
            _reached(work, base, keys, left, found, is_digest=is_digest)
    return found


def _reached(
    work: Workspace,
    base: Output,
    keys: Sequence[Trial],
    groups: Sequence[Group],
    found: Mapping[Group, list[Trial]],
    *,
    is_digest: bool,
) -> None:
    words = {_word(number, is_digest=is_digest): trial for number, trial in enumerate(keys)}
    edits: dict[str, list[Edit]] = {}
    for word, trial in words.items():
        edit = edit_of(trial.slot, trial.slot.lead + word)
        if edit is not None:
            edits.setdefault(trial.file, []).append(edit)
    texts = {name: applied(work.texts[name], sorted(items)) for name, items in edits.items()}
    try:
        output = work.render(texts, lenient=True)
        if len(output.documents) != len(base.documents):
            return
        for group in groups:
            number, path = group.fields[0].field
            value = output.fields(number).get(path, "")
            found[group].extend(trial for word, trial in words.items() if word in value)
    except (FileError, OutputShapeError):
        return


def _word(number: int, *, is_digest: bool) -> str:
    return str(trial_digest(_FIRST + number)) if is_digest else f"9.9.9-zq{number:04d}qz"


def _empty_keys(work: Workspace, files: Sequence[str], *, is_digest: bool) -> Iterator[Trial]:
    pattern = DIGEST_KEY if is_digest else TAG_KEY
    for name in files:
        content = work.texts.get(name, "")
        for node in value_nodes(content, name):
            if (node.scalar and not node.is_null) or not pattern.fullmatch(node.path.rpartition(".")[2]):
                continue
            slot = node_slot(content, node, "digest" if is_digest else "tag@digest")
            if slot is not None:
                yield Trial(
                    "digest" if is_digest else "empty-tag", name, node.document.index, node.path, slot
                )
