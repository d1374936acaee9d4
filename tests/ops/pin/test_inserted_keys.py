"""Keys for digests that are missing: added where the project asks for it, taken away again, and no other byte changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.world import World

NAME = "ghcr.io/acme/app"
ONE, TWO, NEWEST = ("sha256:" + digit * 64 for digit in "123")
LOCKED = f"{NAME}:v1@{ONE}\n{NAME}:v2@{TWO}\n{NAME}:latest@{NEWEST}\n"
LOCK = ("--lock-file", "locked.txt")

OCI = f"""\
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {{name: app}}
spec:
  url: oci://{NAME}
"""
SHAPES = {
    "behind the comment of the tag's line": (
        "flux.yaml",
        f'{OCI}  ref:\n    tag: v1 # {{"$imagepolicy": "a:b"}}\n  interval: 5m\n',
        f'{OCI}  ref:\n    tag: v1 # {{"$imagepolicy": "a:b"}}\n    digest: {ONE}\n  interval: 5m\n',
    ),
    "in a flow mapping": (
        "flux.yaml",
        f"{OCI}  ref: {{tag: v1}}\n",
        f"{OCI}  ref: {{tag: v1, digest: {ONE}}}\n",
    ),
    "with the mapping around it": ("flux.yaml", OCI, f"{OCI}  ref: {{digest: {NEWEST}}}\n"),
    "without a line break at the end": (
        "flux.yaml",
        f"{OCI}  ref:\n    tag: v1",
        f"{OCI}  ref:\n    tag: v1\n    digest: {ONE}",
    ),
    "behind lines that end as on Windows": (
        "flux.yaml",
        f"{OCI}  ref:\n    tag: v1\n---\n{OCI}".replace("\n", "\r\n"),
        f"{OCI}  ref:\n    tag: v1\n    digest: {ONE}\n---\n{OCI}  ref: {{digest: {NEWEST}}}\n".replace(
            "\n", "\r\n"
        ),
    ),
    "as the version of a resource of Concourse": (
        "pipeline.yml",
        f"resources:\n- name: a\n  type: registry-image\n  source:\n    repository: {NAME}\n    tag: v1\n",
        (
            f"resources:\n- name: a\n  type: registry-image\n  source:\n    repository: {NAME}\n    tag: v1\n"
            f"  version: {{digest: {ONE}}}\n"
        ),
    ),
    "in a task of Concourse": (
        "task.yml",
        f"platform: linux\nimage_resource: {{type: registry-image, source: {{repository: {NAME}, tag: v1}}}}\nrun: {{path: x}}\n",
        (
            f"platform: linux\nimage_resource: {{type: registry-image, source: {{repository: {NAME}, tag: v1}}, "
            f"version: {{digest: {ONE}}}}}\nrun: {{path: x}}\n"
        ),
    ),
    "in an item of a tag file": (
        "tags.yaml",
        f"images:\n- name: {NAME}\n  src_build_tag: x\n  src_ref: y\n  tag: v1\n",
        f"images:\n- name: {NAME}\n  src_build_tag: x\n  src_ref: y\n  tag: v1\n  digest: {ONE}\n",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_missing_key_is_added_and_taken_away_again_and_every_command_agrees(
    world: World, shape: str
) -> None:
    name, before, after = SHAPES[shape]
    world.write("locked.txt", LOCKED)
    path = world.root / name
    path.write_bytes(before.encode())

    assert world.run("pin", "--check", *LOCK).code == 0
    assert set(world.json("check", ".", *LOCK).codes) == {"IL113"}
    assert world.run("pin", "--check", "--insert-keys", *LOCK).code == 1
    assert path.read_bytes() == before.encode()
    assert world.run("pin", "--insert-keys", *LOCK).code == 0
    assert path.read_bytes() == after.encode()
    for options in ((), ("--insert-keys",)):
        assert world.run("pin", "--check", *options, *LOCK).code == 0
    assert world.json("check", ".", "--strict", *LOCK).codes == []
    assert world.run("unpin", *LOCK).code == 0
    assert path.read_bytes() == before.encode()


def test_the_configuration_asks_for_keys_and_check_then_calls_the_place_unpinned(world: World) -> None:
    world.write("imagelock.toml", "[pin]\ninsert-keys = true\n")
    world.write("locked.txt", LOCKED)
    world.write("flux.yaml", f"{OCI}  ref: {{tag: v1}}\n")

    assert world.json("check", ".", *LOCK).codes == ["IL101"]
    assert world.json("scan").document["references"][0]["pinnable"] is True
    assert world.run("pin", *LOCK).code == 0
    assert f"{{tag: v1, digest: {ONE}}}" in world.read("flux.yaml")


def test_an_added_digest_moves_with_the_lock_and_a_quoted_one_leaves_its_key(world: World) -> None:
    quoted = OCI.replace("name: app", "name: b")
    world.write("locked.txt", LOCKED)
    world.write(
        "flux.yaml",
        f'{OCI}  ref:\n    tag: v1\n    digest: {TWO}\n---\n{quoted}  ref:\n    digest: "{TWO}"\n    tag: v1\n',
    )

    assert world.run("pin", *LOCK).code == 0
    assert world.read("flux.yaml").count(ONE) == 2
    assert world.run("unpin", *LOCK).code == 0
    assert (
        world.read("flux.yaml")
        == f'{OCI}  ref:\n    tag: v1\n---\n{quoted}  ref:\n    digest: ""\n    tag: v1\n'
    )


CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: x\nversion: 1.0.0\n",
    "chart/values.yaml": f'image:\n  repository: {NAME}\n  tag: v1\n  digest: ""\n'
    f"web:\n  image:\n    repository: {NAME}\n    tag: v1\n    sha: {'1' * 64}\n",
}
OVERRIDES = f"image:\n  repository: {NAME}\n  tag: v2\nweb:\n  image: {{repository: {NAME}, tag: v2}}\n"


def test_values_that_override_a_chart_get_the_key_for_a_digest_that_its_own_values_have(world: World) -> None:
    world.write("locked.txt", LOCKED)
    for name, content in CHART.items():
        world.write(name, content)
    world.write("chart/values-prod.yaml", OVERRIDES)

    assert world.run("pin", *LOCK).code == 0
    # A digest behind the tag would be rendered beside the one of the chart's own values.
    assert world.read("chart/values-prod.yaml") == OVERRIDES
    assert f'digest: "{ONE}"' in world.read("chart/values.yaml")
    assert world.json("check", ".", "--strict", *LOCK).codes == ["IL113", "IL113"]
    assert world.run("pin", "--insert-keys", *LOCK).code == 0
    assert world.read("chart/values-prod.yaml") == (
        f"image:\n  repository: {NAME}\n  tag: v2\n  digest: {TWO}\n"
        f"web:\n  image: {{repository: {NAME}, tag: v2, sha: {'2' * 64}}}\n"
    )
    assert world.json("check", ".", "--strict", *LOCK).codes == []
    assert world.run("unpin", *LOCK).code == 0
    assert world.read("chart/values-prod.yaml") == OVERRIDES


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("flux.json", f'{{"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "spec": {{"url": "oci://{NAME}", "ref": {{"tag": "v1"}}}}}}\n'),
        ("flux.yaml", f"{OCI}  ref:\n    tag: |-\n      v1\n"),
        ("flux.yaml", f"x: &r v1\n{OCI}  ref:\n    tag: *r\n"),
    ],
    ids=["JSON", "a text over several lines", "an alias"],
)  # fmt: skip
def test_where_a_line_cannot_be_added_exactly_nothing_is_written(
    world: World, name: str, content: str
) -> None:
    world.write("locked.txt", LOCKED)
    world.write(name, content)

    assert world.json("pin", "--insert-keys", *LOCK).codes == ["IL113"]
    assert world.read(name) == content


@pytest.mark.parametrize("ref", [f"{{digest: {ONE}}}", f"\n    digest: {ONE}"], ids=["flow", "block"])
def test_a_digest_without_a_tag_beside_it_stays_because_the_tag_has_no_key(world: World, ref: str) -> None:
    world.write("locked.txt", LOCKED)
    world.write("flux.yaml", f"{OCI}  ref: {ref}\n")

    assert world.json("unpin", *LOCK).codes == ["IL113"]
    assert world.read("flux.yaml") == f"{OCI}  ref: {ref}\n"
