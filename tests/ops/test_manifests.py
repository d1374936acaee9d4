"""Manifests below an index: what a walk refuses, in the same words for every command."""

from __future__ import annotations

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.errors import IntegrityError
from imagelock.limits import INDEX_DEPTH
from imagelock.model.digest import Digest
from imagelock.model.manifest import Index
from imagelock.ops.manifests import check_nesting, parse_content, read_child
from imagelock.stores.memory import MemoryStore

DIGESTS = [Digest.of(str(number).encode()) for number in range(INDEX_DEPTH + 2)]


def test_as_many_levels_as_the_limit_are_read_and_one_more_is_refused() -> None:
    check_nesting("app", DIGESTS[-1], DIGESTS[:INDEX_DEPTH])
    with pytest.raises(IntegrityError, match=f"nested deeper than {INDEX_DEPTH}"):
        check_nesting("app", DIGESTS[-1], DIGESTS[: INDEX_DEPTH + 1])


def test_an_index_above_itself_is_refused_by_name() -> None:
    with pytest.raises(IntegrityError, match=f"app@{DIGESTS[0]}: an index that contains itself"):
        check_nesting("app", DIGESTS[0], DIGESTS[:2])


def test_a_child_is_what_its_index_says() -> None:
    store = MemoryStore()
    push_sample(store, "app", "1", sample_image("x", [LINUX_AMD64, LINUX_ARM64]))
    index = parse_content(store.get_manifest("app", "1"), "app:1")
    assert isinstance(index, Index)
    content, _ = read_child(store, "app", index.manifests[0])
    assert content.digest == index.manifests[0].digest
