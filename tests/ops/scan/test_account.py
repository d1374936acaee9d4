"""What is skipped and is an image is a finding; what is expected is counted and can be listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

UNREAD = "ghcr.io/acme/engine:1.4"
PINNED = "ghcr.io/acme/app:1@sha256:" + "a" * 64
LOCK = f"{PINNED}\n"


def prepare(world: World, line: str = f"engine: {UNREAD}\n") -> None:
    world.write("locked.txt", LOCK)
    world.write("app.yaml", deployment(PINNED))
    world.write("site.yaml", line)


def codes(world: World, *arguments: str) -> list[str]:
    document = world.json("check", "--lock-file", "locked.txt", *arguments).document
    return [item["code"] for item in document["findings"]]


def test_an_image_that_no_format_reads_is_a_warning_of_check_and_fails_strict_runs(world: World) -> None:
    prepare(world)
    assert codes(world) == ["IL117"]
    assert world.run("check", "--lock-file", "locked.txt").code == 0
    result = world.run("check", "--lock-file", "locked.txt", "--strict")
    assert result.code == 1
    assert "IL117" in result.out + result.err


@pytest.mark.parametrize("report", ["json", "sarif", "junit", "gitlab", "markdown", "github", "html"])
def test_every_report_names_it(world: World, report: str) -> None:
    prepare(world)
    world.run("check", "--lock-file", "locked.txt", "--report", f"{report}=report.out")
    assert UNREAD in (world.root / "report.out").read_text()


def test_an_ignore_comment_settles_it(world: World) -> None:
    prepare(world, f"engine: {UNREAD}  # imagelock: ignore[IL117] the engine brings it\n")
    assert codes(world) == []


def test_an_exemption_settles_it_and_is_used(world: World) -> None:
    prepare(world)
    world.write("imagelock.toml", f'[[exempt]]\nimage = "{UNREAD}"\nreason = "the engine brings it"\n')
    document = world.json("check", "--lock-file", "locked.txt").document
    assert document["findings"] == []
    assert document["exempt"] == [
        {"reference": UNREAD, "reason": "the engine brings it", "file": "site.yaml", "line": 1}
    ]
    assert "covers nothing" not in world.run("check", "--lock-file", "locked.txt").err


def test_a_rule_that_takes_it_settles_it(world: World) -> None:
    prepare(world)
    world.write("imagelock.toml", '[[scan.rule]]\npath = "engine"\nfiles = ["site.yaml"]\n')
    assert "IL117" not in codes(world)
    assert UNREAD in world.run("scan", "-o", "list").out


def test_expected_skips_are_no_findings_and_one_line_with_a_count(world: World) -> None:
    lines = "".join(f"  - image: '{{{{ app{number} }}}}'\n" for number in range(40))
    prepare(world, f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{lines}")
    assert codes(world) == []
    text = world.run("scan").out
    assert "40 templates skipped: `check --render` looks at what it becomes" in text
    assert "app7" not in text
    assert "app7" in world.run("scan", "-v").out


def test_a_template_of_a_chart_says_whether_its_values_were_read(world: World) -> None:
    world.write("chart/Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n")
    world.write("chart/templates/a.yaml", 'image: "{{ .Values.image }}"\n')
    (skipped,) = world.json("scan").document["skipped"]
    assert skipped["reason"].endswith("no values of the chart were read")
    world.write("chart/values.yaml", f"image: {UNREAD}\n")
    (skipped,) = world.json("scan").document["skipped"]
    assert skipped["reason"].endswith("; the values of the chart were read")


def test_an_example_in_documentation_is_no_finding(world: World) -> None:
    prepare(world, "a: 1\n")
    world.write("README.md", f"```yaml\napiVersion: v1\nkind: Pod\nimage: {UNREAD}\n```\n")
    assert codes(world) == []


def test_equal_skips_are_one_row_with_their_number_and_v_lists_them(world: World) -> None:
    world.write("site.yaml", f"a: {UNREAD}\nb: {UNREAD}\nc: {UNREAD}\nd: ghcr.io/acme/other:1\n")

    shown = world.run("scan").out
    assert "site.yaml:1 and 2 more" in shown
    assert shown.count(UNREAD) == 1
    assert "imagelock scan -v" in shown
    assert shown.count("[[scan.rule]]") == 1
    assert world.run("scan", "-v").out.count(UNREAD) == 3


def test_of_a_file_that_cannot_be_read_whole_only_that_is_a_finding(world: World) -> None:
    prepare(
        world, f"a: 1\n<<<<<<< ours\nimage: {UNREAD}\n=======\nimage: ghcr.io/acme/other:1\n>>>>>>> theirs\n"
    )

    assert codes(world) == ["IL114"]
    skipped = [item for item in world.json("scan").document["skipped"] if item["file"] == "site.yaml"]
    assert {item["kind"] for item in skipped} == {"unreadable"}
    assert UNREAD in {item["text"] for item in skipped}


def test_the_reason_says_what_it_is_and_the_hint_alone_what_to_do(world: World) -> None:
    prepare(world)
    (finding,) = world.json("check", "--lock-file", "locked.txt").document["findings"]
    assert "[[scan.rule]]" not in finding["message"]
    assert "[[scan.rule]]" in finding["hint"]
