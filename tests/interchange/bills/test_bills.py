"""Bills of materials: valid by their own schemas, and the same for the same lock."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from packageurl import PackageURL
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from imagelock.errors import UsageError
from imagelock.interchange.base import ExportOptions
from imagelock.interchange.bills import cyclonedx, in_toto, spdx
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage, PlatformImage
from imagelock.model.platform import Platform

if TYPE_CHECKING:
    from types import ModuleType

    from support.world import World

INDEX, AMD, ARM, LONG = (
    Digest.of(b"index"),
    Digest.of(b"amd"),
    Digest.of(b"arm"),
    Digest.of(b"long", "sha512"),
)
LOCK = Lock(
    (
        LockedImage(
            name="docker.io/library/redis",
            tag="7",
            digest=INDEX,
            platforms=(
                PlatformImage(platform=Platform.parse("linux/amd64"), digest=AMD),
                PlatformImage(platform=Platform.parse("linux/arm64/v8"), digest=ARM),
            ),
        ),
        LockedImage(name="localhost:5000/team/App".lower(), tag=None, digest=LONG),
    )
)
GIVEN = {"product": ("the shop",), "product-version": ("7/1",), "created": ("2026-01-31T12:00:00+02:00",)}
ASKED = ExportOptions(values=GIVEN)


def read(export: ModuleType, lock: Lock = LOCK, asked: ExportOptions = ASKED) -> Any:
    return json.loads(export.export(lock, asked))


def cyclonedx_schema(name: str) -> Any:
    spec = importlib.util.find_spec("cyclonedx.schema._res")
    assert spec is not None
    assert spec.origin is not None
    return json.loads(Path(spec.origin).with_name(name).read_text(encoding="utf-8"))


def test_cyclonedx_is_valid_by_its_schema_and_holds_every_platform() -> None:
    found = read(cyclonedx)
    schemas = [cyclonedx_schema(f"{name}.SNAPSHOT.schema.json") for name in ("bom-1.6", "spdx", "jsf-0.82")]
    store = {schema["$id"]: schema for schema in schemas}
    resolver = jsonschema.RefResolver.from_schema(schemas[0], store=store)
    jsonschema.Draft7Validator(schemas[0], resolver=resolver).validate(found)
    redis, app = found["components"]
    assert (redis["type"], redis["name"], redis["version"]) == ("container", "docker.io/library/redis", "7")
    assert redis["hashes"] == [{"alg": "SHA-256", "content": INDEX.hex}]
    assert {part["properties"][0]["value"] for part in redis["components"]} == {
        "linux/amd64",
        "linux/arm64/v8",
    }
    assert app["hashes"] == [{"alg": "SHA-512", "content": LONG.hex}]
    assert found["metadata"]["component"]["name"] == "the shop"
    assert found["metadata"]["timestamp"] == "2026-01-31T10:00:00+00:00"


def test_spdx_is_valid_by_the_tools_own_reader(tmp_path: Path) -> None:
    path = tmp_path / "bill.spdx.json"
    path.write_text(spdx.export(LOCK, ASKED), encoding="utf-8")
    document = parse_file(str(path))
    assert not validate_full_spdx_document(document)
    product, redis, app = document.packages
    assert (product.name, product.version) == ("the shop", "7/1")
    assert [item.value for item in (*redis.checksums, *app.checksums)] == [INDEX.hex, LONG.hex]


def test_in_toto_names_every_image_by_digest() -> None:
    found = read(in_toto)
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert [item["digest"] for item in found["subject"]] == [{"sha256": INDEX.hex}, {"sha512": LONG.hex}]
    release = PackageURL.from_string(found["predicate"]["purl"])
    assert (release.name, release.version) == ("the shop", "7/1")


def test_a_package_url_says_digest_tag_and_repository() -> None:
    url = PackageURL.from_string(read(in_toto)["subject"][0]["uri"])
    assert (url.type, url.namespace, url.name, url.version) == ("oci", None, "redis", str(INDEX))
    assert url.qualifiers == {"repository_url": "docker.io/library/redis", "tag": "7"}


@pytest.mark.parametrize("export", [cyclonedx, spdx, in_toto])
def test_the_same_lock_gives_the_same_bytes_and_another_lock_another_identity(export: ModuleType) -> None:
    text = export.export(LOCK, ASKED)
    assert export.export(LOCK, ASKED) == text
    identities = [json.dumps(read(export, lock)) for lock in (LOCK, Lock(LOCK.images[:1]))]
    assert identities[0] != identities[1]


def test_the_epoch_of_a_reproducible_build_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    asked = ExportOptions(values={"product": ("x",)})
    assert read(spdx, asked=asked)["creationInfo"]["created"] == "1970-01-02T00:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "tomorrow")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        spdx.export(LOCK, asked)


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="--created"):
        cyclonedx.export(LOCK, ExportOptions(values={**GIVEN, "created": ("soon",)}))


@pytest.mark.parametrize("export", [cyclonedx, spdx])
def test_without_the_library_the_error_names_the_extra(
    export: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("cyclonedx.model.bom", "spdx_tools.spdx"):
        monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(UsageError, match=r"imagelock\[sbom\]"):
        export.export(LOCK, ASKED)


@pytest.mark.parametrize("name", ["cyclonedx", "spdx", "in-toto"])
def test_a_bill_in_the_project_is_no_source_of_the_lock(world: World, name: str) -> None:
    world.write("list.txt", "".join(f"{image.image_id}\n" for image in LOCK.images))
    result = world.run_plain(
        "export", name, "--product", "shop", "--lock-file", "list.txt", "-C", str(world.root)
    )
    assert result.code == 0
    (world.root / "list.txt").unlink()
    world.write("bill.json", result.out)
    scanned = world.json("scan").document
    assert (scanned["references"], scanned["skipped"]) == ([], [])
