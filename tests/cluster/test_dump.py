"""Dumps in every shape that kubectl and people make of them."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.cluster.dump import read_dump
from imagelock.cluster.running import ContainerKind, Owner, RunningContainer, UnreadableObject, Workload
from imagelock.errors import FileError
from support.kube import WEB, container, listed, pinned, pod, workload

if TYPE_CHECKING:
    from imagelock.cluster.running import Observed

POD = pod("p", container("c", pinned(WEB), f"nginx@{WEB.digest}"))
DEPLOYMENT = workload("Deployment", "web", pinned(WEB), replicas=0)


def read(tmp_path: Path, data: bytes, name: str = "dump") -> list[Observed]:
    path = tmp_path / name
    path.write_bytes(data)
    return list(read_dump(path, name))


def kinds(found: list[Observed]) -> list[type[object]]:
    return [type(item) for item in found]


def test_a_pod_tells_all_that_counts(tmp_path: Path) -> None:
    one = pod(
        "web-5f-x",
        container("c", "nginx:1", "nginx@sha256:x"),
        owner=("ReplicaSet", "web-5f"),
        labels={"pod-template-hash": "5f"},
        init=(container("i", "a"),),
        ephemeral=(container("e", "b", waiting="ErrImagePull"),),
        volumes=(("v", "c", "c@sha256:x"),),
    )
    found = read(tmp_path, listed(one))
    assert [
        (item.kind, item.container, item.image, item.image_id, item.reason)
        for item in found
        if isinstance(item, RunningContainer)
    ] == [
        (ContainerKind.INIT, "i", "a", None, "Running"),
        (ContainerKind.CONTAINER, "c", "nginx:1", "nginx@sha256:x", "Running"),
        (ContainerKind.EPHEMERAL, "e", "b", None, "ErrImagePull"),
        (ContainerKind.VOLUME, "v", "c", "c@sha256:x", "Running"),
    ]
    assert {item.owner for item in found if isinstance(item, RunningContainer)} == {
        Owner("Deployment", "web")
    }


def test_lists_single_objects_and_several_documents(tmp_path: Path) -> None:
    single = json.dumps(POD).encode()
    assert kinds(read(tmp_path, single)) == [RunningContainer]
    assert kinds(read(tmp_path, listed(POD, DEPLOYMENT))) == [RunningContainer, Workload]
    assert kinds(read(tmp_path, single + listed(DEPLOYMENT) + b"\n\n" + single)) == [
        RunningContainer,
        Workload,
        RunningContainer,
    ]


def test_gzipped_dumps(tmp_path: Path) -> None:
    assert kinds(read(tmp_path, gzip.compress(listed(POD)))) == [RunningContainer]


def test_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n  " + listed(POD))))
    assert kinds(list(read_dump(tmp_path / "-", "-"))) == [RunningContainer]


def test_a_raw_typed_list_whose_items_do_not_say_what_they_are(tmp_path: Path) -> None:
    item = {key: value for key, value in POD.items() if key not in ("kind", "apiVersion")}
    whole = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [item]}
    assert kinds(read(tmp_path, json.dumps(whole).encode())) == [RunningContainer]


@pytest.mark.parametrize("dump", ["json", "yaml"])
@pytest.mark.parametrize("kind", ["List", "PodList"])
def test_one_page_of_a_list_is_reported_as_partial(tmp_path: Path, dump: str, kind: str) -> None:
    page = {"kind": kind, "apiVersion": "v1", "metadata": {"continue": "abc"}, "items": [POD]}
    last = {**page, "metadata": {"continue": "", "resourceVersion": "7"}}
    write = json.dumps if dump == "json" else yaml.safe_dump
    found = read(tmp_path, write(page).encode())
    assert kinds(found) == [RunningContainer, UnreadableObject]
    assert kinds(read(tmp_path, write(last).encode())) == [RunningContainer]


def test_a_page_is_partial_wherever_its_metadata_is_written(tmp_path: Path) -> None:
    parts = {"metadata": {"continue": "abc"}, "items": [POD]}
    for keys in (("metadata", "items"), ("items", "metadata")):
        page = {"kind": "PodList", "apiVersion": "v1", **{key: parts[key] for key in keys}}
        whole = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [POD]}
        found = read(tmp_path, (json.dumps(page) + json.dumps(whole)).encode())
        assert kinds(found)[-1] is UnreadableObject


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_ended_is_finished(tmp_path: Path, phase: str) -> None:
    ended = {**POD, "status": {"phase": phase}}
    (found,) = read(tmp_path, json.dumps(ended).encode())
    assert isinstance(found, RunningContainer)
    assert found.finished


def test_yaml_dumps(tmp_path: Path) -> None:
    text = f"""\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata:
    name: p
    creationTimestamp: 2026-01-01T00:00:00Z
  spec:
    containers:
    - name: c
      image: {pinned(WEB)}
---
kind: CronJob
metadata: {{name: n}}
"""
    assert kinds(read(tmp_path, text.encode())) == [RunningContainer, Workload]


def test_other_kinds_are_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, listed({"kind": "Service", "metadata": {"name": "s"}, "spec": {"x": 1}})) == []


def test_a_bare_object_without_a_spec_is_no_crash(tmp_path: Path) -> None:
    objects = [
        {"kind": kind, "metadata": {"name": "x"}, "spec": None}
        for kind in ("Pod", "Deployment", "Job", "CronJob")
    ]
    assert kinds(read(tmp_path, listed(*objects))) == [Workload, Workload, Workload]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (listed(POD)[:-3], "ends in the middle of an object"),
        (listed(POD)[:200], "ends in the middle of an object"),
        (gzip.compress(listed(POD))[:-12], "the gzip file is damaged or cut short"),
        (b"", "the dump is empty"),
        (b" \n", "the dump is empty"),
        (b"error: the server was not found", "it has no kind"),
        (b"{{", "ends in the middle"),
        (b"a: [", "neither JSON nor YAML"),
        (b"- a\n- b\n", "neither a Kubernetes object"),
        (b"a: &x {}\nb: *x\n", "aliases"),
        (b'{"a": 1}', "it has no kind"),
        (b'{"kind":"Status","status":"Failure","message":"no"}', "an API server's error answer"),
        (b'{"kind":"Pod","metadata":{"name":1}}', "cannot be read: Expected `str`"),
        (b'{"kind":"List","items":[{"kind":"Pod" "x":1}]}', "cannot be read"),
        (b'{"kind":"Pod","metadata":{"name":"\xff"}}', "cannot be read"),
        (b'{"kind":"Pod","x":' + b"[" * 5000 + b"]" * 5000 + b"}", "cannot be read"),
    ],
)
def test_what_is_no_whole_dump_is_an_error_that_names_the_file(
    tmp_path: Path, data: bytes, message: str
) -> None:
    with pytest.raises(FileError, match=message) as caught:
        read(tmp_path, data, "broken.json")
    assert caught.value.where == "broken.json"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        list(read_dump(tmp_path / "none", "none"))


MEASURE = """
import datetime, sys
from pathlib import Path
from imagelock.cluster.dump import read_dump
from imagelock.ops.cluster.check import check_cluster
from support.kube import LOCK
from support.memory import peak_megabytes
found = check_cluster(read_dump(Path(sys.argv[1]), "dump"), LOCK, (), datetime.date(2026, 1, 1))
print(found.outcome.summary["pods"], found.outcome.summary["locked"], len(found.rows))
print(peak_megabytes())
"""


def test_ten_thousand_pods_stay_under_200_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as out:
        out.write(b'{"apiVersion":"v1","items":[')
        for i in range(10_000):
            one = pod(
                f"web-{i % 40}-{i}",
                container("c", pinned(WEB), f"nginx@{WEB.digest}"),
                container("d", pinned(WEB), f"nginx@{WEB.digest}"),
                owner=("ReplicaSet", f"web-{i % 40}-5f"),
                labels={"pod-template-hash": "5f"},
            )
            one["metadata"]["annotations"] = {"padding": "x" * 8000}
            out.write((b"," if i else b"") + json.dumps(one, indent=4).encode())
        out.write(b'],"kind":"List"}')
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": ""},
    )
    counts, megabytes = done.stdout.splitlines()
    assert counts == "10000 20000 80"
    assert int(megabytes) < 200


@pytest.mark.parametrize(
    "metadata", [{"continue": "x"}, {"remainingItemCount": 3}, {"continue": "", "remainingItemCount": 1}]
)
@pytest.mark.parametrize("form", ["json", "items first", "yaml", "two lists"])
def test_a_page_that_is_not_the_last_is_could_not_tell(
    tmp_path: Path, metadata: dict[str, Any], form: str
) -> None:
    items = [pod("p", container("c", "nginx:1"))]
    page = {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}
    if form == "items first":
        page = {"items": items, "kind": "List", "apiVersion": "v1", "metadata": metadata}
    text = yaml.safe_dump(page) if form == "yaml" else json.dumps(page)
    if form == "two lists":
        text += "\n" + json.dumps({**page, "metadata": {"resourceVersion": ""}})
    (tmp_path / "page").write_text(text)
    told = [item for item in read_dump(tmp_path / "page", "page") if isinstance(item, UnreadableObject)]
    assert [item.what for item in told] == ["page"]
    assert "one page of a list" in told[0].reason


@pytest.mark.parametrize("metadata", [{}, {"resourceVersion": ""}, {"continue": ""}, None])
def test_a_whole_list_is_whole(tmp_path: Path, metadata: object) -> None:
    page = {
        "kind": "List",
        "apiVersion": "v1",
        "metadata": metadata,
        "items": [pod("p", container("c", "nginx:1"))],
    }
    (tmp_path / "page").write_text(json.dumps(page))
    assert not [item for item in read_dump(tmp_path / "page", "page") if isinstance(item, UnreadableObject)]
