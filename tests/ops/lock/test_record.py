"""Records of build jobs: every tool's file is understood, and no job overwrites another's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from imagelock.model.reference import Reference
from imagelock.ops.lock.record import file_name
from support.world import process

if TYPE_CHECKING:
    from support.world import World

D1 = "sha256:" + "1" * 64
D2 = "sha256:" + "2" * 64
SHOP = "registry.corp:5000/team/shop:1.4"
BUILDX = {
    "containerimage.config.digest": "sha256:" + "9" * 64,
    "containerimage.descriptor": {"digest": D1, "size": 1},
    "containerimage.digest": D1,
    "image.name": f"{SHOP},registry.corp:5000/team/shop:latest",
}
JIB = {"image": SHOP, "imageId": "sha256:" + "9" * 64, "imageDigest": D1, "tags": ["1.4", "latest"]}


def recorded(world: World) -> list[str]:
    """Return every line of every record."""
    folder = world.root / "image_references"
    return sorted(path.read_text() for path in folder.iterdir())


def test_a_record_is_one_line_in_a_file_named_by_the_image(world: World) -> None:
    assert world.run("record", f"{SHOP}@{D1}").code == 0
    (path,) = (world.root / "image_references").iterdir()
    assert re.fullmatch(r"registry\.corp-5000-team-shop-1\.4-[0-9a-f]{12}\.txt", path.name)
    assert path.read_bytes() == f"{SHOP}@{D1}\n".encode()


def test_names_that_look_alike_and_digests_of_one_tag_get_files_of_their_own() -> None:
    names = ("a.io/b-c/d", "a.io/b/c-d", "a.io/b/c/d", "a.io/b-c-d", f"a.io/{'x' * 200}", f"a.io/{'x' * 201}")
    references = [Reference.parse(f"{name}:1@{digest}") for name in names for digest in (D1, D2)]
    files = {file_name(reference) for reference in references}
    assert len(files) == len(references)
    assert max(map(len, files)) < 255


def test_a_second_record_of_the_same_is_no_second_file(world: World) -> None:
    world.run("record", f"nginx:1@{D1}")
    result = world.json("record", f"docker.io/library/nginx:1@{D1}", f"nginx:1@{D1}")
    assert result.document["summary"] == {"recorded": 0, "kept": 1}
    assert recorded(world) == [f"docker.io/library/nginx:1@{D1}\n"]


@pytest.mark.parametrize(
    ("option", "text", "lines"),
    [
        ("--from-buildx", json.dumps(BUILDX), [f"{SHOP}@{D1}", f"registry.corp:5000/team/shop:latest@{D1}"]),
        (
            "--from-buildx",
            json.dumps({"api": {**BUILDX, "image.name": "a.io/api:1"}, "web": {**BUILDX, "image.name": "a.io/web:1"}, "buildx.build.warnings": {}}),
            [f"a.io/api:1@{D1}", f"a.io/web:1@{D1}"],
        ),
        ("--from-kaniko", f"{SHOP}@{D1}", [f"{SHOP}@{D1}"]),
        ("--from-ko", f"a.io/one@{D1}\r\na.io/two:v1@{D2}\n\n", [f"a.io/one@{D1}", f"a.io/two:v1@{D2}"]),
        ("--from-jib", json.dumps(JIB), [f"{SHOP}@{D1}", f"registry.corp:5000/team/shop:latest@{D1}"]),
        ("--from-jib", json.dumps({**JIB, "image": "a.io/x", "tags": None}), [f"a.io/x@{D1}"]),
    ],
)  # fmt: skip
def test_the_files_of_build_tools_are_understood(
    world: World, option: str, text: str, lines: list[str]
) -> None:
    world.write("made.txt", text)
    assert world.run("record", option, "made.txt").code == 0
    assert recorded(world) == [f"{line}\n" for line in sorted(lines)]


def test_digest_files_are_paired_with_images_and_everything_goes_in_one_call(world: World) -> None:
    world.write("one", f"{D1}\n")
    world.write("two", D2)
    world.write("jib.json", json.dumps(JIB))
    arguments = (
        "--from-digestfile",
        "one",
        "--image",
        "a.io/a:1",
        "--from-digestfile",
        "two",
        "--image",
        "a.io/b",
    )
    assert world.run("record", f"a.io/c:1@{D1}", *arguments, "--from-jib", "jib.json").code == 0
    assert recorded(world)[:3] == [f"a.io/a:1@{D1}\n", f"a.io/b@{D2}\n", f"a.io/c:1@{D1}\n"]
    assert len(recorded(world)) == 5


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nginx:1",),
        ("not an image",),
        (f"nginx@{D1[:-1]}",),
        ("--from-digestfile", "digest"),
        ("--image", "nginx"),
        ("--from-digestfile", "digest", "--image", f"nginx@{D1}"),
        ("--from-digestfile", "empty", "--image", "nginx"),
        ("--from-buildx", "nowhere"),
        ("--from-buildx", "empty"),
        ("--from-buildx", "list.json"),
        ("--from-buildx", "unpushed.json"),
        ("--from-buildx", "unnamed.json"),
        ("--from-jib", "unpushed-jib.json"),
        ("--from-jib", "bad-tag.json"),
        ("--from-jib", "list.json"),
        ("--from-ko", "empty"),
        ("--from-ko", "tags"),
    ],
)
def test_what_has_no_digest_is_exit_2_and_writes_nothing(world: World, arguments: tuple[str, ...]) -> None:
    world.write("digest", D1)
    world.write("empty", "")
    world.write("tags", "a.io/b:1\n")
    world.write("list.json", "[]")
    world.write("unpushed.json", '{"image.name": "a.io/b:1"}')
    world.write("unnamed.json", json.dumps({"containerimage.digest": D1}))
    world.write("unpushed-jib.json", json.dumps({**JIB, "imagePushed": False}))
    world.write("bad-tag.json", json.dumps({**JIB, "tags": ["../x"]}))
    result = world.run("record", f"a.io/fine:1@{D2}", *arguments) if arguments else world.run("record")
    assert (result.code, (world.root / "image_references").exists()) == (2, False), result.err
    assert "help:" in result.err or "-->" in result.err


def test_jobs_at_the_same_time_lose_nothing(world: World) -> None:
    jobs = [
        process("record", f"a.io/app{number % 3}:1@sha256:{number % 4:064x}", cwd=world.root)
        for number in range(12)
    ]
    assert [job.wait(120) for job in jobs] == [0] * 12
    for job in jobs:
        job.communicate()
    assert len(recorded(world)) == 12
    assert [path.name for path in world.root.rglob("*imagelock-tmp")] == []


def test_two_digests_of_one_tag_are_both_kept_and_lock_names_them(world: World) -> None:
    world.run("record", f"a.io/app:1@{D1}")
    world.run("record", f"a.io/app:1@{D2}")
    result = world.json("lock", "--offline", "--from", "image_references/*")
    assert (result.code, result.codes) == (1, ["IL104"])
