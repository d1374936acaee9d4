"""``cluster learn`` and ``cluster respin`` as people see them, against a real registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from imagelock.lockfile.reader import list_lines
from support.apiserver import ApiServer
from support.kube import container, digest, listed, pod
from support.schemas import problems

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import Result, World


@pytest.fixture
def project(world: World) -> World:
    """Make a project whose lock knows one image."""
    world.configure()
    known = world.push("quay.io/acme/web:1")
    world.write(
        "deploy.yaml",
        f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - image: quay.io/acme/web:1@{known}\n",
    )
    assert world.run("lock").code == 0
    return world


def cluster(project: World, verb: str, *arguments: str) -> Result:
    return project.run_plain("cluster", verb, "-C", str(project.root), *arguments)


def cluster_json(project: World, verb: str, *arguments: str) -> Result:
    result = cluster(project, verb, *arguments, "-o", "json")
    assert problems("output", result.document) == []
    return result


def running(name: str, image: str, content: str, **more: Any) -> dict[str, Any]:
    return pod(name, container("c", image, f"{image.partition(':')[0]}@{content}"), **more)


def dump(tmp_path: Path, *objects: dict[str, Any]) -> str:
    path = tmp_path / "dump.json"
    path.write_bytes(listed(*objects))
    return str(path)


def test_what_the_registry_has_is_written_and_lock_from_takes_it(project: World, tmp_path: Path) -> None:
    operand = project.push("quay.io/op/operand:3")
    given = dump(tmp_path, running("op-0", "quay.io/op/operand:3", operand, namespace="ops"))

    shown = cluster(project, "learn", given)
    assert (shown.code, (project.root / "operators.txt").exists()) == (1, False)
    assert shown.out.splitlines()[0] == f"quay.io/op/operand:3@{operand}  # Pod/op-0 in ops"
    assert "# locked, and runs nowhere here:" in shown.out
    assert "quay.io/acme/web:1@" in shown.out
    assert [str(item) for _, item in list_lines(shown.out, "stdout")] == [f"quay.io/op/operand:3@{operand}"]

    written = cluster(project, "learn", given, "--write", "operators.txt")
    assert written.code == 0, written.err
    assert f"quay.io/op/operand:3@{operand}  # Pod/op-0 in ops\n" in project.read("operators.txt")
    assert project.run("lock", "--from", "operators.txt").code == 0
    assert project.lock.tagged("quay.io/op/operand", "3") is not None
    assert cluster(project, "learn", given).code == 0


def test_what_the_registry_does_not_have_is_never_written(project: World, tmp_path: Path) -> None:
    good, gone = project.push("quay.io/op/operand:3"), str(digest("evil"))
    given = dump(
        tmp_path, running("a", "quay.io/op/operand:3", good), running("b", "quay.io/op/operand:evil", gone)
    )
    result = cluster_json(project, "learn", given, "--write", "operators.txt")
    assert (result.code, result.codes) == (1, ["IL303"])
    assert gone not in project.read("operators.txt")
    assert good in project.read("operators.txt")


def test_the_index_is_written_where_a_node_reports_its_platform(project: World, tmp_path: Path) -> None:
    index = project.push("quay.io/op/operand:3")
    children = json.loads(project.store.get_manifest("quay.io/op/operand", "3").body)["manifests"]
    given = dump(tmp_path, running("a", "quay.io/op/operand:3", children[0]["digest"]))
    assert cluster(project, "learn", given, "--write", "operators.txt").code == 0
    assert f"quay.io/op/operand:3@{index}  #" in project.read("operators.txt")


def test_lines_that_are_there_stay_and_count_once(project: World, tmp_path: Path) -> None:
    one, two = project.push("quay.io/op/one:1"), project.push("quay.io/op/two:1")
    before = f"# by hand\r\nquay.io/op/one:1@{one}   # mine\r\n"
    project.write("operators.txt", before)
    given = dump(tmp_path, running("a", "quay.io/op/one:1", one), running("b", "quay.io/op/two:1", two))
    result = cluster_json(project, "learn", given, "--write", "operators.txt")
    assert [item["reference"] for item in result.document["changes"]] == [f"quay.io/op/two:1@{two}"]
    assert project.read("operators.txt").startswith(before)


def test_a_line_that_says_otherwise_is_a_finding_with_its_place(project: World, tmp_path: Path) -> None:
    one = project.push("quay.io/op/one:1")
    before = f"quay.io/op/one:1@{digest('other')}\n"
    project.write("operators.txt", before)
    given = dump(tmp_path, running("a", "quay.io/op/one:1", one))
    result = cluster_json(project, "learn", given, "--write", "operators.txt")
    assert (result.code, result.codes, project.read("operators.txt")) == (1, ["IL120"], before)
    assert "operators.txt:1" in result.document["findings"][0]["message"]


def test_offline_proves_nothing_and_writes_nothing(project: World, tmp_path: Path) -> None:
    one = project.push("quay.io/op/one:1")
    given = dump(tmp_path, running("a", "quay.io/op/one:1", one))
    result = cluster_json(project, "learn", given, "--write", "operators.txt", "--offline")
    assert (result.code, result.codes) == (3, ["IL302"])
    assert not (project.root / "operators.txt").exists()


def test_the_lock_is_no_list(project: World, tmp_path: Path) -> None:
    given = dump(tmp_path, running("a", "quay.io/op/one:1", str(digest("x"))))
    result = cluster(project, "learn", given, "--write", "images.lock")
    assert (result.code, "names the lock itself" in result.err) == (2, True)


def test_a_live_cluster_is_read_as_dumps_are(project: World, tmp_path: Path) -> None:
    operand = project.push("quay.io/op/operand:3")
    with ApiServer(running("op-0", "quay.io/op/operand:3", operand)) as server:
        config = server.kubeconfig(tmp_path / "config")
        learned = cluster_json(project, "learn", "--kubeconfig", config)
        spun = cluster_json(project, "respin", "quay.io/op/operand", "--kubeconfig", config)
    assert [item["users"] for item in learned.document["learned"]] == [["Pod/op-0 in shop"]]
    assert [item["digest"] for item in spun.document["workloads"]] == [operand]
    assert "--all-kinds" in cluster(project, "learn", "--kubeconfig", config).err or learned.code == 1


def test_respin_is_a_table_that_ends_with_the_lock(project: World, tmp_path: Path) -> None:
    old, now = str(digest("old")), str(project.lock.images[0].digest)
    pods = [running("a", "quay.io/acme/web:1", old), running("b", "quay.io/acme/web:1", now)]
    for number, item in enumerate(pods):
        item["metadata"]["creationTimestamp"] = f"2026-01-0{number + 1}T00:00:00Z"
    result = cluster(project, "respin", "quay.io/acme/web", dump(tmp_path, *reversed(pods)))
    rows = [line.split()[:2] for line in result.out.splitlines()[:3]]
    assert rows == [
        ["SINCE", "WORKLOAD"],
        ["2026-01-01T00:00:00Z", "Pod/a"],
        ["2026-01-02T00:00:00Z", "Pod/b"],
    ]
    assert (result.code, "locked as quay.io/acme/web:1" in result.out) == (1, True)
