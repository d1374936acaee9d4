"""What ``-v`` and ``-vv`` show of the requests to registries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.cli.requests import request_line
from imagelock.registry.http.observed import Exchange
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"


def test_requests_are_counted_by_host_and_shown_one_by_one_on_request(world: World) -> None:
    world.push(A)
    world.write("a.yaml", deployment(A))
    plain = world.run("lock", "--dry-run")
    assert "requests to" not in plain.err
    counted = world.run("lock", "--dry-run", "-v")
    assert re.search(r"^imagelock: requests to \S+: [1-9]\d* GET", counted.err, re.MULTILINE)
    assert "/manifests/" not in counted.err
    each = world.run("lock", "--dry-run", "-vv")
    assert re.search(
        r"^imagelock: GET https?://\S+/v2/\S*acme/app/manifests/1.0: 200, \d+ ms$", each.err, re.MULTILINE
    )
    assert world.run("lock", "--dry-run", "-vv", "-q").err == ""


def test_a_query_is_never_shown(world: World) -> None:
    world.push(A)
    world.write("a.yaml", deployment(A))
    assert world.run("lock", "-q").code == 0
    err = world.run("bundle", "create", "x.tar", "-vv").err
    assert "/blobs/" in err
    assert not [line for line in err.splitlines() if "http" in line and "?" in line]


def test_a_repetition_says_which_try_it_was() -> None:
    assert request_line(Exchange("GET https://a/v2/\n", None, 0.25, 2)) == (
        "GET https://a/v2/\\x0a: no answer to use, 250 ms, try 3"
    )
