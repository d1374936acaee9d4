"""`[[pin.rule]]` and `[[exempt]] files`: what counts in some files or formats only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A, B = "quay.io/acme/app:1", "quay.io/acme/base:2"


@pytest.fixture
def tree(world: World) -> World:
    """Give two folders and a Dockerfile whose images are in the registry."""
    for reference in (A, B):
        world.push(reference)
    world.write("deploy/dev/a.yaml", deployment(A, B))
    world.write("deploy/prod/a.yaml", deployment(A))
    world.write("Dockerfile", f"FROM {B}\n")
    return world


def lines(world: World, name: str) -> list[str]:
    """Return the images of a file."""
    return [line.split()[-1] for line in world.read(name).splitlines() if "quay.io" in line]


def test_the_form_is_that_of_the_first_rule_that_fits(tree: World) -> None:
    tree.configure(
        '[pin]\nform = "name:tag@digest"\n'
        '[[pin.rule]]\nfiles = "deploy/prod/**"\nform = "name@digest"\n'
        '[[pin.rule]]\nformat = "dockerfile"\nform = "name@digest"\n'
        '[[pin.rule]]\nfiles = ["deploy/**"]\nform = "name:tag@digest"\n'
    )
    assert tree.run("lock").code == 0
    assert tree.run("pin").code == 0
    assert lines(tree, "deploy/prod/a.yaml")[0].startswith("quay.io/acme/app@sha256:")
    assert lines(tree, "Dockerfile")[0].startswith("quay.io/acme/base@sha256:")
    assert lines(tree, "deploy/dev/a.yaml")[0].startswith(f"{A}@sha256:")
    assert tree.run("check", "--strict").code == 0
    assert tree.run("pin", "--check").code == 0
    assert tree.run("unpin").code == 0
    assert lines(tree, "deploy/prod/a.yaml") == [A]


def test_a_rule_stands_above_what_olm_asks(world: World) -> None:
    digest = world.push(A)
    world.write("catalog.yaml", f"schema: olm.bundle\nimage: {A}\n")
    world.configure(
        '[olm]\nrelated-images = true\n[[pin.rule]]\nformat = "olm-catalog"\nform = "name:tag@digest"\n'
    )
    assert world.run("lock").code == 0
    assert world.run("pin").code == 0
    assert world.read("catalog.yaml") == f"schema: olm.bundle\nimage: {A}@{digest}\n"


def test_a_rule_for_no_format_is_an_error(tree: World) -> None:
    tree.configure('[[pin.rule]]\nformat = "dokerfile"\nform = "name@digest"\n')
    tree.run("lock")
    result = tree.run("pin")
    assert (result.code, "names no format: dokerfile" in result.err) == (2, True)


def test_files_are_exempt_with_all_their_images_and_others_are_not(tree: World) -> None:
    tree.configure('[[exempt]]\nfiles = "deploy/dev/**"\nreason = "a playground"\n')
    assert tree.run("lock").code == 0
    assert tree.run("pin").code == 0
    assert lines(tree, "deploy/dev/a.yaml") == [A, B]
    assert "@sha256:" in lines(tree, "deploy/prod/a.yaml")[0]
    result = tree.json("check", "--strict")
    assert (result.code, result.codes, result.document["summary"]["exempt"]) == (0, [], 2)


def test_an_image_is_exempt_in_some_files_alone(tree: World) -> None:
    tree.configure(f'[[exempt]]\nimage = "{A}"\nfiles = ["/deploy/dev"]\nreason = "floats"\n')
    assert tree.run("lock").code == 0
    assert tree.run("pin").code == 0
    assert lines(tree, "deploy/dev/a.yaml")[0] == A
    assert "@sha256:" in lines(tree, "deploy/dev/a.yaml")[1]
    assert "@sha256:" in lines(tree, "deploy/prod/a.yaml")[0]


def test_an_exemption_of_files_that_covers_nothing_is_reported_by_its_files(tree: World) -> None:
    tree.configure('[[exempt]]\nfiles = "gone/**"\nreason = "x"\n')
    tree.run("lock")
    assert "the exemption for gone/** matches nothing" in tree.run("check").err
