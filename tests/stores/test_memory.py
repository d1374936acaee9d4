"""The store in memory; what it shares with the directory is in test_local."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.stores.memory import MemoryStore

if TYPE_CHECKING:
    from imagelock.model.digest import Digest


def test_stores_share_nothing() -> None:
    one, other = MemoryStore(), MemoryStore()
    push_sample(one, "app", "1", sample_image("memory"))
    assert one.repositories() == ("app",)
    assert other.repositories() == ()
    assert not other.has_blob("app", sample_image("memory").digest)


def test_threads_that_push_at_the_same_time_lose_no_tag() -> None:
    store = MemoryStore()

    def push(number: int) -> Digest:
        return push_sample(store, "app", f"v{number}", sample_image(f"{number}"))

    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(push, range(64)))
    assert [store.get_manifest("app", f"v{number}").digest for number in range(64)] == digests


def test_two_thousand_tags_are_stored_in_no_time() -> None:
    store, image = MemoryStore(), sample_image("many")
    for number in range(2000):
        push_sample(store, f"app{number}", "1", image)
    assert len(store.repositories()) == 2000
