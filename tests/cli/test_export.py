"""`imagelock export list`: the plain form that other programs take, and imagelock reads again."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
