"""Pin and unpin every file of a tree in memory and prove each change by other means than imagelock's own.

    python benchmarks/check_tree.py DIR…

For each file: every reference found gets a made-up digest.  Then PyYAML (or ``json``, or a comparison of
lines where neither can) loads the text before and after, and only strings that held such a reference may differ, by its
digest; finding again must give the same places; a second pin must change nothing; unpinning must give
the original bytes.  Nothing is written.  Prints totals and every failure; exit code 1 on a failure.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from imagelock.errors import FormatError
from imagelock.files import decode, encode
from imagelock.formats.all import FILE_FORMATS
from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.limits import YAML_BYTES
from imagelock.model.digest import Digest
from imagelock.model.place import Damaged, Place, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST = re.compile(r"@?sha256:[0-9a-f]{64}")
_BY_LINES = frozenset(item.name for item in FILE_FORMATS)
_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)


@dataclass
class Totals:
    """What was seen, and what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def main(folders: list[str]) -> int:
    """Check every file below the folders."""
    if not folders:
        print(__doc__, file=sys.stderr)
        return 2
    totals = Totals()
    start = time.perf_counter()
    for folder in folders:
        for path in _files(Path(folder)):
            _check_file(path, totals)
    seconds = time.perf_counter() - start
    for failure in totals.failures:
        print(f"FAILED {failure}")
    for name, count in sorted(totals.counts.items()):
        print(f"{count:10,}  {name}")
    print(f"{len(totals.failures):10,}  failures, in {seconds:.1f} s")
    return 1 if totals.failures else 0


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        yield from (Path(top, name) for name in sorted(names))


def _check_file(path: Path, totals: Totals) -> None:
    if not path.is_file() or path.stat().st_size > YAML_BYTES:
        return
    data = path.read_bytes()
    totals.counts["files"] += 1
    totals.counts["bytes"] += len(data)
    try:
        _check(Text(path.as_posix(), decode(data)), data, totals)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong with one file is the result
        totals.failures.append(f"{path}: {type(error).__name__}: {error}")


def _check(text: Text, data: bytes, totals: Totals) -> None:
    if encode(text.content) != data:
        raise ValueError("bytes to text to bytes is not the identity")
    found = find(text)
    places = [item for item in found if isinstance(item, Place)]
    totals.counts["places"] += len(places)
    totals.counts["places that cannot be pinned"] += sum(not place.pinnable for place in places)
    totals.counts["damaged references"] += sum(isinstance(item, Damaged) for item in found)
    totals.counts["unreadable parts"] += sum(isinstance(item, Unreadable) for item in found)
    pinnable = [place for place in places if place.pinnable]
    if not pinnable:
        return
    totals.counts["files with references"] += 1
    wanted = [(place, place.reference.with_digest(_digest(place))) for place in pinnable]
    try:
        pinned = fill(text, wanted)
    except FormatError as error:
        totals.counts["files refused"] += 1
        raise ValueError(f"refused at line {error.line}: {error}") from error
    swaps = {str(place.reference): str(new) for place, new in wanted}
    _compare(text, pinned, pinnable[0].format, swaps)
    _check_laws(text, pinned, pinnable, totals)


def _digest(place: Place) -> Digest:
    """Make a digest up; one that is there already is replaced by another."""
    return Digest.of(place.reference.canonical.encode())


def _check_laws(text: Text, pinned: str, pinnable: list[Place], totals: Totals) -> None:
    after = Text(text.path, pinned)
    again = [item for item in find(after) if isinstance(item, Place) and item.pinnable]
    if [_path(place) for place in again] != [_path(place) for place in pinnable]:
        raise ValueError("finding again does not give the same places")
    wanted = [old.reference.with_digest(_digest(old)) for old in pinnable]
    if [place.reference for place in again] != wanted:
        raise ValueError("finding again does not give the digests")
    if fill(after, zip(again, wanted, strict=True)) != pinned:
        raise ValueError("a second pin changes something")
    originals = [(place, old.reference) for place, old in zip(again, pinnable, strict=True)]
    if fill(after, originals) != text.content:
        raise ValueError("unpinning does not give the original back")
    totals.counts["places pinned and unpinned"] += len(again)


def _path(place: Place) -> str:
    """Return where a place is; an image that is a key is part of its own path."""
    written = str(place.reference)
    if not place.path.endswith(written):
        return place.path
    return place.path.removesuffix(written) + str(place.reference.with_tag(place.reference.tag))


def _compare(text: Text, pinned: str, format_name: str, swaps: dict[str, str]) -> None:
    """Load before and after with other readers than imagelock's and compare all they hold."""
    if format_name in _BY_LINES:
        _compare_lines(text.content, pinned, swaps)
        return
    before, after = _DOCUMENT.split(text.content), _DOCUMENT.split(pinned)
    if len(before) != len(after):
        raise ValueError("another number of documents")
    changed = sum(_compare_document(old, new, swaps) for old, new in zip(before, after, strict=True))
    if not changed:
        raise ValueError("nothing changed")


def _compare_lines(before: str, after: str, swaps: dict[str, str]) -> None:
    old_lines, new_lines = before.split("\n"), after.split("\n")
    if len(old_lines) != len(new_lines):
        raise ValueError("another number of lines")
    for old, new in zip(old_lines, new_lines, strict=True):
        if old == new or any(old.replace(one, two) == new for one, two in swaps.items() if one in old):
            continue
        if not _differs_by_digests(old, new, swaps):
            raise ValueError(f"a line changed otherwise: {old!r} became {new!r}")


def _compare_document(before: str, after: str, swaps: dict[str, str]) -> int:
    """Return how many scalars differ; raise when one differs otherwise than by a digest."""
    if before == after:
        return 0
    try:
        old, new = _load(before), _load(after)
    except (yaml.YAMLError, ValueError):
        # Several JSON values in one file, or a template around plain text: no reader but ours takes these.
        _compare_lines(before, after, swaps)
        return 1
    changed = 0
    for one, other in zip(old, new, strict=True):
        if one == other:
            continue
        _explain(one, other, swaps)
        changed += 1
    return changed


def _load(raw: str) -> list[tuple[str, ...]]:
    """Return everything a document says, in order: kinds, tags, values, anchors and aliases."""
    said: list[tuple[str, ...]] = []
    try:
        for event in yaml.parse(raw.lstrip("\ufeff"), Loader=yaml.CSafeLoader):
            anchor = str(getattr(event, "anchor", None))
            tag = str(getattr(event, "tag", None))
            said.append((type(event).__name__, anchor, tag, str(getattr(event, "value", ""))))
    except yaml.YAMLError:
        return [("json", part) for part in _flat(json.loads(raw))]
    return said


def _flat(value: object) -> Iterator[str]:
    """Yield the keys and values of a JSON value in order."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"key {key}"
            yield from _flat(item)
    elif isinstance(value, list):
        yield f"list of {len(value)}"
        for item in value:
            yield from _flat(item)
    else:
        yield value if isinstance(value, str) else repr(value)


def _explain(old: tuple[str, ...], new: tuple[str, ...], swaps: dict[str, str]) -> None:
    """Demand that one scalar differs only by digests, in itself or in the JSON or YAML that it holds."""
    if old[:-1] != new[:-1]:
        raise ValueError(f"{old!r} became {new!r}")
    before, after = old[-1], new[-1]
    if swaps.get(before) == after:
        return
    if "\n" not in before and _differs_by_digests(before, after, swaps):
        return
    try:
        pairs = [((one,), (other,)) for one, other in zip(*map(_flat_json, (before, after)), strict=True)]
    except ValueError:
        pairs = list(zip(*map(_load_inner, (before, after)), strict=True))
    for one, other in pairs:
        if one == (before,) or one[-1] == before:
            raise ValueError(f"{before[:200]!r} became {after[:200]!r}")
        if one != other:
            _explain(one, other, swaps)


def _flat_json(raw: str) -> list[str]:
    return list(_flat(json.loads(raw)))


def _load_inner(raw: str) -> list[tuple[str, ...]]:
    try:
        return _load(raw)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"neither JSON nor YAML: {raw[:200]!r}") from error


def _differs_by_digests(before: str, after: str, swaps: dict[str, str]) -> bool:
    """Whether only digests of this run differ: behind a scheme, or where a default gives the tag."""
    made = {new.rpartition("@")[2] for new in swaps.values()}
    added = set(_DIGEST.findall(after)) - set(_DIGEST.findall(before))
    return (
        _DIGEST.sub("", before) == _DIGEST.sub("", after) and {digest.lstrip("@") for digest in added} <= made
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
