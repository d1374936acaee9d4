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


def test_a_list_is_sorted_unless_its_own_order_is_wanted(world: World) -> None:
    text = f"quay.io/z/z@sha256:{'1' * 64}\nquay.io/a/a:1@sha256:{'2' * 64}\n"
    world.write("list.txt", text)
    arguments = ("export", "list", "-C", str(world.root), "--lock-file", "list.txt")
    assert world.run_plain(*arguments).out.splitlines() == sorted(text.splitlines())
    assert world.run_plain(*arguments, "--keep-order").out == text


def test_what_imagelock_exported_is_no_source_of_the_lock(world: World) -> None:
    digest = world.push("quay.io/acme/app:1")
    tool = f"quay.io/acme/busybox:1@{digest}"
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    world.run("lock")
    arguments = {
        "prepull": ("--tool-image", tool),
        "webhook": ("--cert-manager", "imagelock/cert"),
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


def test_the_list_of_a_tree_is_every_reference_as_written_sorted_and_once(world: World) -> None:
    world.write("b/meta.yaml", deployment("quay.io/acme/zeta:1"))
    world.write("a.yaml", deployment("quay.io/acme/zeta:1") + "---\n" + deployment("nginx"))
    result = world.run_plain("export", "list", "-C", str(world.root), "a.yaml", "b")
    assert (result.code, result.out) == (0, "nginx\nquay.io/acme/zeta:1\n")


def test_a_tree_that_cannot_be_read_whole_gives_no_silent_list(world: World) -> None:
    world.write("a.yaml", deployment("nginx:1"))
    world.write("b.yaml", "image: [")
    result = world.run_plain("export", "list", "-C", str(world.root), ".")
    assert (result.code, result.out) == (1, "nginx:1\n")
    assert "IL114" in result.err


CATALOG = '[olm]\nrelated-images = true\n[[olm.catalog]]\nlabel = "plugin_image"\nsource = "list.txt"\n'


def entrypoint_env(world: World, *arguments: str) -> tuple[int, list[dict[str, str]], str]:
    """Export the entrypoint; return the exit code, the variables of its init container, and stderr."""
    image = f"quay.io/acme/app@sha256:{'1' * 64}"
    given = ("--image", image, "--registry-image", image, "--env-match", "plugin_image", *arguments)
    result = world.run_plain("export", "olm-entrypoint", "-C", str(world.root), *given)
    if result.code:
        return result.code, [], result.err
    spec = yaml.safe_load(result.out)["spec"]["template"]["spec"]
    return result.code, spec["initContainers"][1]["env"], result.err


def test_the_entrypoint_carries_the_environment_it_was_made_for(world: World) -> None:
    digest = world.push("quay.io/acme/plugin:1")
    world.configure(CATALOG)
    world.write("list.txt", "quay.io/acme/plugin:1\n")
    world.push("quay.io/acme/app:1")
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    assert world.run("lock").code == 0
    name = "RELATED_IMAGE_plugin_plugin_image_GE______"
    expected = [{"name": name, "value": f"quay.io/acme/plugin@{digest}"}]
    assert entrypoint_env(world) == (0, expected, "")
    world.write("other.env", f"A=b\n{name}=quay.io/acme/plugin@sha256:{'2' * 64}\n")
    assert entrypoint_env(world, "--env", "other.env")[1][0]["value"].endswith("2222")
    world.write("none.env", "A=b\n")
    assert entrypoint_env(world, "--env", "none.env")[0] == 2
    world.configure()
    assert entrypoint_env(world) == (0, [], "")
