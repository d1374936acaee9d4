"""A store's records: tags move and go, manifests stay until they are deleted."""

from __future__ import annotations

import pytest

from imagelock.errors import InvalidValueError
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor
from imagelock.model.platform import Platform
from imagelock.stores.catalog import Catalog, Repository, is_name, is_path
from imagelock.stores.oci_index import REF_NAME, index_json, read_index


def _manifest(seed: str, media_type: str = OCI_MANIFEST) -> Descriptor:
    return Descriptor(media_type=media_type, digest=Digest.of(seed.encode()), size=len(seed))


ONE, TWO, CHILD = _manifest("one"), _manifest("two", OCI_INDEX), _manifest("child")


def test_a_moved_tag_leaves_its_manifest_without_one() -> None:
    records = Repository().put(ONE, "a").put(TWO, "a")
    assert (records.tags, records.untagged) == ({"a": TWO}, {ONE.digest: ONE})


def test_a_manifest_with_another_tag_needs_no_record_of_its_own() -> None:
    records = Repository().put(ONE, None).put(ONE, "a").put(ONE, "b").put(TWO, "a").put(ONE, None)
    assert (records.tags, records.untagged) == ({"a": TWO, "b": ONE}, {})


def test_children_of_an_index_lose_their_record_and_get_it_back() -> None:
    records = Repository().put(CHILD, None).put(TWO, "a", [CHILD.digest])
    assert records.untagged == {}
    assert records.drop(TWO.digest, [CHILD]).untagged == {CHILD.digest: CHILD}


def test_a_tagged_child_keeps_its_tag() -> None:
    assert Repository().put(CHILD, "c").put(TWO, "a", [CHILD.digest]).tags["c"] == CHILD


def test_a_dropped_tag_keeps_its_manifest_once() -> None:
    records = Repository().put(ONE, "a").put(ONE, "b")
    assert records.drop_tag("a").untagged == {}
    assert records.drop_tag("a").drop_tag("b").untagged == {ONE.digest: ONE}


def test_an_empty_repository_does_not_exist() -> None:
    catalog = Catalog().put("app", Repository().put(ONE, "a"))
    assert catalog.put("app", catalog.repository("app").drop(ONE.digest)).repositories == {}


@pytest.mark.parametrize("name", ["a", "a/b", "a.b_c/d__e/f-g", "a" * 255])
def test_paths_by_the_grammar(name: str) -> None:
    assert is_path(name)
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "A", "a/", "/a", "a//b", "..", "a..b", "a:1", "a\n", "é", "a" * 256])
def test_no_paths_by_the_grammar(name: str) -> None:
    assert not is_path(name)


@pytest.mark.parametrize("name", ["../a", "a:b/c", "-/a", ":5000/a", "h:5000/", "h:5000/A", "h/../a"])
def test_no_names_with_hosts(name: str) -> None:
    assert not is_name(name)


def test_the_index_keeps_every_record_and_field() -> None:
    full = Descriptor(
        media_type=OCI_MANIFEST,
        digest=Digest.of(b"full"),
        size=4,
        platform=Platform("linux", "arm", "v7"),
        artifact_type="application/sbom",
        annotations=(("note", "kept"),),
    )
    catalog = (
        Catalog().put("app", Repository().put(full, "a").put(ONE, None)).put("b", Repository().put(TWO, "b"))
    )
    again = read_index(index_json(catalog))
    assert index_json(again) == index_json(catalog)
    found = again.repository("app").tags["a"]
    assert (found.platform, found.artifact_type) == (full.platform, full.artifact_type)
    assert dict(found.annotations) == {"note": "kept", REF_NAME: "app:a"}


@pytest.mark.parametrize("name", ["latest", "App:1", "app:", "app@sha256:x", "app:.x", ""])
def test_records_that_name_no_repository_are_foreign_and_written_back(name: str) -> None:
    record = f'{{"mediaType":"{OCI_MANIFEST}","digest":"{ONE.digest}","size":3,"annotations":{{"{REF_NAME}":"{name}"}}}}'
    body = f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{record}]}}'.encode()
    catalog = read_index(body)
    assert catalog.repositories == {}
    assert index_json(catalog) == body


def test_of_two_records_with_one_name_the_first_counts_and_both_are_kept() -> None:
    first, second = (index_json(Catalog().put("a", Repository().put(one, "1"))) for one in (ONE, TWO))
    body = first.replace(b'"}}]}', b'"}},') + second.partition(b'"manifests":[')[2]
    catalog = read_index(body)
    assert catalog.repository("a").tags["1"].digest == ONE.digest
    assert [one.descriptor.digest for one in catalog.foreign] == [TWO.digest]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"schemaVersion":1,"manifests":[]}', b'{"schemaVersion":2,"manifests":{}}']
)
def test_what_is_no_index_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidValueError):
        read_index(body)
