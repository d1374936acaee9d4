"""The table of threats names tests that exist: a defence without a test is no promise."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "concepts" / "trust.md"
_FILE = re.compile(r"`(tests/(?:\w+/)*test_\w+\.py)`", re.ASCII)
_TEST = re.compile(r"`(test_\w+)`", re.ASCII)


def rows() -> list[str]:
    """Return the last column of every row that has one for tests."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [line.split(" | ")[-1] for line in lines if "`test" in line]


def test_every_row_names_a_test_file_that_is_there() -> None:
    assert len(rows()) > 20
    for row in rows():
        names = _FILE.findall(row)
        assert names, row
        texts = [(ROOT / name).read_text() for name in names]
        for test in _TEST.findall(row):
            assert any(f"def {test}(" in text for text in texts), row
