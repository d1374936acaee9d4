"""A file that says imagelock wrote it passes the gate only as far as the lock gives what it holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagelock.model.generated import mark
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A, EVIL = "quay.io/acme/app:1", "quay.io/evil/miner:1"
OTHER = "sha256:" + "6" * 64


@pytest.fixture
def pinned(world: World) -> World:
    """Give a project that is pinned."""
    world.push(A)
    world.write("a.yaml", deployment(A))
    assert (world.run("lock").code, world.run("pin").code) == (0, 0)
    return world


@pytest.mark.parametrize(
    ("image", "code"),
    [(EVIL, "IL101"), (f"{EVIL}@{OTHER}", "IL105"), (f"quay.io/evil/miner@{OTHER}", "IL105")],
)
def test_a_manifest_below_the_line_of_an_export_is_judged(pinned: World, image: str, code: str) -> None:
    pinned.write("evil.yaml", mark("prepull") + deployment(image))

    result = pinned.json("check")
    assert (result.code, result.codes) == (1, [code])
    assert image in result.document["findings"][0]["message"]


def test_an_image_by_its_value_below_that_line_is_judged_too(pinned: World) -> None:
    pinned.write(
        "evil.yaml", f"{mark('admission')}kind: Engine\napiVersion: acme.io/v1\nspec: {{engine: {EVIL}}}\n"
    )

    assert pinned.json("check").codes == ["IL101"]


def test_what_begins_like_a_report_is_judged_by_what_it_quotes(pinned: World) -> None:
    report = {"schema": "imagelock/scan/v1", "kind": "Engine", "engine": EVIL}
    pinned.write("report.json", json.dumps(report, indent=2))

    assert pinned.json("check").codes == ["IL101"]


def test_reports_and_exports_of_this_lock_are_believed(pinned: World) -> None:
    digest = str(pinned.lock.images[0].digest)
    pinned.write("site.yaml", "engine: ghcr.io/acme/unread:1\n")
    pinned.run("check", "--report", "json=report.json", "--report", "sarif=report.sarif")
    pinned.run("check", "--report", "markdown=report.md", "--report", "html=report.html")
    tool = ("--tool-image", f"quay.io/acme/app@{digest}")
    for name, options in {"prepull": tool, "relatedimages": (), "kustomize": (), "admission": ()}.items():
        exported = pinned.run_plain("export", name, *options, "-C", str(pinned.root))
        assert exported.code == 0
        pinned.write(f"out/{name}.yaml", exported.out)

    assert pinned.json("check").codes == ["IL117"]


def test_an_export_of_an_older_lock_is_stale_until_it_is_made_again(pinned: World) -> None:
    arguments = ("export", "relatedimages", "-C", str(pinned.root))
    pinned.write("out.yaml", pinned.run_plain(*arguments).out)
    pinned.push(A, "moved")
    assert pinned.run("update", A).code == 0

    assert pinned.json("check").codes == ["IL105"]
    pinned.write("out.yaml", pinned.run_plain(*arguments).out)
    assert pinned.json("check").codes == []


def test_an_exemption_and_an_ignore_comment_settle_it(pinned: World) -> None:
    pinned.write("evil.yaml", mark("prepull") + deployment(f"{EVIL} # imagelock: ignore[IL101] why"))
    assert pinned.json("check").codes == []
    pinned.write("evil.yaml", mark("prepull") + deployment(EVIL))
    pinned.configure(f'[[exempt]]\nimage = "{EVIL}"\nreason = "ours"\n')
    assert pinned.json("check").codes == []


def dump(image: str, container: str) -> str:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "c", "image": image}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "c", "imageID": container}]},
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod]})


def test_a_dump_with_images_beyond_the_lock_is_one_warning(pinned: World) -> None:
    pinned.write("dump.json", dump(EVIL, f"quay.io/evil/miner@{OTHER}"))

    result = pinned.json("check")
    assert (result.code, result.codes) == (0, ["IL117"])
    assert EVIL in result.document["findings"][0]["message"]
    assert pinned.run("check", "--strict").code == 1
    pinned.configure('[scan]\nexclude = ["dump.json"]\n')
    assert pinned.run("check", "--strict").code == 0


def test_a_dump_of_what_the_lock_gives_is_silent(pinned: World) -> None:
    digest = str(pinned.lock.images[0].digest)
    pinned.write("dump.json", dump(f"{A}@{digest}", f"quay.io/acme/app@{digest}"))

    assert pinned.json("check").codes == []
