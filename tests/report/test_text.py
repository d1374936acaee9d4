"""Outcomes as people read them: what, where, why and the way out."""

from __future__ import annotations

from imagelock.errors import LockError
from imagelock.model.finding_codes import Level
from imagelock.model.outcome import Change, finding
from imagelock.report.style import Style
from imagelock.report.text import (
    advice_text,
    changes_text,
    error_text,
    findings_text,
    summary_text,
    table_text,
)

PLAIN = Style()
SHA = "sha256:" + "0123456789abcdef" * 4


def test_an_error_has_a_line_each_for_what_where_and_help() -> None:
    error = LockError("held by another run", where="images.lock", hint="wait")
    assert error_text(error, PLAIN) == "error: held by another run\n  --> images.lock\n  = help: wait\n"


def test_a_finding_points_at_its_place_in_the_line() -> None:
    item = finding("IL101", "nginx:1 is not pinned", reference="nginx:1", file="a.yaml", line=3, column=8)
    assert findings_text((item,), PLAIN, lambda _, __: "image: nginx:1  # web") == (
        "error[IL101] unpinned-reference: nginx:1 is not pinned\n"
        "  --> a.yaml:3:8\n"
        "   |\n"
        " 3 | image: nginx:1  # web\n"
        "   |        ^^^^^^^\n"
    )


def test_a_long_line_is_cut_around_the_place() -> None:
    line = "x" * 5000 + "nginx:1" + "y" * 5000
    item = finding("IL101", "m", reference="nginx:1", file="a", line=1, column=5001)
    text = findings_text((item,), PLAIN, lambda _, __: line)
    shown, mark = text.splitlines()[3:5]
    assert max(len(shown), len(mark)) < 140
    assert shown[mark.index("^") : mark.rindex("^") + 1] == "nginx:1"


def test_a_tab_before_the_place_keeps_the_mark_below_it() -> None:
    item = finding("IL101", "m", reference="nginx:1", file="a", line=1, column=9)
    text = findings_text((item,), PLAIN, lambda _, __: "\t image:nginx:1")
    shown, mark = text.splitlines()[3:5]
    assert shown[mark.index("^") :] == "nginx:1"


def test_equal_findings_are_told_once_with_every_place() -> None:
    items = [finding("IL101", "m", file=name, line=1, column=1) for name in ("a", "b", "c")]
    text = findings_text(items, PLAIN, lambda _, __: None)
    assert text.count("IL101") == 1
    assert "also at b:1:1" in text
    assert "also at c:1:1" in text


def test_one_cause_of_many_images_is_told_once_with_the_images() -> None:
    items = [
        finding(
            "IL302",
            f"a/app{number}:1: unreachable: https://a: connection refused",
            reference=f"a/app{number}:1",
            file="a.yaml" if number == 1 else None,
            line=7 if number == 1 else None,
            hint="try again",
            notes=["tried b: 404", f"used at {number}"],
            cause="unreachable: https://a: connection refused",
        )
        for number in (1, 2, 1)
    ]
    assert findings_text(items, PLAIN, lambda _, __: "an excerpt") == (
        "error[IL302] could-not-tell: 2 images: unreachable: https://a: connection refused\n"
        "  = a/app1:1 at a.yaml:7\n"
        "  = a/app2:1\n"
        "  = tried b: 404\n"
        "  = help: try again\n"
    )


def test_a_thousand_images_with_one_cause_are_counted_and_not_all_named() -> None:
    items = [finding("IL302", f"a{n}: down", reference=f"a{n}", cause="down") for n in range(1000)]
    lines = findings_text(items, PLAIN, lambda _, __: None).splitlines()
    assert len(lines) < 15
    assert lines[0].endswith("1000 images: down")
    assert lines[-1] == "  = and 990 more: --all lists them"


def test_other_ways_out_are_other_findings() -> None:
    items = [finding("IL301", f"a{n}: gone", reference=f"a{n}", cause="gone", hint=str(n)) for n in range(3)]
    assert findings_text(items, PLAIN, lambda _, __: None).count("error[IL301]") == 3


def test_errors_come_last_where_a_terminal_ends() -> None:
    items = [finding("IL101", "bad"), finding("IL103", "odd"), finding("IL105", "so", level=Level.WARNING)]
    heads = [
        line.partition(" ")[0]
        for line in findings_text(items, PLAIN, lambda _, __: None).splitlines()
        if line
    ]
    assert heads == ["warning[IL103]", "warning[IL105]", "error[IL101]"]


def test_changes_of_the_lock_are_marked_by_signs_and_not_by_colour_alone() -> None:
    changes = (
        Change(reference="a:1", before=None, after=SHA),
        Change(reference="b:1", before=SHA, after=None),
        Change(reference="c:1", before=SHA, after=SHA.replace("0", "f")),
    )
    signs = [line[:4] for line in changes_text(changes, PLAIN).splitlines()]
    assert signs == [" + a", " - b", " ~ c"]


def test_changes_of_files_stand_below_their_file() -> None:
    change = Change(reference="a:1", before="a:1", after=f"a:1@{SHA}", file="x.yaml", line=7)
    assert changes_text((change,), PLAIN) == "x.yaml 1 place\n     7  a:1@sha256:0123456789ab…\n"


def test_nothing_is_no_line() -> None:
    assert changes_text((), PLAIN) == ""
    assert findings_text((), PLAIN, lambda _, __: None) == ""
    assert advice_text((), PLAIN) == ""


def test_counts_are_words_in_the_right_number() -> None:
    assert summary_text("lock", {"entries": 1, "added": 2, "failed": 0}, PLAIN) == "lock: 1 entry, 2 added\n"
    assert summary_text("x", {"places": 1, "could_not_tell": 3}, PLAIN) == "x: 1 place, 3 could not tell\n"
    assert summary_text("x", {}, PLAIN) == "x: nothing\n"


def test_a_table_in_a_pipe_is_never_cut() -> None:
    rows = [("x" * 300, "a.yaml:1"), ("y", "b.yaml:2")]
    lines = table_text(("REFERENCE", "WHERE"), rows, PLAIN, None).splitlines()
    assert lines[1] == "x" * 300 + "  a.yaml:1"
    assert lines[0].index("WHERE") == lines[2].index("b.yaml") == 302


def test_a_table_folds_to_the_width_and_loses_nothing() -> None:
    rows = [("r" * 90, "w" * 30, "kubernetes")]
    text = table_text(("REFERENCE", "WHERE", "FORMAT"), rows, PLAIN, 60)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert (text.count("r"), text.count("w")) == (90 + 1, 30)


def test_an_excerpt_fits_a_narrow_terminal() -> None:
    line = "              image: quay.io/" + "a" * 200 + ":1"
    item = finding("IL101", "not pinned", reference=line.split()[1], file="a.yaml", line=7, column=22)
    text = findings_text((item,), PLAIN, lambda _, __: line, 60)
    assert max(map(len, text.splitlines())) <= 60
    assert "^^^" in text
