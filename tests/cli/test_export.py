"""`imagelock export list`: the plain form that other programs take, and imagelock reads again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World


def test_the_list_has_every_entry_in_full_in_the_locks_order(world: World) -> None:
    digests = {name: world.push(name) for name in ("quay.io/acme/b:1", "quay.io/acme/a:2", "redis")}
    world.write("a.yaml", deployment(*digests))
    world.run("lock")
    out = world.run_plain("export", "list", "-C", str(world.root)).out
    assert out.splitlines() == [
        f"docker.io/library/redis:latest@{digests['redis']}",
        f"quay.io/acme/a:2@{digests['quay.io/acme/a:2']}",
        f"quay.io/acme/b:1@{digests['quay.io/acme/b:1']}",
    ]
    world.write("released.txt", out)
    again = world.run_plain("export", "list", "-C", str(world.root), "--lock-file", "released.txt").out
    assert again == out


def test_a_list_keeps_its_own_order(world: World) -> None:
    text = f"quay.io/z/z@sha256:{'1' * 64}\nquay.io/a/a:1@sha256:{'2' * 64}\n"
    world.write("list.txt", text)
    assert world.run_plain("export", "list", "-C", str(world.root), "--lock-file", "list.txt").out == text


def test_what_imagelock_exported_is_no_source_of_the_lock(world: World) -> None:
    digest = world.push("quay.io/acme/app:1")
    tool = f"quay.io/acme/busybox:1@{digest}"
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    world.run("lock")
    arguments = {
        "prepull": ("--tool-image", tool),
        "mirror-job": ("--mirror", "mirror.example.com", "--image", tool),
        "relatedimages": (),
        "admission": (),
    }
    for name, options in arguments.items():
        result = world.run_plain("export", name, *options, "-C", str(world.root))
        assert result.code == 0
        world.write(f"out/{name}.yaml", result.out)
        assert yaml.safe_load_all(result.out) is not None
    scanned = world.json("scan").document
    assert {item["file"] for item in scanned["references"]} == {"a.yaml"}
    reasons = {item["file"]: item["reason"] for item in scanned["skipped"]}
    assert reasons.keys() == {f"out/{name}.yaml" for name in arguments}
    assert all("imagelock export" in reason for reason in reasons.values())


def test_a_list_is_passed_on_line_by_line_and_has_no_mark(world: World) -> None:
    world.push("quay.io/acme/app:1")
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    world.run("lock")
    assert "#" not in world.run_plain("export", "list", "-C", str(world.root)).out
