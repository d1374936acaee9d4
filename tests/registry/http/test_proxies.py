"""Which hosts a proxy is asked for."""

from __future__ import annotations

import pytest

from imagelock.errors import ConfigError
from imagelock.registry.http.proxies import Proxies

PROXY = {"HTTPS_PROXY": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("bypass", "host", "port", "direct"),
    [
        ("quay.io", "quay.io", 443, True),
        ("quay.io", "cdn.quay.io", 443, True),
        ("quay.io", "notquay.io", 443, False),
        (".corp", "registry.corp", 443, True),
        ("*.corp", "registry.corp", 443, True),
        (".corp", "corp.example", 443, False),
        ("a, b registry.corp", "registry.corp", 443, True),
        ("REGISTRY.corp.", "registry.CORP", 443, True),
        ("registry.corp:5000", "registry.corp", 5000, True),
        ("registry.corp:5000", "registry.corp", 443, False),
        ("10.0.0.0/8", "10.9.8.7", 443, True),
        ("10.0.0.0/8", "11.0.0.1", 443, False),
        ("10.0.0.0/8", "ten.example", 443, False),
        ("192.168.1.1", "192.168.1.1", 5000, True),
        ("192.168.1.1:5000", "192.168.1.1", 443, False),
        ("fd00::/8", "[fd00::1]", 443, True),
        ("[fd00::1]:5000", "[fd00::1]", 5000, True),
        ("*", "anything", 443, True),
        ("", "quay.io", 443, False),
        (".", "quay.io", 443, False),
        ("10.0.0.0/99,:,/", "quay.io", 443, False),
    ],
)
def test_no_proxy_names_hosts_suffixes_networks_and_ports(
    bypass: str, host: str, port: int, *, direct: bool
) -> None:
    found = Proxies({**PROXY, "NO_PROXY": bypass}).find("https", host, port)
    assert (found is None) == direct


def test_loopback_is_never_asked_for_through_a_proxy() -> None:
    assert Proxies(PROXY).find("https", "localhost", 443) is None


def test_the_lower_case_name_wins_and_all_stands_in() -> None:
    environ = {"HTTP_PROXY": "one:1", "http_proxy": "two:2", "ALL_PROXY": "http://all:3"}
    assert Proxies(environ).find("http", "quay.io", 80) == "http://two:2"
    assert Proxies(environ).find("https", "quay.io", 443) == "http://all:3"


def test_a_cgi_client_cannot_set_the_proxy() -> None:
    assert Proxies({"HTTP_PROXY": "evil:1", "REQUEST_METHOD": "GET"}).find("http", "quay.io", 80) is None


@pytest.mark.parametrize("url", ["socks5://me:canary@proxy.corp:1080", "socks5h://proxy.corp", "quic://x"])
def test_a_proxy_of_another_kind_is_a_configuration_error(url: str) -> None:
    proxies = Proxies({"ALL_PROXY": url, "NO_PROXY": "near.corp"})
    assert proxies.find("https", "near.corp", 443) is None
    with pytest.raises(ConfigError, match=r"far\.corp") as caught:
        proxies.find("https", "far.corp", 443)
    assert "canary" not in f"{caught.value} {caught.value.hint}"
