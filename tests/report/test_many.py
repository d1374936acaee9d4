"""Hundreds of findings stay readable: folded by image, one per line, or counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.model.outcome import finding
from imagelock.report.many import concise_text, statistics_text
from imagelock.report.style import Style
from imagelock.report.text import findings_text
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

PLAIN = Style()
ITEMS = [
    finding(
        "IL101",
        f"app{n % 40}:1 is not pinned",
        reference=f"app{n % 40}:1",
        file=f"f{n}.yaml",
        line=5,
        column=3,
        hint="run `imagelock pin`",
    )
    for n in range(500)
]


def test_five_hundred_findings_of_one_kind_are_folded_by_image_with_their_numbers() -> None:
    text = findings_text(ITEMS, PLAIN, lambda _, __: None)
    assert len(text.splitlines()) < 50
    assert "error[IL101] unpinned-reference: 461 more, of 37 images" in text
    assert "  = app3:1 at f3.yaml:5:3 and 12 more places\n" in text
    assert "and at 9 more places: --all lists them" in text


def test_every_finding_is_shown_on_request_and_few_are_never_folded() -> None:
    text = findings_text(ITEMS, PLAIN, lambda _, __: None, everything=True)
    assert all(f"f{n}.yaml:5:3" in text for n in range(500))
    assert "more" not in findings_text(ITEMS[:5], PLAIN, lambda _, __: None)


def test_concise_is_one_line_each_that_no_file_name_can_break() -> None:
    items = [ITEMS[0], finding("IL102", "moved\nx"), finding("IL101", "y", file="a\nb", line=1)]
    assert concise_text(items, "my.lock") == (
        "f0.yaml:5:3: IL101 app0:1 is not pinned\nmy.lock: IL102 moved\\x0ax\na\\x0ab:1: IL101 y\n"
    )


def test_statistics_count_by_code_the_most_frequent_first() -> None:
    items = [finding("IL102", "x"), *ITEMS]
    assert statistics_text(items) == "500  IL101  unpinned-reference\n  1  IL102  tag-moved\n"


def test_the_command_line_offers_all_three(world: World) -> None:
    world.write("images.lock", "version = 1\n")
    for n in range(20):
        world.write(f"f{n}.yaml", deployment(f"quay.io/acme/app{n}:1"))
    assert "17 more, of 17 images" in world.run("check").out
    assert "more" not in world.run("check", "--all").out
    result = world.run("check", "-o", "concise", "--statistics")
    assert (result.code, len(result.out.splitlines())) == (1, 20)
    assert all(": IL101 quay.io/acme/app" in line for line in result.out.splitlines())
    assert "20  IL101  unpinned-reference\n" in result.err
