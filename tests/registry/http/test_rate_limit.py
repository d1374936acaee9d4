"""Pull quotas: read from what registries say, and a part of them left alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from imagelock.errors import RateLimitedError
from imagelock.registry.http.rate_limit import Quota, read_quota
from support.images import manifest_body, manifest_reply

if TYPE_CHECKING:
    from pathlib import Path

    from registry.conftest import NewClient
    from support.lying import Lying, Reply, Seen
    from support.world import World


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        (
            {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"},
            Quota(left=76, limit=100, window=21600),
        ),
        (
            {"RateLimit-Limit": "100", "RateLimit-Remaining": "0", "RateLimit-Reset": "30"},
            Quota(left=0, limit=100, reset=30),
        ),
        ({"RateLimit": "limit=100, remaining=50, reset=5"}, Quota(left=50, limit=100, reset=5)),
        ({"RateLimit": '"default";r=50;t=30'}, Quota(left=50, reset=30)),
        ({"RateLimit-Remaining": "-1"}, None),
        ({"RateLimit-Remaining": "many"}, None),
        ({"RateLimit-Remaining": "9" * 40}, None),
        ({"RateLimit": "r=" + "9" * 40}, None),
        ({"RateLimit": ""}, None),
        ({}, None),
    ],
)
def test_every_form_is_read_and_garbage_is_none(headers: dict[str, str], quota: Quota | None) -> None:
    assert read_quota(headers) == quota


class Hub:
    """A registry that counts GETs of manifests, as Docker Hub does."""

    def __init__(self, server: Lying, left: int) -> None:
        self.left = left
        server.default = self

    def __call__(self, seen: Seen) -> Reply:
        """Answer, and say what is left."""
        self.left -= seen.method == "GET"
        more = (("RateLimit-Limit", "100;w=21600"), ("RateLimit-Remaining", f"{self.left};w=21600"))
        return manifest_reply(manifest_body(), more=more)


def test_a_part_of_the_quota_is_left_alone_and_a_head_asks_first(lying: Lying, new_client: NewClient) -> None:
    hub = Hub(lying, 12)
    client = new_client(keep_quota=10)
    for tag in ("1", "2"):
        client.get_manifest(f"{lying.address}/app", tag)
    with pytest.raises(RateLimitedError, match="10 of 100 left in 6 h, and --keep-quota keeps 10"):
        client.get_manifest(f"{lying.address}/app", "3")
    assert hub.left == 10
    assert [seen.method for seen in lying.seen] == ["HEAD", "GET", "GET"]


def test_many_at_once_take_no_more_than_allowed(lying: Lying, new_client: NewClient) -> None:
    hub = Hub(lying, 25)
    client = new_client(keep_quota=20, jobs=16)

    def pull(tag: int) -> bool:
        try:
            client.get_manifest(f"{lying.address}/app", str(tag))
        except RateLimitedError:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(pull, range(40)))
    assert hub.left == 20
    assert done.count(True) == 5


def test_questions_that_cost_nothing_are_not_held_back(lying: Lying, new_client: NewClient) -> None:
    Hub(lying, 3)
    client = new_client(keep_quota=10)
    for _ in range(3):
        assert client.head(f"{lying.address}/app", "1").digest is not None


def test_a_registry_without_a_quota_is_asked_as_ever(lying: Lying, new_client: NewClient) -> None:
    lying.default = manifest_reply(manifest_body())
    client = new_client(keep_quota=10)
    for _ in range(3):
        client.get_manifest(f"{lying.address}/app", "1")
    assert [seen.method for seen in lying.seen] == ["HEAD", "GET", "GET", "GET"]


def test_lock_that_would_use_the_kept_part_could_not_tell(lying: Lying, world: World, tmp_path: Path) -> None:
    Hub(lying, 3)
    world.write("external_images.txt", f"{lying.address}/app:1\n{lying.address}/app:2\n")
    result = world.json("lock", "--keep-quota", "2")
    assert result.code == 3
    assert "--keep-quota keeps 2" in result.out
    assert not (world.root / "images.lock").exists()
