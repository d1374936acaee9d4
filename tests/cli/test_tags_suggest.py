"""``imagelock tags suggest`` over a real git repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support import peers
from support.site import Site
from support.tagged import COMMIT, item, tag_file
from support.world import deployment

if TYPE_CHECKING:
    from pathlib import Path

    from imagelock.service.embedded import EmbeddedRegistry


@pytest.fixture
def site(
    tmp_path: Path, alone: Path, embedded_registry: EmbeddedRegistry, capsys: pytest.CaptureFixture[str]
) -> Site:
    root = tmp_path / "project"
    root.mkdir()
    return Site(root, embedded_registry, capsys)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository with an early revision, a tagged one and one after it."""
    root = tmp_path / "clone"
    root.mkdir()
    for key in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{key}_NAME", "made up")
        monkeypatch.setenv(f"GIT_{key}_EMAIL", "made@up.example")
    git(root, "init", "-q")
    for message in ("early", "tagged", "after"):
        git(root, "commit", "-q", "--allow-empty", "-m", message)
        if message == "tagged":
            git(root, "tag", "1.0.5")
    return root


def git(root: Path, *arguments: str) -> str:
    return peers.run("git", "-c", "commit.gpgsign=false", *arguments, cwd=root).decode().strip()


def revision(root: Path, name: str) -> str:
    return git(root, "rev-parse", name)


def test_suggest_proposes_what_git_describes_and_writes_tags_alone(site: Site, clone: Path) -> None:
    head, tagged = revision(clone, "HEAD"), revision(clone, "HEAD~1")
    content = tag_file(
        item("docker.io/acme/dex", "stx.8.0.v1.0.5  # mistyped", commit=tagged),
        item("docker.io/acme/rvmc", "'stx.8.0-v1.0.0'", commit=head),
        item("docker.io/acme/elsewhere", "stx.8.0-v1.0.0"),
    )
    site.write("t.yaml", content)

    shown = site.run("suggest", "--git", str(clone), "t.yaml", "-o", "json")
    assert shown.code == 0
    described = f"1.0.5-1-g{head[:7]}"
    assert [change["after"] for change in shown.document["changes"]] == [
        "docker.io/acme/dex:stx.8.0-v1.0.5",
        f"docker.io/acme/rvmc:stx.8.0-v{described}",
    ]
    assert shown.document["summary"]["elsewhere"] == 1
    assert site.read("t.yaml") == content

    assert site.run("suggest", "--git", str(clone), "--write", "t.yaml").code == 0
    expected = content.replace("stx.8.0.v1.0.5", "stx.8.0-v1.0.5")
    assert site.read("t.yaml") == expected.replace("'stx.8.0-v1.0.0'", f"'stx.8.0-v{described}'")
    again = site.run("suggest", "--git", str(clone), "--write", "t.yaml", "-o", "json")
    assert (again.document["changes"], again.document["summary"]["right"]) == ([], 2)


def test_suggest_takes_release_and_suffix_from_option_rule_and_file_name(site: Site, clone: Path) -> None:
    tagged = revision(clone, "1.0.5")
    site.write("tags-trixie.yaml", tag_file(item("docker.io/acme/dex", "stx.8.0-v0.1-trixie", commit=tagged)))
    site.write("tags-other.yaml", tag_file(item("docker.io/acme/dex", "stx.8.0-v0.1", commit=tagged)))
    site.write("imagelock.toml", '[[tags.rule]]\nfiles = "*other*"\nsuffix = "-noble"\n')

    shown = site.run(
        "suggest",
        "--git",
        str(clone),
        "--release",
        "stx.13.0",
        "tags-trixie.yaml",
        "tags-other.yaml",
        "-o",
        "json",
    )

    assert [change["after"].rpartition(":")[2] for change in shown.document["changes"]] == [
        "stx.13.0-v1.0.5-trixie",
        "stx.13.0-v1.0.5-noble",
    ]


def test_suggest_tells_a_revision_that_no_tag_leads_to(site: Site, clone: Path) -> None:
    site.write("t.yaml", tag_file(item("docker.io/acme/dex", "v0", commit=revision(clone, "HEAD~2"))))

    shown = site.run("suggest", "--git", str(clone), "t.yaml", "-o", "json")

    assert (shown.code, shown.codes) == (1, ["IL406"])


def test_suggest_refuses_to_write_what_would_break_the_rules(site: Site, clone: Path) -> None:
    head, tagged = revision(clone, "HEAD"), revision(clone, "HEAD~1")
    content = tag_file(
        item("docker.io/acme/dex", "stx.8.0-v1.0.5", commit=head, build="another"),
        item("docker.io/acme/dex", "stx.8.0-v0.9", commit=tagged),
    ).replace(head, COMMIT)
    site.write("t.yaml", content)

    shown = site.run("suggest", "--git", str(clone), "--write", "t.yaml", "-o", "json")

    assert (shown.code, shown.codes) == (1, ["IL402"])
    assert "has two sources" in shown.document["findings"][0]["message"]
    assert site.read("t.yaml") == content


def test_suggest_looks_through_several_repositories_and_needs_one(
    site: Site, clone: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    site.write("t.yaml", tag_file(item("docker.io/acme/dex", "v0", commit=revision(clone, "1.0.5"))))

    both = site.run("suggest", "--git", str(empty), "--git", str(clone), "t.yaml", "-o", "json")
    assert both.document["changes"][0]["after"] == "docker.io/acme/dex:1.0.5"
    alone = site.run("suggest", "--git", str(empty), "t.yaml")
    assert "no src_ref is a commit of" in alone.err
    nothing = site.run("suggest", "--git", str(site.root), "t.yaml")
    assert (nothing.code, "not a git repository" in nothing.err) == (2, True)


def test_suggest_lists_who_still_floats_with_the_tag_of_the_same_build(site: Site, clone: Path) -> None:
    tagged = revision(clone, "1.0.5")
    builds = ("master-trixie-20260101T000000Z.0", "master-bullseye-20260101T000000Z.0")
    site.write(
        "t.yaml",
        tag_file(
            item("docker.io/acme/dex", "stx.8.0-v0.1", commit=tagged, build=builds[0]),
            item("docker.io/acme/dex", "stx.8.0-v0.2", build=builds[1]),
        ),
    )
    site.write(
        "app.yaml",
        deployment(
            "acme/dex:master-trixie-latest", "acme/dex:master-bullseye-latest", "acme/dex", "acme/dex:stx.8.0-v0.1",
            "acme/other:latest", f"acme/dex:latest@sha256:{'0' * 64}",
        ),
    )  # fmt: skip

    shown = site.run("suggest", "--git", str(clone), "t.yaml", "-o", "json")

    assert [(item["code"], item["reference"], item["hint"]) for item in shown.document["findings"]] == [
        ("IL405", "acme/dex:master-trixie-latest", "write acme/dex:stx.8.0-v1.0.5"),
        ("IL405", "acme/dex:master-bullseye-latest", "write acme/dex:stx.8.0-v0.2"),
        ("IL405", "acme/dex", "write acme/dex:stx.8.0-v1.0.5 or acme/dex:stx.8.0-v0.2"),
    ]
    assert shown.code == 0
    assert site.run("suggest", "--strict", "--git", str(clone), "t.yaml").code == 1


def test_suggest_finds_floating_tags_in_the_values_of_charts(site: Site, clone: Path) -> None:
    site.write("t.yaml", tag_file(item("docker.io/acme/dex", "v0.1"), item("docker.io/acme/web", "v0.2")))
    chart = site.root / "chart"
    chart.mkdir()
    site.write("chart/Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n")
    site.write(
        "chart/values.yaml",
        "image:\n  repository: docker.io/acme/dex\n  tag: master-stable-latest\n"
        "images:\n  tags:\n    web: docker.io/acme/web:latest\n"
        "other:\n  image:\n    repository: docker.io/acme/dex\n",
    )

    shown = site.run("suggest", "--git", str(clone), "t.yaml", "-o", "json")

    assert [(item["file"], item["line"], item["hint"]) for item in shown.document["findings"]] == [
        ("chart/values.yaml", 2, "write docker.io/acme/dex:v0.1"),
        ("chart/values.yaml", 6, "write docker.io/acme/web:v0.2"),
    ]


def test_suggest_prints_the_commit_message_alone(site: Site, clone: Path) -> None:
    tagged = revision(clone, "1.0.5")
    site.write("t.yaml", tag_file(item("docker.io/acme/dex", "stx.8.0.v1.0.5", commit=tagged)))
    site.write("app.yaml", deployment("acme/dex:latest"))

    partial = site.run("suggest", "--git", str(clone), "--bug", "2012345", "--message", "t.yaml")
    closing = site.run("suggest", "--git", str(clone), "--bug", "#7", "--closes", "t.yaml")
    plain = site.run("suggest", "--git", str(clone), "--message", "t.yaml")

    assert partial.out == (
        "Tag dex stx.8.0-v1.0.5\n\n"
        "dex: stx.8.0.v1.0.5 -> stx.8.0-v1.0.5\n\n"
        "Floating tags to replace:\n"
        "app.yaml:10: acme/dex:latest -> stx.8.0-v1.0.5\n\n"
        "Partial-Bug: #2012345\n"
    )
    assert closing.out.endswith("\n\nCloses-Bug: #7\n")
    assert "Bug" not in plain.out
    assert "IL405" in partial.err
    shown = site.run("suggest", "--git", str(clone), "--bug", "1", "t.yaml", "-o", "json")
    assert json.loads(shown.out)["message"].endswith("Partial-Bug: #1\n")


def test_suggest_is_not_misled_by_the_repository_of_a_hook(
    site: Site, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write("t.yaml", tag_file(item("docker.io/acme/dex", "v0", commit=revision(clone, "1.0.5"))))
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))

    shown = site.run("suggest", "--git", str(clone), "t.yaml", "-o", "json")

    assert shown.document["changes"][0]["after"] == "docker.io/acme/dex:1.0.5"


FLOATING = "docker.io/acme/dex:master-stable-latest"


def test_write_replaces_every_place_that_floats_and_keeps_comments(site: Site, clone: Path) -> None:
    tagged = revision(clone, "1.0.5")
    site.write("t.yaml", tag_file(item("docker.io/acme/dex", "stx.8.0-v1.0.5", commit=tagged)))
    (site.root / "vars").mkdir()
    site.write("dex-static-overrides.yaml", f"image: {FLOATING}  # the build of the day\n")
    site.write("vars/main.yml", f"---\n# images\ndex_img: '{FLOATING}'\nother: docker.io/acme/other:latest\n")
    site.write("deploy.yaml", deployment(f"{FLOATING}"))
    (site.root / "chart").mkdir()
    site.write(
        "chart/values.yaml", "image:\n  repository: docker.io/acme/dex\n  tag: 'latest'  # of the day\n"
    )

    dry = site.run("suggest", "--git", str(clone), "t.yaml", "-o", "json")
    assert (dry.document["summary"]["floating"], dry.document["summary"]["replaced"]) == (4, 0)
    assert FLOATING in site.read("vars/main.yml")
    done = site.run("suggest", "--git", str(clone), "--write", "--bug", "7", "t.yaml")

    assert done.code == 0
    managed = "docker.io/acme/dex:stx.8.0-v1.0.5"
    assert site.read("dex-static-overrides.yaml") == f"image: {managed}  # the build of the day\n"
    assert site.read("vars/main.yml") == (
        f"---\n# images\ndex_img: '{managed}'\nother: docker.io/acme/other:latest\n"
    )
    assert managed in site.read("deploy.yaml")
    assert site.read("chart/values.yaml").endswith("  tag: 'stx.8.0-v1.0.5'  # of the day\n")
    assert done.out.startswith("Use the release tag of dex\n\nFloating tags replaced:\n")
    assert "deploy.yaml:" in done.out
    assert "IL405" not in done.err
    again = site.run("suggest", "--git", str(clone), "--write", "t.yaml", "-o", "json")
    assert (again.document["changes"], again.document["summary"]["floating"]) == ([], 0)


def test_write_leaves_a_place_that_several_tags_fit_and_one_in_a_package(site: Site) -> None:
    site.write(
        "t.yaml",
        tag_file(item("docker.io/acme/dex", "v1"), item("docker.io/acme/dex", "v2", build="other-1")),
    )
    site.write("deploy.yaml", deployment("docker.io/acme/dex:latest"))

    done = site.run("suggest", "--write", "t.yaml", "-o", "json")

    assert done.codes == ["IL405"]
    assert "dex:v1 or docker.io/acme/dex:v2" in done.document["findings"][0]["hint"]
    assert "dex:latest" in site.read("deploy.yaml")


def test_floating_tags_are_looked_for_where_it_is_asked(site: Site) -> None:
    site.write("t.yaml", tag_file(item("docker.io/acme/dex", "v1")))
    for name in ("a.yaml", "b.yaml"):
        site.write(name, deployment("docker.io/acme/dex:latest"))
    shown = site.run("suggest", "--in", "b.yaml", "t.yaml", "-o", "json")
    assert [item["file"] for item in shown.document["findings"]] == ["b.yaml"]


def test_a_floating_tag_means_the_build_that_has_all_its_words(site: Site) -> None:
    for base in ("bullseye", "trixie"):
        build = f"master-debian-{base}-amd64-stable-20260101T000000Z.0"
        site.write(
            f"tags-{base}.yaml", tag_file(item("docker.io/acme/dex", f"stx.13.0-v1-{base}", build=build))
        )
    site.write("deploy.yaml", deployment("docker.io/acme/dex:master-debian-trixie-stable-latest"))
    done = site.run("suggest", "--write", "tags-bullseye.yaml", "tags-trixie.yaml")
    assert done.code == 0
    assert "docker.io/acme/dex:stx.13.0-v1-trixie" in site.read("deploy.yaml")
