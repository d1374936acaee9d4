"""Recall and precision over a sample labelled by hand: files of all formats, and decoys among them.

``tests/data/labelled`` holds the files, ``labels`` beside them one list a file: the references by line,
and the lines on which something only looks like one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelock.files import decode
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place
from imagelock.ops.scan.charts import Charts

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent / "data" / "labelled"
LABELS = sorted((ROOT / "labels").rglob("*.json"))


@dataclass(frozen=True)
class Labelled:
    """One file: what stands in it by its labels, the lines of decoys, and what was found."""

    name: str
    expected: list[tuple[int, str]]
    decoys: list[int]
    found: list[tuple[int, str]]

    @property
    def missed(self) -> list[tuple[int, str]]:
        return [item for item in self.expected if item not in self.found]

    @property
    def wrong(self) -> list[tuple[int, str]]:
        return [item for item in self.found if item not in self.expected]


@cache
def read(labels: Path) -> Labelled:
    name = labels.relative_to(ROOT / "labels").with_suffix("")
    (path,) = (file for file in (ROOT / name).parent.iterdir() if name.name in (file.name, file.stem))
    shown = path.relative_to(ROOT).as_posix()
    text = Text(shown, decode(path.read_bytes()), Charts(ROOT).around(str(path), shown))
    items = json.loads(labels.read_text())
    return Labelled(
        shown,
        [(item["line"], item["reference"]) for item in items if "reference" in item],
        [item["line"] for item in items if item.get("decoy")],
        [(item.line, str(item.reference)) for item in find(text) if isinstance(item, Place)],
    )


@pytest.mark.parametrize("labels", LABELS, ids=lambda path: path.relative_to(ROOT / "labels").as_posix())
def test_every_labelled_reference_is_found_and_nothing_else(labels: Path) -> None:
    file = read(labels)

    assert (file.missed, file.wrong) == ([], [])
    assert len(file.found) == len(file.expected)


def test_the_sample_is_large_enough_and_recall_and_precision_are_whole(
    record_property: Callable[[str, object], None],
) -> None:
    files = [read(labels) for labels in LABELS]
    references = sum(len(file.expected) for file in files)
    decoys = sum(len(file.decoys) for file in files)
    missed, wrong = (
        sum(len(part) for part in parts) for parts in zip(*((f.missed, f.wrong) for f in files), strict=True)
    )
    record_property("files", len(files))
    record_property("references", references)
    record_property("decoys", decoys)
    record_property("recall", 1 - missed / references)
    record_property("precision", 1 - wrong / (references - missed + wrong))

    assert (len(files) >= 60, references >= 300, decoys >= 100) == (True, True, True)
    assert (missed, wrong) == (0, 0)


@pytest.mark.parametrize("labels", LABELS, ids=lambda path: path.relative_to(ROOT / "labels").as_posix())
def test_decoys_are_on_lines_that_are_there(labels: Path) -> None:
    file = read(labels)
    lines = (ROOT / file.name).read_text().count("\n")

    assert all(0 < line <= lines for line in (*file.decoys, *(line for line, _ in file.expected)))
