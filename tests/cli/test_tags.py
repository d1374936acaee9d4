"""``imagelock tags`` from end to end: a real registry with made images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from imagelock.lockfile.reader import parse_lock
from support import peers
from support.site import Site
from support.tagged import BUILD, COMMIT, item, tag_file

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import AnyRegistry
    from support.world import Result

RELEASE = "stx.4.0-v1.0"


@pytest.fixture
def site(tmp_path: Path, alone: Path, peer_registry: AnyRegistry, capsys: pytest.CaptureFixture[str]) -> Site:
    root = tmp_path / "project"
    root.mkdir()
    return Site(root, peer_registry, capsys)


def actions(result: Result) -> dict[str, str]:
    return {tag["reference"].rpartition("/")[2]: tag["action"] for tag in result.document["tags"]}


def test_plan_apply_and_plan_again(site: Site) -> None:
    digests = {image: site.push(image, BUILD) for image in ("dex", "rvmc", "audit")}
    site.push("audit", RELEASE)
    site.write("a.yaml", tag_file(*(item(site.name(image), RELEASE) for image in ("dex", "rvmc"))))
    site.write("b.yaml", f"{tag_file()[:-8]}images: []\n---\nimages:\n{item(site.name('audit'), RELEASE)}")

    first = site.run("plan", "a.yaml", "b.yaml", "-o", "json")
    assert (first.code, set(actions(first).values())) == (0, {"create", "keep"})
    done = site.run("apply", "a.yaml", "b.yaml")
    assert done.code == 0
    assert [line.split()[1] for line in done.out.splitlines()[1:]] == ["created", "created", "kept"]
    again = site.run("plan", "a.yaml", "b.yaml", "-o", "json")

    assert (again.code, set(actions(again).values())) == (0, {"keep"})
    assert again.document["changes"] == []
    for image, digest in digests.items():
        if peers.has("skopeo"):
            assert site.digest(image, RELEASE) == str(digest)
            assert site.digest(image, BUILD) == str(digest)


def test_dry_run_sets_nothing_and_does_not_say_it_did(site: Site) -> None:
    site.push("dex", BUILD)
    site.write("t.yaml", tag_file(item(site.name("dex"), RELEASE)))

    dry = site.run("apply", "--dry-run", "t.yaml")

    assert dry.code == 0
    assert "create" in dry.out
    assert not re.search("pushed|created", dry.out + dry.err)
    assert actions(site.run("plan", "t.yaml", "-o", "json")) == {f"dex:{RELEASE}": "create"}


def test_a_conflict_is_refused_until_it_is_moved_on_purpose(site: Site) -> None:
    new = site.push("dex", BUILD, "new")
    site.push("dex", RELEASE, "old")
    site.write("t.yaml", tag_file(item(site.name("dex"), RELEASE)))

    planned = site.run("plan", "t.yaml", "-o", "json")
    assert (planned.code, planned.codes) == (1, ["IL401"])
    refused = site.run("apply", "t.yaml", "-o", "json")
    assert (refused.code, refused.codes, actions(refused)) == (1, ["IL401"], {f"dex:{RELEASE}": "conflict"})
    moved = site.run("apply", "--move", "dex", "t.yaml", "-o", "json")

    assert (moved.code, actions(moved)) == (0, {f"dex:{RELEASE}": "moved"})
    assert moved.document["changes"][0]["after"] == str(new)
    assert actions(site.run("plan", "t.yaml", "-o", "json")) == {f"dex:{RELEASE}": "keep"}


def test_a_failing_entry_stops_no_other_and_the_code_tells_it(site: Site) -> None:
    for image in ("dex", "audit"):
        site.push(image, BUILD)
    images = ("dex", "gone", "audit")
    site.write("t.yaml", tag_file(*(item(site.name(image), RELEASE) for image in images)))

    done = site.run("apply", "t.yaml", "-o", "json")

    assert (done.code, done.codes) == (1, ["IL403"])
    assert list(actions(done).values()) == ["created", "no source", "created"]
    assert done.document["summary"]["created"] == 2


def test_an_entry_that_breaks_a_rule_is_not_set_and_the_others_are(site: Site) -> None:
    for image in ("dex", "audit"):
        site.push(image, BUILD)
    site.write("t.yaml", tag_file(item(site.name("dex"), "stx.4.0.v1"), item(site.name("audit"), RELEASE)))

    done = site.run("apply", "t.yaml", "-o", "json")

    assert (done.code, done.codes, actions(done)) == (1, ["IL402"], {f"audit:{RELEASE}": "created"})


def test_a_registry_that_is_down_is_no_word_on_any_tag(site: Site) -> None:
    site.write("t.yaml", tag_file(item(f"127.0.0.1:{peers.dead_port()}/acme/dex", RELEASE)))

    for verb in ("plan", "apply"):
        done = site.run(verb, "--retry-time", "0", "t.yaml", "-o", "json")
        assert (done.code, done.codes) == (3, ["IL302"])
        assert list(actions(done).values()) == ["could not tell"]


def test_could_not_tell_weighs_more_than_a_conflict(site: Site) -> None:
    site.push("dex", BUILD, "new")
    site.push("dex", RELEASE, "old")
    down = f"127.0.0.1:{peers.dead_port()}/acme/dex"
    site.write("t.yaml", tag_file(item(site.name("dex"), RELEASE), item(down, RELEASE)))

    assert site.run("plan", "--retry-time", "0", "t.yaml").code == 3


def test_repush_puts_a_right_tag_again(site: Site) -> None:
    site.push("dex", BUILD)
    site.push("dex", RELEASE)
    site.write("t.yaml", tag_file(item(site.name("dex"), RELEASE)))

    assert actions(site.run("apply", "--repush", "dex", "t.yaml", "-o", "json")) == {
        f"dex:{RELEASE}": "repushed"
    }


def test_unknown_names_and_offline_are_usage_errors(site: Site) -> None:
    site.write("t.yaml", tag_file(item(site.name("dex"), RELEASE)))

    assert site.run("apply", "--move", "nothing", "t.yaml").code == 2
    assert site.run("plan", "--offline", "t.yaml").code == 2
    assert site.run("lint", "missing.yaml").code == 2
    assert site.run("suggest", "--git", ".", "--closes", "t.yaml").code == 2


def test_lint_shows_the_line_and_the_tag_that_is_meant(site: Site) -> None:
    site.write("t.yaml", tag_file(item("docker.io/acme/dex", "stx.8.0.v1.0.5")))

    shown = site.run("lint", "t.yaml", "--color", "never")

    assert shown.code == 1
    assert "--> t.yaml:7:10" in shown.out
    assert " 7 |     tag: stx.8.0.v1.0.5\n   |          ^^^^^^^^^^^^^^\n" in shown.out
    assert "did you mean stx.8.0-v1.0.5?" in shown.out


def test_lint_follows_the_rules_of_the_configuration(site: Site) -> None:
    site.write(
        "imagelock.toml", '[[tags.rule]]\nfiles = "*trixie*"\nsuffix = "-trixie"\nreason = "since 13.0"\n'
    )
    for name in ("tags-trixie.yaml", "tags-bullseye.yaml"):
        site.write(name, tag_file(item("docker.io/acme/dex", RELEASE)))

    shown = site.run("lint", "tags-bullseye.yaml", "-o", "json")
    assert shown.code == 0
    shown = site.run("lint", "tags-trixie.yaml", "-o", "json")
    assert (shown.code, shown.document["findings"][0]["notes"]) == (1, ["since 13.0"])


@pytest.mark.parametrize(
    "rule",
    ['tag = "("', "files = '*'", 'tag = "x"\nsufix = "y"'],
    ids=["no-regex", "no-test", "mistyped-key"],
)
def test_a_rule_that_is_none_is_a_configuration_error(site: Site, rule: str) -> None:
    site.write("imagelock.toml", f"[[tags.rule]]\n{rule}\n")
    site.write("t.yaml", tag_file())

    assert site.run("lint", "t.yaml").code == 2


def test_lock_records_the_build_and_the_revision_and_pin_fills_digest_keys(site: Site) -> None:
    digest = site.push("dex", RELEASE)
    site.push("rvmc", RELEASE)
    content = tag_file(
        item(site.name("dex"), RELEASE, more='    digest: ""  # enforced\n'), item(site.name("rvmc"), RELEASE)
    )
    site.write("image-tags.yaml", content)

    assert site.any("lock", "-C", str(site.root)).code == 0
    lock = parse_lock(site.read("images.lock"), "images.lock")
    sources = [image.source for image in lock.images]
    assert {(item.origin, item.tag, item.revision) for item in sources if item} == {
        ("image-tags.yaml", BUILD, f"https://git.example/app/commit/{COMMIT}")
    }
    before = site.read("images.lock")
    assert site.any("lock", "-C", str(site.root), "-U").code == 0
    assert site.read("images.lock") == before

    assert site.any("pin", "-C", str(site.root)).code == 0
    assert site.read("image-tags.yaml") == content.replace('""', f'"{digest}"')
    assert site.any("unpin", "-C", str(site.root)).code == 0
    assert site.read("image-tags.yaml") == content


def test_an_entry_of_a_tag_file_goes_with_its_item(site: Site) -> None:
    for image in ("dex", "rvmc"):
        site.push(image, RELEASE)
    items = [item(site.name(image), RELEASE) for image in ("dex", "rvmc")]
    site.write("image-tags.yaml", tag_file(*items))
    site.any("lock", "-C", str(site.root))
    site.write("image-tags.yaml", tag_file(items[0]))

    assert site.any("lock", "-C", str(site.root)).code == 0
    assert [image.name for image in parse_lock(site.read("images.lock"), "l").images] == [site.name("dex")]


def test_a_file_is_rehearsed_on_another_registry_and_nothing_else_is_asked(site: Site) -> None:
    digest = site.push("dex", BUILD)
    site.write("t.yaml", tag_file(item("registry.invalid/acme/dex", RELEASE)))

    done = site.run(
        "apply", "--to", site.registry.address, "--repush", "dex, registry.invalid/acme/dex", "t.yaml"
    )

    assert done.code == 0
    assert f"{site.name('dex')}:{RELEASE}" in done.out
    again = site.run("plan", "--to", f"{site.registry.address}/", "t.yaml", "-o", "json")
    assert actions(again) == {f"dex:{RELEASE}": "keep"}
    assert again.document["tags"][0]["after"] == str(digest)
    odd = site.run("plan", "--to", "NO HOST", "t.yaml")
    assert (odd.code, "--to is not a registry" in odd.err) == (2, True)


def test_repush_takes_several_names_with_commas(site: Site) -> None:
    for image in ("dex", "audit", "rvmc"):
        site.push(image, BUILD)
        site.push(image, RELEASE)
    site.write("t.yaml", tag_file(*(item(site.name(image), RELEASE) for image in ("dex", "audit", "rvmc"))))
    done = site.run("apply", "--repush", "dex,audit", "t.yaml", "-o", "json")
    assert list(actions(done).values()) == ["repushed", "repushed", "kept"]


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_the_markdown_names_image_tag_and_digest(site: Site, verb: str) -> None:
    digest = site.push("dex", BUILD)
    site.write("t.yaml", tag_file(item(site.name("dex"), RELEASE)))
    site.run(verb, "--report", "markdown=r.md", "t.yaml")
    assert f"| `{site.name('dex')}:{RELEASE}` | `{str(digest)[:19]}…` | `t.yaml:7` |" in site.read("r.md")
