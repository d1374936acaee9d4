"""`check` of OLM bundles: what is missing, twice there, disagrees, or is named against the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.model.digest import Digest
from imagelock.model.olm import sample_name
from support.bundles import CONFIG, HIDDEN, OPERATOR, PROXY, SERVER, bundle

if TYPE_CHECKING:
    from support.world import World

OTHER = str(Digest.of(b"other"))
ANOTHER = str(Digest.of(b"another"))
FLOATING = "quay.io/acme/editor:next"


def variable(name: str, value: str) -> str:
    """Return one more variable of the operator."""
    return f"                - name: {name}\n                  value: {value}\n"


@pytest.fixture
def pinned(world: World) -> World:
    """Give a bundle that is pinned with its related images."""
    for reference in (OPERATOR, SERVER, PROXY, HIDDEN, FLOATING):
        world.push(reference)
    world.configure(CONFIG)
    world.write("web.csv.yaml", bundle())
    world.run("lock")
    assert world.run("pin").code == 0
    return world


def found(world: World, code: str) -> list[tuple[int, str]]:
    """Return line and message of the findings of one code."""
    items = world.json("check").document["findings"]
    return [(item.get("line"), item["message"]) for item in items if item["code"] == code]


def test_a_bundle_as_pin_leaves_it_is_right(pinned: World) -> None:
    assert pinned.json("check").codes == []


def test_what_is_no_related_image_is_named_once_with_its_lines(pinned: World) -> None:
    text = pinned.read("web.csv.yaml")
    at = text.index("                resources")
    more = variable("RELATED_IMAGE_a", FLOATING) + variable("RELATED_IMAGE_b", FLOATING)
    pinned.write("web.csv.yaml", text[:at] + more + text[at:])
    items = [item for item in pinned.json("check").document["findings"] if item["code"] == "IL107"]
    line = text[:at].count("\n") + 2
    assert [(item["line"], item["reference"]) for item in items] == [(line, FLOATING)]
    assert [place for place, _ in found(pinned, "IL101")] == [line, line + 2]


def test_a_bundle_without_related_images_misses_all_of_them_only_when_configured(pinned: World) -> None:
    pinned.write("web.csv.yaml", bundle())
    assert len(found(pinned, "IL107")) == 4
    pinned.configure()
    assert found(pinned, "IL107") == []


def test_names_that_stand_twice_are_told(pinned: World) -> None:
    related = f"  relatedImages:\n    - name: a\n      image: {SERVER}\n    - name: a\n      image: {SERVER}\n    - name: ''\n      image: {PROXY}\n    - name: ''\n      image: {PROXY}\n"
    env = variable("RELATED_IMAGE_x", SERVER) * 2
    pinned.write("web.csv.yaml", bundle(related=related, env=env))
    pinned.write("external_images.txt", f"{SERVER}\n{PROXY}\n{SERVER}\n")
    assert sorted(message for _, message in found(pinned, "IL109")) == [
        f"{SERVER} is already in this list, in line 1",
        "spec.relatedImages has a 2 times",
        "the environment has RELATED_IMAGE_x 2 times",
    ]


def test_a_related_image_and_a_place_that_disagree_are_told_with_both(pinned: World) -> None:
    pinned.write("a.yaml", f"kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - image: {SERVER}@{OTHER}\n")
    (finding,) = [item for item in pinned.json("check").document["findings"] if item["code"] == "IL120"]
    assert finding["reference"] == SERVER
    assert [note.partition(":")[0] for note in finding["notes"]] == ["a.yaml", "web.csv.yaml"]


def test_disagreements_come_in_the_order_of_the_files_in_every_run(pinned: World) -> None:
    names = [f"quay.io/acme/app{number}:1" for number in range(12)]
    related = "".join(
        f"    - name: r{i}\n      image: {name[:-2]}@{OTHER}\n      # tag: {name}\n"
        for i, name in enumerate(names)
    )
    pinned.write("web.csv.yaml", bundle(related=f"  relatedImages:\n{related}"))
    pinned.write("external_images.txt", "".join(f"{name}@{ANOTHER}\n" for name in names))
    items = [item for item in pinned.json("check").document["findings"] if item["code"] == "IL120"]
    assert [item["reference"] for item in items] == names


def test_a_respin_that_is_not_pinned_yet_is_an_error(pinned: World) -> None:
    pinned.push(SERVER, "rebuilt")
    pinned.run("lock", "-P", SERVER)
    result = pinned.json("check")
    assert (result.code, set(result.codes)) == (1, {"IL105"})
    assert all(SERVER in item["message"] for item in result.document["findings"])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("RELATED_IMAGE_editor_definition_code_latest_injector", False),
        ("RELATED_IMAGE_editor_definition_code__latest_injector", True),
        ("RELATED_IMAGE_editor_definition_code-latest_injector", True),
        (sample_name(SERVER), False),
        (sample_name(FLOATING), True),
        ("RELATED_IMAGE_sample_encoded_" + "cXVheS5pby9hY21lL3dlYi1zZXJ2ZXI6MS4w", True),
        ("RELATED_IMAGE_sample_encoded_NZXWIZI_", True),
        ("RELATED_IMAGE_sample_encoded_nodejs", True),
        ("RELATED_IMAGE_sample_encoded_cXVheS/p", True),
        ("RELATED_IMAGE_a+b", True),
        ("RELATED_IMAGE_a.b-c", False),
    ],
)
def test_variables_named_against_the_operators_rule_are_told(pinned: World, name: str, wrong: bool) -> None:  # noqa: FBT001 - a parameter
    pinned.write("web.csv.yaml", bundle(env=variable(name, SERVER)))
    assert bool(found(pinned, "IL125")) == wrong


def test_a_tag_that_ends_in_another_digest_is_told(pinned: World) -> None:
    image = "quay.io/acme/copy"
    tag = f"v1-{OTHER.partition(':')[2]}"
    pinned.write(
        "a.yaml", f"kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - image: {image}:{tag}@{OTHER}\n"
    )
    assert found(pinned, "IL126") == []
    pinned.write(
        "a.yaml",
        f"kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - image: {image}:{tag}@{Digest.of(b'new')}\n",
    )
    assert len(found(pinned, "IL126")) == 1


def test_the_lists_of_catalogs_need_no_digest_but_a_lock(pinned: World) -> None:
    catalog = '[[olm.catalog]]\nlabel = "x"\nsource = "external_images.txt"\n'
    pinned.configure(CONFIG + catalog)
    pinned.write("external_images.txt", f"{SERVER}\nquay.io/acme/new:1\n")
    assert pinned.json("check").codes == ["IL112"]


def test_a_comment_silences_what_is_found_in_a_bundle(pinned: World) -> None:
    env = variable("RELATED_IMAGE_sample_encoded_nodejs", f"{SERVER} # imagelock: ignore[IL125] on purpose")
    pinned.write("web.csv.yaml", bundle(env=env))
    assert found(pinned, "IL125") == []
