"""What an index says of its parts is proved before it is locked, and each lie is refused for what it is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from imagelock.errors import IntegrityError, NotFoundError
from imagelock.limits import INDEX_DEPTH
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from imagelock.ops.lock.resolve import ImageQuery, ResolveOptions, resolve
from imagelock.stores.base import Content
from support.lying import Lying, Reply, oci_error
from support.world import deployment

if TYPE_CHECKING:
    from imagelock.model.lock import LockedImage
    from imagelock.stores.base import HeadResult
    from support.world import World

FULL = ResolveOptions(full=True)
CONFIG = b'{"os":"linux","architecture":"amd64"}'


@dataclass
class Reader:
    """A reader whose contents are believed to be proved: it can hold what no hash allows, such as a cycle."""

    contents: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        raise AssertionError(f"resolving reads, it does not ask: {repository} {target}")

    def get_manifest(self, repository: str, target: str | Digest) -> Content:  # noqa: ARG002  # the protocol's
        """Give what was put there."""
        self.asked.append(str(target))
        body = self.contents.get(str(target))
        if body is None:
            raise NotFoundError("no such manifest")
        media_type = json.loads(body)["mediaType"]
        digest = target if isinstance(target, Digest) else Digest.of(body)
        return Content(body=body, digest=digest, media_type=media_type, host="quay.io")

    def get_blob(self, repository: str, digest: Digest, limit: int) -> bytes:  # noqa: ARG002  # the protocol's
        """Give the config."""
        self.asked.append(str(digest))
        return self.contents.get(str(digest), CONFIG)

    def put(self, document: dict[str, object], name: str = "") -> dict[str, object]:
        """Keep a document and return its descriptor."""
        body = json.dumps({"schemaVersion": 2, **document}).encode()
        digest = name or str(Digest.of(body))
        self.contents[digest] = body
        return {"mediaType": document["mediaType"], "digest": digest, "size": len(body)}


def image(reader: Reader, **more: object) -> dict[str, object]:
    config = {"mediaType": OCI_CONFIG, "digest": str(Digest.of(CONFIG)), "size": len(CONFIG), **more}
    return reader.put({"mediaType": OCI_MANIFEST, "config": config, "layers": []})


def index(reader: Reader, *manifests: dict[str, object], name: str = "") -> dict[str, object]:
    return reader.put({"mediaType": OCI_INDEX, "manifests": list(manifests)}, name)


def on_linux(descriptor: dict[str, object], **more: object) -> dict[str, object]:
    return {**descriptor, "platform": {"os": "linux", "architecture": "amd64"}, **more}


def locked(reader: Reader) -> LockedImage:
    return resolve(reader, ImageQuery("quay.io/app", "1", None), FULL)


def test_an_honest_index_is_taken() -> None:
    reader = Reader()
    index(reader, on_linux(image(reader)), name="1")
    (part,) = locked(reader).platforms
    assert part.config == Digest.of(CONFIG)


@pytest.mark.parametrize("size", [0, 1, 10**12])
def test_a_size_that_the_manifest_does_not_have_is_refused(size: int) -> None:
    reader = Reader()
    index(reader, on_linux(image(reader), size=size), name="1")
    with pytest.raises(IntegrityError, match=f"the index says {size} bytes"):
        locked(reader)


def test_an_index_under_the_media_type_of_a_manifest_is_refused() -> None:
    reader = Reader()
    inner = index(reader, on_linux(image(reader)))
    index(reader, on_linux(inner, mediaType=OCI_MANIFEST), name="1")
    with pytest.raises(IntegrityError):
        locked(reader)


def test_an_index_that_contains_itself_is_refused() -> None:
    reader = Reader()
    own = f"sha256:{'a' * 64}"
    body = {"mediaType": OCI_INDEX, "digest": own, "size": 1}
    index(reader, body, name=own)
    size = len(reader.contents[own])
    index(reader, {**body, "size": size}, name=own)
    reader.contents["1"] = reader.contents[own]
    with pytest.raises(IntegrityError, match="contains itself"):
        resolve(reader, ImageQuery("quay.io/app", None, Digest.parse(own)), FULL)


def test_indexes_in_indexes_end() -> None:
    reader = Reader()
    inner = index(reader, on_linux(image(reader)))
    for _ in range(INDEX_DEPTH + 1):
        inner = index(reader, inner)
    index(reader, inner, name="1")
    with pytest.raises(IntegrityError, match="nested deeper"):
        locked(reader)


def test_embedded_data_is_never_believed() -> None:
    """A descriptor's ``data`` may say anything: the blob is read and proved all the same."""
    reader = Reader()
    lie = "eyJvcyI6ImxpbnV4IiwiYXJjaGl0ZWN0dXJlIjoiczM5MHgifQ=="
    descriptor = image(reader, data=lie)
    reader.contents["1"] = reader.contents[str(descriptor["digest"])]
    (part,) = locked(reader).platforms
    assert str(part.platform) == "linux/amd64"
    assert str(Digest.of(CONFIG)) in reader.asked


@pytest.mark.parametrize("status", [429, 503])
def test_a_budget_that_ends_is_exit_3_with_the_time_of_day(world: World, status: int) -> None:
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    with Lying() as server:
        server.default = oci_error(status, "WAIT", Retry_After="600")
        world.write(
            "imagelock.toml", f'[registries."quay.io"]\nmirrors = ["{server.url}"]\nfallback = false\n'
        )
        result = world.run("lock", "--retry-time", "5")
        assert len(server.seen) == 1
    assert result.code == 3
    assert re.search(r"try again after \d\d:\d\d:\d\d", result.out + result.err)


def test_one_image_in_many_files_is_asked_for_once(world: World) -> None:
    world.push("quay.io/acme/app:1")
    for number in range(5):
        world.write(f"{number}.yaml", deployment("quay.io/acme/app:1", "quay.io/acme/app:1"))
    world.asked()
    assert world.run("lock").code == 0
    assert [one.method for one in world.asked()] == ["GET"]
    assert world.run("drift").code == 0
    assert [one.method for one in world.asked()] == ["HEAD"]


def test_a_page_of_a_proxy_is_not_a_tag_that_is_gone(world: World) -> None:
    world.push("quay.io/acme/app:1")
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    assert world.run("lock").code == 0
    with Lying() as server:
        server.default = Reply(status=404, headers=(("Content-Type", "text/html"),), body=b"<html>")
        world.write(
            "imagelock.toml", f'[registries."quay.io"]\nmirrors = ["{server.url}"]\nfallback = false\n'
        )
        result = world.json("drift", "--retry-time", "0")
    assert (result.code, result.codes) == (3, ["IL302"])
