"""The gate: every place against the lock, each finding with its code, level and place."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
import yaml

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"
NAME = "quay.io/acme/app"
B = "quay.io/acme/base:2.0"
OTHER = "sha256:" + "0" * 64


@pytest.fixture
def pinned(world: World) -> World:
    """Give a project that is locked and pinned."""
    for reference in (A, B):
        world.push(reference)
    world.write("a.yaml", deployment(A, B))
    assert world.run("lock").code == 0
    assert world.run("pin").code == 0
    world.asked()
    return world


def digest(world: World, reference: str) -> str:
    """Return the digest the lock has."""
    return next(str(image.digest) for image in world.lock.images if image.reference == reference)


def levels(world: World, *arguments: str) -> tuple[int, list[tuple[str, str]]]:
    """Run check; return the exit code and each finding's code and level."""
    result = world.json("check", *arguments)
    return result.code, [(item["code"], item["level"]) for item in result.document["findings"]]


def test_a_pinned_project_is_fine_and_nobody_is_asked(pinned: World) -> None:
    assert levels(pinned) == (0, [])
    assert pinned.asked() == []


def test_a_reference_without_digest_is_il101_with_its_place(pinned: World) -> None:
    pinned.write("b.yaml", deployment("docker.io/library/redis:7", B))
    result = pinned.json("check")
    assert result.code == 1
    one, two = result.document["findings"]
    assert (one["code"], one["file"], one["line"], one["column"]) == ("IL101", "b.yaml", 10, 18)
    assert "imagelock lock" in one["hint"]
    assert (two["code"], two["hint"]) == ("IL101", "run `imagelock pin`")


def test_another_digest_under_a_known_tag_is_an_error(pinned: World) -> None:
    pinned.write("b.yaml", deployment(f"{B}@{OTHER}"))
    code, found = levels(pinned, "b.yaml")
    assert (code, found) == (1, [("IL105", "error")])


def test_a_digest_of_an_image_the_lock_does_not_know_does_not_pass_and_is_not_counted_as_pinned(
    pinned: World,
) -> None:
    pinned.write("b.yaml", deployment(f"quay.io/acme/else:1@{OTHER}", f"{NAME}@{OTHER}"))
    assert levels(pinned, "b.yaml") == (1, [("IL105", "error")] * 2)
    summary = pinned.json("check", "b.yaml").document["summary"]
    assert (summary["pinned"], summary["unknown"], summary["wrong"]) == (0, 2, 0)


def test_a_digest_whose_finding_is_silenced_is_ignored_and_not_pinned(pinned: World) -> None:
    text = deployment(f"quay.io/acme/else:1@{OTHER}")
    line = next(line for line in text.splitlines() if "quay.io/acme/else" in line)
    pinned.write("b.yaml", text.replace(line, f"{line} # imagelock: ignore[IL105] on trial"))
    result = pinned.json("check", "b.yaml")
    summary = result.document["summary"]
    assert (result.code, summary["pinned"], summary["ignored"]) == (0, 0, 1)


@pytest.mark.parametrize("sources", [(), ("empty",)])
def test_nothing_to_check_is_an_error_that_names_the_directory(
    world: World, sources: tuple[str, ...]
) -> None:
    world.write("empty/notes.md", "nothing\n")
    result = world.run("check", *sources)
    assert (result.code, result.out) == (2, "")
    assert (sources[0] if sources else str(world.root)) in result.err


def test_a_project_of_exempt_images_alone_passes_without_a_lock(world: World) -> None:
    world.write("imagelock.toml", '[[exempt]]\nimage = "quay.io/acme/*"\nreason = "ours"\n')
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    assert [world.run(name).code for name in ("lock", "check", "pin")] == [0, 0, 0]
    assert not (world.root / "images.lock").exists()


def test_a_cluster_dump_is_no_source_of_any_verb(pinned: World) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "c", "image": "docker.io/someone/tool:1"}]},
        "status": {"phase": "Running"},
    }
    page = {"apiVersion": "v1", "kind": "DeploymentList", "metadata": {"continue": "abc"}, "items": []}
    pinned.write("dump.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod]}))
    pinned.write("dump.yaml", yaml.safe_dump({"apiVersion": "v1", "kind": "PodList", "items": [pod]}))
    pinned.write("pod.yaml", yaml.safe_dump(pod))
    pinned.write("page.json", json.dumps(page))
    scanned = pinned.json("scan")
    skipped = {item["file"] for item in scanned.document["skipped"] if "dump of a cluster" in item["reason"]}
    assert skipped == {"dump.json", "dump.yaml", "pod.yaml", "page.json"}
    assert not any("someone" in item["reference"] for item in scanned.document["references"])
    before = pinned.read("images.lock")
    assert [pinned.run(name).code for name in ("lock", "pin", "check")] == [0, 0, 0]
    assert pinned.read("images.lock") == before


@pytest.mark.parametrize("status", ["", "status: {}\n"])
def test_a_pod_without_a_status_is_a_source(world: World, status: str) -> None:
    world.push("quay.io/acme/app:1")
    pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: quay.io/acme/app:1\n"
    world.write("pod.yaml", pod + status)
    assert world.json("scan").document["summary"]["references"] == 1


def test_one_platform_of_an_image_is_il108_also_when_it_got_locked(pinned: World) -> None:
    child = str(pinned.lock.images[0].platforms[0].digest)
    pinned.write("b.yaml", deployment(f"{A}@{child}", f"{NAME}@{child}"))
    assert levels(pinned, "b.yaml") == (0, [("IL108", "warning")] * 2)
    pinned.run("lock")
    assert levels(pinned, "b.yaml") == (0, [("IL108", "warning")] * 2)


def test_a_tag_beside_the_digest_of_another_tag_is_il115(pinned: World) -> None:
    pinned.write("b.yaml", deployment(f"{NAME}:9.9@{digest(pinned, A)}"))
    assert levels(pinned, "b.yaml") == (0, [("IL115", "warning")])


def test_places_that_disagree_are_il120_naming_both(pinned: World) -> None:
    pinned.write("b.yaml", deployment(f"{A}@{OTHER}"))
    result = pinned.json("check")
    assert result.codes == ["IL105", "IL120"]
    notes = result.document["findings"][1]["notes"]
    assert [note.partition(": ")[0] for note in notes] == ["a.yaml:10", "b.yaml:10"]


@pytest.mark.parametrize(("given", "code"), [("", 2), (" \n", 2), ("kind: ConfigMap\n", 0)])
def test_a_pipe_that_brings_nothing_is_not_fine(
    pinned: World, monkeypatch: pytest.MonkeyPatch, given: str, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    result = pinned.run("check", "-")
    assert result.code == code
    assert ("standard input is empty" in result.err) is (code == 2)


def test_an_entry_nothing_uses_is_a_warning_of_whole_runs_only(pinned: World) -> None:
    pinned.write("a.yaml", deployment(f"{A}@{digest(pinned, A)}"))
    assert levels(pinned) == (0, [("IL103", "warning")])
    assert levels(pinned, "a.yaml") == (0, [])
    assert pinned.run("check", "--strict").code == 1


def test_an_untagged_name_that_fits_several_entries_is_il110(pinned: World) -> None:
    pinned.write("list.txt", f"{NAME}:1@{OTHER}\n{NAME}:2@{OTHER}\n")
    pinned.write("b.yaml", deployment(NAME))
    assert levels(pinned, "--lock-file", "list.txt", "b.yaml") == (1, [("IL110", "error")])


def test_a_damaged_reference_is_il111_and_a_broken_file_il114(pinned: World) -> None:
    pinned.write("b.yaml", deployment(f"{A}@{OTHER}@{OTHER}"))
    pinned.write("c.yaml", "kind: Pod\nspec: {containers: [{image: x/y:1}\n")
    assert levels(pinned) == (1, [("IL111", "error"), ("IL114", "error")])


@pytest.mark.parametrize("above", [True, False], ids=["the line above", "the same line"])
@pytest.mark.parametrize(("marks", "silent"), [("[IL101]", True), ("", True), ("[IL102]", False)])
def test_an_ignore_comment_silences_its_codes_on_its_line_and_the_next(
    pinned: World, marks: str, *, above: bool, silent: bool
) -> None:
    comment = f"# imagelock: ignore{marks} not built yet"
    text = deployment("redis:7")
    line = "          image: redis:7\n"
    text = text.replace(line, f"          {comment}\n{line}" if above else f"{line[:-1]}  {comment}\n")
    pinned.write("b.yaml", text)
    assert levels(pinned, "b.yaml") == ((0, []) if silent else (1, [("IL101", "error")]))


def test_places_that_disagree_on_purpose_can_be_silenced(pinned: World) -> None:
    line = f"{A}@{OTHER}  # imagelock: ignore[IL105, IL120] the old one on purpose"
    pinned.write("b.yaml", deployment(line))
    assert levels(pinned) == (0, [])


def test_an_exempt_image_has_no_finding_and_is_counted(pinned: World) -> None:
    pinned.configure('[[exempt]]\nimage = "quay.io/acme/idea:next"\nreason = "floating"\n')
    pinned.write("b.yaml", deployment("quay.io/acme/idea:next", "quay.io/acme/idea:nextest"))
    result = pinned.json("check")
    assert result.codes == ["IL101"]
    assert result.document["summary"]["exempt"] == 1
    assert [(item["reference"], item["reason"], item["file"]) for item in result.document["exempt"]] == [
        ("quay.io/acme/idea:next", "floating", "b.yaml")
    ]
    assert "exempt: quay.io/acme/idea:next (floating) at b.yaml:" in pinned.run("check").err


def test_an_expired_exemption_covers_nothing_and_is_told(pinned: World) -> None:
    pinned.configure('[[exempt]]\nimage = "quay.io/acme/idea:next"\nreason = "f"\nexpires = 2020-01-31\n')
    pinned.write("b.yaml", deployment("quay.io/acme/idea:next"))
    result = pinned.run("check")
    assert result.code == 1
    assert "quay.io/acme/idea:next expired on 2020-01-31" in result.err


def test_an_exemption_that_covers_nothing_is_told_by_whole_runs_only(pinned: World) -> None:
    pinned.configure('[[exempt]]\nimage = "quay.io/acme/nobody"\nreason = "f"\n')
    assert "matches nothing" in pinned.run("check").err
    assert "matches nothing" not in pinned.run("check", "a.yaml").err


def test_a_digest_from_the_list_that_pinned_it_is_fine(pinned: World) -> None:
    listed = pinned.run_plain("export", "list", "-C", str(pinned.root)).out
    pinned.write("released.txt", listed)
    (pinned.root / "images.lock").unlink()
    assert levels(pinned, "--lock-file", "released.txt") == (0, [])


def test_missing_platforms_are_told_without_a_registry(pinned: World) -> None:
    pinned.configure('[lock]\nplatforms = ["linux/amd64", "linux/s390x"]\n')
    assert levels(pinned) == (0, [("IL106", "warning")] * 2)
    assert pinned.asked() == []


def test_with_registry_files_and_registries_are_one_report_and_one_code(pinned: World) -> None:
    pinned.push(A, "moved")
    pinned.write("b.yaml", deployment(f"{B}@{OTHER}"))
    code, found = levels(pinned, "--registry")
    assert code == 1
    assert found == [("IL105", "error"), ("IL120", "error"), ("IL102", "error")]


def test_could_not_tell_weighs_more_than_a_finding(pinned: World) -> None:
    pinned.write("b.yaml", deployment("redis:7"))
    code, found = levels(pinned, "--registry", "--offline")
    assert code == 3
    assert ("IL101", "error") in found
    assert ("IL302", "error") in found


def test_check_of_nothing_but_the_lock_counts_every_place_once(pinned: World) -> None:
    pinned.write("b.yaml", deployment("redis:7", f"{A}@{digest(pinned, A)}"))
    summary = pinned.json("check").document["summary"]
    parts = ("pinned", "wrong", "ignored", "exempt")
    assert summary["references"] == sum(summary[part] for part in parts) == 4


@pytest.mark.timeout(120)
def test_thousands_of_digests_of_one_name_cost_what_was_typed(world: World) -> None:
    images = "".join(f"{NAME}@sha256:{number:064x}\n" for number in range(20_000))
    world.write("images.txt", images)
    world.write("released.lock", images)
    world.write("imagelock.toml", '[scan]\nexclude = ["released.lock"]\n')
    result = world.json("check", "--strict", "--lock-file", "released.lock")
    assert (result.code, result.document["summary"]["pinned"]) == (0, 20_000)
