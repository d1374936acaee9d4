"""Hosts as the configuration names them: which are this machine, by their name alone."""

from __future__ import annotations

import pytest

from imagelock.model.hosts import is_loopback


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "LocalHost", "app.localhost", "App.LocalHost", "a.b.localhost"),
        *("127.0.0.1", "127.9.9.9", "::1", "[::1]", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "[::ffff:7f00:1]"),
    ],
)
def test_reserved_names_and_loopback_addresses_are_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "localhost.corp",
            "localhost.localdomain",
            "notlocalhost",
            ".localhos",
            "quay.io",
            "localhost:5000",
        ),
        *("127.0.0.1.corp", "10.0.0.1", "128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1", "fe80::1"),  # noqa: S104 - an address to refuse
        *("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1 ", "[[::1]]", "127.0.0.1/8"),
    ],
)
def test_what_a_resolver_may_take_elsewhere_is_not_this_machine(host: str) -> None:
    assert not is_loopback(host)
