"""Man pages: one for every command, with the words that --help prints."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

import man
from imagelock.cli.main import COMMANDS, cli

if TYPE_CHECKING:
    from pathlib import Path


def test_every_command_has_a_page_and_points_to_the_one_above() -> None:
    pages = dict(man.pages(cli))
    assert {f"imagelock-{command}" for command in COMMANDS} < set(pages)
    assert "imagelock-cluster-check" in pages
    assert ".BR imagelock\\-cluster (1)" in pages["imagelock-cluster-check"]
    assert all(text.startswith(f'.TH "{name.upper()}" "1"') for name, text in pages.items())


def test_examples_keep_their_lines() -> None:
    text = "One paragraph\nover two lines.\n\n\\b\nExamples:\n  imagelock lock   it\n  imagelock pin    too\n"
    assert list(man.description(text)) == [
        "One paragraph over two lines.",
        ".PP",
        ".nf",
        "Examples:",
        "  imagelock lock   it",
        "  imagelock pin    too",
        ".fi",
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [(".a-b\\c", "\\&.a\\-b\\ec"), ("'x'", "\\&'x'"), ("plain", "plain")]
)
def test_what_roff_would_take_for_a_request_is_text(text: str, expected: str) -> None:
    assert man.escaped(text) == expected


def test_the_formatter_has_nothing_to_say(tmp_path: Path) -> None:
    count = man.write(tmp_path)
    assert count == len(list(tmp_path.glob("*.1")))
    if shutil.which("groff") is not None:
        files = [str(path) for path in sorted(tmp_path.glob("*.1"))]
        command = ["groff", "-man", "-Tutf8", "-K", "utf-8", "-w", "mac", "-w", "char", "-z", *files]
        assert subprocess.run(command, capture_output=True, check=True).stderr == b""
