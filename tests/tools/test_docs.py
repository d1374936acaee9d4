"""What the reference in docs/ promises: it says what the code says, and its links lead somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

import docs
from imagelock.errors import ImagelockError
from imagelock.model.finding_codes import FINDING_CODES

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def tree() -> None:
    """Do everything."""


@tree.group()
def tags() -> None:
    """Work on tags."""


@tags.command()
@click.option("--move", metavar="NAME", help="Move one.")
def plan(move: str | None) -> None:
    """Say what would be done."""


@tree.command(hidden=True)
def internal() -> None:
    """Serve a purpose nobody needs to know."""


def test_every_command_has_a_section_with_its_help() -> None:
    text = docs.commands_page(tree)
    assert "## imagelock tags\n" in text
    assert "### imagelock tags plan\n" in text
    assert "Usage: imagelock tags plan [OPTIONS]" in text
    assert "--move NAME" in text


def test_hidden_commands_stay_hidden() -> None:
    assert "internal" not in docs.commands_page(tree)


def test_help_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = docs.commands_page(tree)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert docs.commands_page(tree) == wide


def test_a_command_that_cannot_show_its_help_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="nothing --help failed"):
        docs.help_text(tree, ("nothing",))


def test_every_finding_has_the_anchor_that_reports_link_to() -> None:
    anchors = docs.anchors(docs.findings_page(FINDING_CODES))
    assert {code.lower() for code in FINDING_CODES} <= anchors


def test_every_error_stands_under_the_code_it_ends_with() -> None:
    text = docs.exit_codes_page(ImagelockError, FINDING_CODES)
    for error in docs.errors(ImagelockError):
        section = text.partition(f"## Errors that end with {error.exit_code}\n")[2].partition("\n## ")[0]
        assert f"`{error.__name__}`" in section


def test_words_of_the_code_are_shown_as_they_are() -> None:
    assert docs.prose("*images*.txt and `[lock] a_b`") == r"\*images\*.txt and `[lock] a_b`"
    assert docs.table(("a",), [("`text|json`",)]).splitlines()[-1] == r"| `text\|json` |"


def test_a_page_in_step_is_not_reported(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("same\n")
    assert list(docs.stale(tmp_path, {"a.md": "same\n"})) == []


def test_a_stale_page_is_named_with_what_differs_and_the_command(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("old\n")
    (message,) = docs.stale(tmp_path, {"a.md": "new\n"})
    assert message.startswith("a.md: not in step")
    assert "\n-old\n" in message
    assert "\n+new\n" in message
    assert "make docs" in message


def test_a_missing_page_is_stale(tmp_path: Path) -> None:
    assert len(list(docs.stale(tmp_path, {"a.md": "new\n"}))) == 1


def test_written_pages_are_in_step(tmp_path: Path) -> None:
    pages = {"docs/reference/a.md": "words\n"}
    assert docs.check(tmp_path, pages) == 1
    docs.write(tmp_path, pages)
    assert docs.check(tmp_path, pages) == 0


@pytest.mark.parametrize(
    "link", ["b.md", "b.md#a-heading-of-b", "#two-words", "b.md#named", "https://example.com/x", "sub/"]
)
def test_links_that_lead_somewhere_are_silent(tmp_path: Path, link: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.md").write_text('# A `heading` of b!\n\n<a id="named"></a>\n')
    (tmp_path / "a.md").write_text(f"# Two words\n\n[x]({link})\n")
    assert list(docs.broken_links(tmp_path)) == []


@pytest.mark.parametrize("link", ["c.md", "b.md#none", "#none", "b.md#in-code"])
def test_links_that_lead_nowhere_are_named_with_their_line(tmp_path: Path, link: str) -> None:
    (tmp_path / "b.md").write_text("# B\n\n```sh\n# in code\n```\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.md").write_text("# B\n\n```sh\n# in code\n```\n")
    (tmp_path / "docs" / "a.md").write_text(f"# A\n\n```\n[not](a-link.md)\n```\n\n[x]({link})\n")
    (message,) = docs.broken_links(tmp_path)
    assert message.startswith(f"docs/a.md:7: {link}: ")
