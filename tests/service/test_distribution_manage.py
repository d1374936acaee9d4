"""Tags, referrers and deletion, as the OCI distribution specification 1.1 asks."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.limits import MANIFEST_BYTES
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.base import Content
from support.wire import Wire

if TYPE_CHECKING:
    from imagelock.demo.sample_image import SampleImage
    from imagelock.stores.local import LocalStore

IMAGE = sample_image("manage", [LINUX_AMD64, LINUX_ARM64])
TAGS = ["1.0", "1.1", "10", "Latest", "latest"]


@pytest.fixture(autouse=True)
def _pushed(store: LocalStore) -> None:
    for tag in reversed(TAGS):
        push_sample(store, "team/app", tag, IMAGE)


def _tags(wire: Wire, query: str = "") -> list[str]:
    document = wire.ask("GET", f"/v2/team/app/tags/list{query}").json
    assert isinstance(document, dict)
    assert document["name"] == "team/app"
    tags = document["tags"]
    assert isinstance(tags, list)
    return [str(tag) for tag in tags]


def test_tags_are_listed_in_order(wire: Wire) -> None:
    assert _tags(wire) == TAGS


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("?n=2", TAGS[:2]),
        ("?n=2&last=1.1", TAGS[2:4]),
        ("?last=10", TAGS[3:]),
        ("?n=0", []),
        ("?n=100", TAGS),
        ("?last=1.05", TAGS[1:]),
    ],
)
def test_pages_of_tags_follow_n_and_last(wire: Wire, query: str, wanted: list[str]) -> None:
    assert _tags(wire, query) == wanted


def test_links_lead_through_all_pages(wire: Wire) -> None:
    path: str | None = "/v2/team/app/tags/list?n=2"
    found: list[str] = []
    while path is not None:
        reply = wire.ask("GET", path)
        found += json.loads(reply.body)["tags"]
        link = reply.headers.get("link")
        assert link is None or link.endswith('>; rel="next"')
        path = None if link is None else link[1 : link.index(">")]
    assert found == TAGS


@pytest.mark.parametrize("count", ["x", "-1", "", "9" * 10])
def test_a_page_size_that_is_no_number_is_refused(wire: Wire, count: str) -> None:
    reply = wire.ask("GET", f"/v2/team/app/tags/list?n={count}")
    assert (reply.status, reply.code) == (400, "UNSUPPORTED")


def test_tags_of_a_repository_that_is_not_there_are_a_404(wire: Wire) -> None:
    reply = wire.ask("GET", "/v2/team/none/tags/list")
    assert (reply.status, reply.code) == (404, "NAME_UNKNOWN")


def test_a_repository_that_was_emptied_has_no_tags(wire: Wire, store: LocalStore) -> None:
    image = sample_image("last")
    push_sample(store, "team/emptied", "1", image)
    assert wire.ask("DELETE", f"/v2/team/emptied/manifests/{image.digest}").status == 202
    reply = wire.ask("GET", "/v2/team/emptied/tags/list")
    assert (reply.status, reply.json) == (200, {"name": "team/emptied", "tags": []})
    assert wire.ask("GET", "/v2/team/emptied/manifests/1").status == 404


def test_only_so_many_emptied_repositories_are_known(
    wire: Wire, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagelock.service.manifests._EMPTIED", 2)
    image = sample_image("last")
    for name in "abc":
        push_sample(store, name, "1", image)
        wire.ask("DELETE", f"/v2/{name}/manifests/{image.digest}")
    assert [wire.ask("GET", f"/v2/{name}/tags/list").status for name in "abc"] == [404, 200, 200]


def test_repositories_are_listed(wire: Wire, store: LocalStore) -> None:
    push_sample(store, "a", "1", IMAGE)
    assert wire.ask("GET", "/v2/_catalog").json == {"repositories": ["a", "team/app"]}
    assert wire.ask("GET", "/v2/_catalog?n=1").headers["link"] == '</v2/_catalog?n=1&last=a>; rel="next"'


# Referrers.


def _artifact(store: LocalStore, subject: Digest, kind: str | None, note: str) -> Digest:
    data = b"{}"
    empty = {"mediaType": OCI_EMPTY, "digest": str(Digest.of(data)), "size": 2}
    config = empty if kind is not None else {**empty, "mediaType": "application/vnd.config"}
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config,
        "layers": [empty],
        "subject": {"mediaType": OCI_INDEX, "digest": str(subject), "size": 9},
        "annotations": {"note": note},
    }
    if kind is not None:
        document["artifactType"] = kind
    part = store.create()
    part.write(data)
    store.commit(part, Digest.of(data))
    body = json.dumps(document).encode()
    content = Content(body=body, digest=Digest.of(body), media_type=OCI_MANIFEST, host="test")
    store.put_manifest("team/app", content)
    return content.digest


def test_referrers_are_listed_with_type_and_annotations(wire: Wire, store: LocalStore) -> None:
    sbom = _artifact(store, IMAGE.digest, "application/sbom", "one")
    plain = _artifact(store, IMAGE.digest, None, "two")
    _artifact(store, Digest.of(b"else"), "application/sbom", "three")
    reply = wire.ask("GET", f"/v2/team/app/referrers/{IMAGE.digest}")
    assert reply.headers["content-type"] == OCI_INDEX
    found = {one["digest"]: one for one in json.loads(reply.body)["manifests"]}
    assert {digest: (one["artifactType"], one["annotations"]) for digest, one in found.items()} == {
        str(sbom): ("application/sbom", {"note": "one"}),
        str(plain): ("application/vnd.config", {"note": "two"}),
    }
    assert all(one["mediaType"] == OCI_MANIFEST and one["size"] > 0 for one in found.values())


def test_referrers_are_filtered_by_type_and_say_so(wire: Wire, store: LocalStore) -> None:
    sbom = _artifact(store, IMAGE.digest, "application/sbom", "one")
    _artifact(store, IMAGE.digest, "application/signature", "two")
    reply = wire.ask("GET", f"/v2/team/app/referrers/{IMAGE.digest}?artifactType=application/sbom")
    assert reply.headers["oci-filters-applied"] == "artifactType"
    assert [one["digest"] for one in json.loads(reply.body)["manifests"]] == [str(sbom)]


@pytest.mark.parametrize("query", ["", "?artifactType=application/sbom"])
def test_referrers_that_no_index_has_room_for_come_in_pages(
    wire: Wire, store: LocalStore, query: str
) -> None:
    filler = "x" * (MANIFEST_BYTES * 2 // 5)
    wanted = [_artifact(store, IMAGE.digest, "application/sbom", f"{number}{filler}") for number in range(5)]
    path: str | None = f"/v2/team/app/referrers/{IMAGE.digest}{query}"
    pages: list[list[str]] = []
    while path is not None:
        reply = wire.ask("GET", path)
        assert (reply.status, reply.headers["content-type"]) == (200, OCI_INDEX)
        assert len(reply.body) <= MANIFEST_BYTES
        assert reply.headers.get("oci-filters-applied") == ("artifactType" if query else None)
        pages.append([one["digest"] for one in json.loads(reply.body)["manifests"]])
        link = reply.headers.get("link")
        path = None if link is None else link[1 : link.index('>; rel="next"')]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(digest for page in pages for digest in page) == sorted(map(str, wanted))


def test_a_manifest_without_referrers_has_an_empty_index(wire: Wire) -> None:
    for repository in ("team/app", "team/none"):
        reply = wire.ask("GET", f"/v2/{repository}/referrers/{Digest.of(b'none')}")
        assert (reply.status, json.loads(reply.body)["manifests"]) == (200, [])
    assert wire.ask("GET", "/v2/team/app/referrers/sha256:x").status == 400


def test_a_deleted_referrer_is_not_listed(wire: Wire, store: LocalStore) -> None:
    sbom = _artifact(store, IMAGE.digest, "application/sbom", "one")
    assert wire.ask("DELETE", f"/v2/team/app/manifests/{sbom}").status == 202
    assert json.loads(wire.ask("GET", f"/v2/team/app/referrers/{IMAGE.digest}").body)["manifests"] == []


# Deleting.


def test_deleting_a_tag_keeps_the_manifest_and_the_other_tags(wire: Wire) -> None:
    assert wire.ask("DELETE", "/v2/team/app/manifests/1.0").status == 202
    assert _tags(wire) == TAGS[1:]
    assert wire.ask("GET", "/v2/team/app/manifests/1.0").status == 404
    assert wire.ask("GET", f"/v2/team/app/manifests/{IMAGE.digest}").status == 200


def test_deleting_every_tag_keeps_the_manifest_by_digest(wire: Wire) -> None:
    for tag in TAGS:
        wire.ask("DELETE", f"/v2/team/app/manifests/{tag}")
    assert _tags(wire) == []
    assert wire.ask("GET", f"/v2/team/app/manifests/{IMAGE.digest}").status == 200


def test_deleting_a_digest_deletes_its_tags_and_keeps_its_children(wire: Wire) -> None:
    assert wire.ask("DELETE", f"/v2/team/app/manifests/{IMAGE.digest}").status == 202
    assert wire.ask("GET", "/v2/team/app/manifests/1.1").status == 404
    for child in IMAGE.children:
        path = f"/v2/team/app/manifests/{child.digest}"
        assert wire.ask("GET", path).status == 200
        assert wire.ask("DELETE", path).status == 202
        assert wire.ask("GET", path).status == 404


def test_deleting_in_one_repository_changes_no_other(wire: Wire, store: LocalStore) -> None:
    push_sample(store, "team/other", "1", IMAGE)
    wire.ask("DELETE", f"/v2/team/app/manifests/{IMAGE.digest}")
    assert wire.ask("GET", "/v2/team/other/manifests/1").status == 200


def test_what_is_still_needed_cannot_be_deleted(wire: Wire) -> None:
    layer = IMAGE.blobs[1][0].digest
    for path in (f"blobs/{layer}", f"blobs/{IMAGE.digest}", f"manifests/{IMAGE.children[0].digest}"):
        reply = wire.ask("DELETE", f"/v2/team/app/{path}")
        assert (reply.status, reply.code) == (405, "DENIED")
    assert wire.ask("GET", f"/v2/team/app/blobs/{layer}").status == 200


def test_a_blob_nobody_needs_can_be_deleted_once(wire: Wire) -> None:
    wire.get_blob("team/app", Digest.of(b"loose"), b"loose")
    path = f"/v2/team/app/blobs/{Digest.of(b'loose')}"
    assert wire.ask("DELETE", path).status == 202
    assert wire.ask("GET", path).status == 404
    reply = wire.ask("DELETE", path)
    assert (reply.status, reply.code) == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize("target", ["absent", str(Digest.of(b"absent")), "sha256:x"])
def test_deleting_what_is_not_there_is_a_404(wire: Wire, target: str) -> None:
    assert wire.ask("DELETE", f"/v2/team/app/manifests/{target}").status == 404


# Errors.

CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
}
"""The codes of the specification's section "Error Codes"."""


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v2/Team/tags/list", {}, 400),
        ("GET", "/v2/none/tags/list", {}, 404),
        ("GET", "/v2/team/app/tags/list?n=x", {}, 400),
        ("GET", "/v2/team/app/manifests/none", {}, 404),
        ("GET", "/v2/team/app/manifests/1.0", {"If-Match": '"x"'}, 412),
        ("GET", "/v2/team/app/referrers/x", {}, 400),
        ("PUT", "/v2/team/app/manifests/.x", {}, 400),
        ("PUT", "/v2/team/app/manifests/sha256:x", {}, 400),
        ("PUT", "/v2/team/app/manifests/x", {}, 400),
        ("PUT", f"/v2/team/app/manifests/{Digest.of(b'')}?tag=.x", {}, 400),
        ("DELETE", "/v2/team/app/manifests/none", {}, 404),
        ("DELETE", f"/v2/team/app/manifests/{IMAGE.children[0].digest}", {}, 405),
        ("GET", "/v2/team/app/blobs/x", {}, 400),
        ("GET", f"/v2/team/app/blobs/{Digest.of(b'none')}", {}, 404),
        ("GET", f"/v2/team/app/blobs/{IMAGE.blobs[0][0].digest}", {"Range": "bytes=999999-"}, 416),
        ("DELETE", f"/v2/team/app/blobs/{IMAGE.blobs[0][0].digest}", {}, 405),
        ("POST", "/v2/team/app/blobs/uploads/?digest=x", {}, 400),
        ("POST", f"/v2/team/app/blobs/uploads/?digest={Digest.of(b'else')}", {}, 400),
        ("POST", "/v2/team/app/blobs/uploads/?digest-algorithm=md5", {}, 400),
        ("POST", "/v2/team/app/blobs/uploads/", {"Origin": "http://x"}, 403),
        ("PATCH", "/v2/team/app/blobs/uploads/none", {}, 404),
        ("POST", "/v2/team/app/tags/list", {}, 405),
        ("GET", "/else", {}, 404),
    ],
)
def test_errors_are_those_of_the_specification(
    wire: Wire, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    reply = wire.ask(method, path, headers=headers)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/json")
    assert reply.code in CODES


# Conditions.

NEW = sample_image("new")


def _replace(wire: Wire, target: str, conditions: dict[str, str]) -> int:
    for descriptor, data in NEW.blobs:
        wire.get_blob("team/app", descriptor.digest, data)
    headers = {"Content-Type": NEW.content.media_type, **conditions}
    return wire.ask("PUT", f"/v2/team/app/manifests/{target}", NEW.content.body, headers).status


def test_a_tag_is_replaced_only_while_it_is_what_the_client_saw(wire: Wire) -> None:
    seen = wire.ask("HEAD", "/v2/team/app/manifests/1.0").headers["etag"]
    assert _replace(wire, "1.0", {"If-Match": '"else"'}) == 412
    assert wire.ask("GET", "/v2/team/app/manifests/1.0").body == IMAGE.content.body
    assert _replace(wire, "1.0", {"If-Match": seen}) == 201
    assert wire.ask("GET", "/v2/team/app/manifests/1.0").body == NEW.content.body
    assert _replace(wire, "1.0", {"If-Match": seen}) == 412
    assert _replace(wire, "none", {"If-Match": "*"}) == 412


def test_a_tag_is_made_only_while_there_is_none(wire: Wire) -> None:
    assert _replace(wire, "2.0", {"If-None-Match": "*"}) == 201
    assert _replace(wire, "2.0", {"If-None-Match": "*"}) == 412
    assert _replace(wire, str(NEW.digest), {"If-None-Match": "*"}) == 201  # It can be nothing else.


def test_of_many_clients_that_make_a_tag_one_succeeds(registry: EmbeddedRegistry, wire: Wire) -> None:
    assert _replace(wire, "other", {}) == 201

    def make(_number: int) -> int:
        with Wire(registry.address) as own:
            return _replace(own, "2.0", {"If-None-Match": "*"})

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(make, range(16))) == [201, *[412] * 15]


def test_a_tag_that_moves_while_it_is_replaced_stays_moved(
    wire: Wire, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, other = f'"{IMAGE.digest}"', sample_image("other")
    taken = store.put_manifest

    def slow(*args: Any, **options: Any) -> None:
        monkeypatch.setattr(store, "put_manifest", taken)
        push_sample(store, "team/app", "1.0", other)
        taken(*args, **options)

    monkeypatch.setattr(store, "put_manifest", slow)
    assert _replace(wire, "1.0", {"If-Match": seen}) == 412
    assert wire.ask("GET", "/v2/team/app/manifests/1.0").body == other.content.body


@pytest.mark.parametrize("target", ["1.0", str(IMAGE.digest)])
def test_what_the_client_did_not_see_is_not_deleted(wire: Wire, target: str) -> None:
    path = f"/v2/team/app/manifests/{target}"
    assert wire.ask("DELETE", path, headers={"If-Match": '"else"'}).status == 412
    assert wire.ask("GET", path).status == 200
    assert wire.ask("DELETE", path, headers={"If-Match": f'"{IMAGE.digest}"'}).status == 202
    assert wire.ask("GET", path).status == 404


# Read-only.


def _writes(image: SampleImage) -> list[tuple[str, str]]:
    return [
        ("PUT", "/v2/team/app/manifests/1.0"),
        ("DELETE", "/v2/team/app/manifests/1.0"),
        ("DELETE", f"/v2/team/app/blobs/{image.blobs[0][0].digest}"),
        ("POST", "/v2/team/app/blobs/uploads/"),
        ("PATCH", "/v2/team/app/blobs/uploads/x"),
        ("PUT", "/v2/team/app/blobs/uploads/x"),
        ("DELETE", "/v2/team/app/blobs/uploads/x"),
    ]


def test_a_read_only_registry_refuses_every_write_and_serves_reads(store: LocalStore) -> None:
    with EmbeddedRegistry(store, writable=False) as registry, Wire(registry.address) as wire:
        for method, path in _writes(IMAGE):
            reply = wire.ask(method, path, b"body")
            assert (reply.status, reply.code) == (405, "UNSUPPORTED"), (method, path)
            assert "PUT" not in reply.headers["allow"]
        assert wire.ask("GET", "/v2/team/app/manifests/1.0").body == IMAGE.content.body


def test_web_pages_cannot_write(wire: Wire) -> None:
    for method, path in _writes(IMAGE):
        assert wire.ask(method, path, b"", {"Origin": "http://evil.example"}).status == 403
