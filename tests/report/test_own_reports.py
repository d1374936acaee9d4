"""Reports that lie in the tree are no sources: they quote images that were found elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagelock.report.all import REPORTS
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A, B = "quay.io/acme/app:1", "quay.io/acme/proxy:1"


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_in_the_tree_changes_nothing_of_the_next_run(world: World, kind: str) -> None:
    world.push(A)
    world.write("a.yaml", deployment(A))
    world.write("b.yaml", f"kind: ConfigMap\napiVersion: v1\nmetadata: {{name: x}}\ndata: {{proxy: {B}}}\n")
    world.run("lock")
    before = world.json("check").document["findings"]
    for name in ("reports/x", f"reports/x.{kind}", "reports/x.yaml"):
        world.run("check", "--report", f"{kind}={name}")
        assert world.json("check").document["findings"] == before, name


def test_an_object_that_begins_as_a_report_is_read_all_the_same(world: World) -> None:
    text = deployment(A).replace("apiVersion", "# imagelock\napiVersion", 1)
    spec = {"containers": [{"image": A}]}
    pod = {"schema": "imagelock/check/v1", "apiVersion": "v1", "kind": "Pod", "spec": spec}
    world.write("a.json", json.dumps(pod))
    world.write("b.yaml", text)
    assert world.run("scan").out.count(A) == 2
