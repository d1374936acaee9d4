"""What a large file holds comes back as it was, however it is gone through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Damaged, Place, Skipped, Slot, Span, Unreadable
from imagelock.model.reference import Reference
from imagelock.ops.scan.packing import PackedFound, PlacesOf, kept, pack_found, unpack_found

if TYPE_CHECKING:
    from imagelock.model.place import Found
    from support.world import World

MANY = 1500


def place(number: int, **more: object) -> Place:
    text = f"quay.io/acme/app{number}:1"
    slots = (Slot(span=Span.plain(number, number + len(text)), text=text),)
    values = {"reference": Reference.parse(text), "slots": slots, "path": "a[0].image", **more}
    return Place(line=number, column=2, document=0, format="yaml", **values)  # type: ignore[arg-type] # by name


KEY = Slot(span=Span.plain(0, 0), text="", part="digest", lead="\ndigest: ")
UNUSUAL: tuple[Found, ...] = (
    place(1, refusal="shared"),
    place(2, insertion=KEY),
    place(3, tag_is_known=False),
    place(4, recorded=(Reference.parse("a:1"),)),
    place(5, slots=()),
    Skipped(text="{{ x }}", line=1, column=2, reason="template"),
    Damaged(text="A b", line=3, column=1, reason="blank"),
    Unreadable(line=1, column=1, reason="broken"),
)


@pytest.mark.parametrize("item", [place(7), *UNUSUAL])
def test_an_item_comes_back_as_it_was(item: Found) -> None:
    assert unpack_found(pack_found(item)) == item


def test_a_large_file_is_the_same_sequence_packed() -> None:
    items = [*UNUSUAL, *map(place, range(MANY)), *UNUSUAL]
    packed = kept(items)
    assert isinstance(packed, PackedFound)
    assert list(packed) == items
    assert (len(packed), packed[3], packed[-1], packed[MANY]) == (
        len(items),
        items[3],
        items[-1],
        items[MANY],
    )
    assert list(packed[5:9]) == items[5:9]
    assert packed == tuple(items)
    with pytest.raises(IndexError):
        packed[len(items)]


def test_the_places_of_a_large_file_are_counted_and_gone_through_again() -> None:
    items = [*UNUSUAL, *map(place, range(MANY))]
    places = PlacesOf(PackedFound(items))
    expected = [item for item in items if isinstance(item, Place)]
    assert bool(places)
    assert [len(places), len(list(places)), len(list(places))] == [len(expected)] * 3
    assert (places[0], places[-1]) == (expected[0], expected[-1])
    assert not PlacesOf(PackedFound([UNUSUAL[5]]))


def test_few_items_stay_as_they_are() -> None:
    items = [place(1), UNUSUAL[0]]
    assert kept(items) == tuple(items)
    assert kept(items)[0] is items[0]


def test_a_place_takes_little_memory() -> None:
    batches = PackedFound(list(map(place, range(4096))))._batches
    assert sum(map(len, batches)) / 4096 < 60


def test_a_large_list_is_locked_pinned_and_given_back(world: World) -> None:
    images = [f"quay.io/acme/app{number % 7}:{number % 3}" for number in range(MANY)]
    for image in set(images):
        world.push(image)
    text = "".join(f"  - image: {image}\n" for image in images)
    written = f"kind: Pod\napiVersion: v1\nspec:\n  containers:\n{text}"
    world.write("a.yaml", written)
    assert len(find(Text("a.yaml", written), None, ())) == MANY
    scanned = world.json("scan").document
    assert [item["reference"] for item in scanned["references"]] == images
    assert [world.run(verb).code for verb in ("lock", "pin", "check")] == [0, 0, 0]
    assert world.read("a.yaml").count("@sha256:") == MANY
    assert world.run("unpin").code == 0
    assert world.read("a.yaml") == written


def test_a_long_table_has_every_row_in_columns(world: World) -> None:
    images = [f"quay.io/acme/app{number}:1" for number in range(5001)]
    world.write("images.txt", "".join(f"{image}\n" for image in images))
    lines = world.run("scan").out.splitlines()
    assert lines[0].split() == ["REFERENCE", "WHERE", "FORMAT"]
    assert [line.split()[0] for line in lines[1:]] == images
    assert len({line.index("images.txt:") for line in lines[1:]}) == 1
    assert world.run("scan", "-o", "list").out.splitlines() == images
