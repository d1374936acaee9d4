"""Mirrors and certificates of other tools' files, by those tools' rules."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from imagelock.errors import AccessDeniedError, ConfigError, RegistryError
from imagelock.model.digest import Digest
from imagelock.model.hosts import HostSettings, Mirror
from imagelock.registry.hosts.certs_d import with_certificates
from imagelock.registry.hosts.endpoints import endpoints
from imagelock.registry.hosts.mirror_files import MirrorFiles
from support.images import manifest_body, manifest_reply
from support.lying import Lying, Reply, document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry.conftest import NewClient

BODY = manifest_body()
GOOD = manifest_reply(BODY)
DIGEST = Digest.of(BODY)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Give an environment of a user of their own."""
    return {"HOME": str(tmp_path)}


def write(home: Path, name: str, text: str) -> Path:
    path = home / ".config" / "containers" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def asked(name: str, environ: dict[str, str], hosts: dict[str, HostSettings] | None = None) -> list[str]:
    return [
        f"{at.authority}/{at.repository} {'t' if at.resolves else ''}{'d' if at.serves else ''}"
        for at in endpoints(name, hosts or {}, MirrorFiles(environ))
    ]


REGISTRIES = """
unqualified-search-registries = ["example.com"]
[aliases]
nginx = "docker.io/library/nginx"
[[registry]]
prefix = "quay.io/acme"
location = "origin.corp/quay/acme"
[[registry.mirror]]
location = "one.corp/acme"
[[registry.mirror]]
location = "two.corp:5000/x"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "three.corp"
pull-from-mirror = "tag-only"
[[registry]]
location = "quay.io"
[[registry]]
prefix = "*.wild.example"
[[registry.mirror]]
location = "wild.corp"
[[registry]]
location = "docker.io"
mirror-by-digest-only = true
[[registry.mirror]]
location = "hub.corp/library-of-all"
[[registry]]
location = "bad.example"
blocked = true
"""


@pytest.mark.parametrize(
    ("name", "places"),
    [
        (
            "quay.io/acme/app",
            [
                "one.corp/acme/app td",
                "two.corp:5000/x/app d",
                "three.corp/app t",
                "origin.corp/quay/acme/app td",
            ],
        ),
        ("quay.io/acmes/app", ["quay.io/acmes/app td"]),
        ("a.b.wild.example/app", ["wild.corp/app td", "a.b.wild.example/app td"]),
        (
            "docker.io/library/nginx",
            ["hub.corp/library-of-all/library/nginx d", "registry-1.docker.io/library/nginx td"],
        ),
        ("ghcr.io/x", ["ghcr.io/x td"]),
    ],
)
def test_registries_conf_rewrites_by_the_longest_prefix(
    tmp_path: Path, environ: dict[str, str], name: str, places: list[str]
) -> None:
    write(tmp_path, "registries.conf", REGISTRIES)
    assert asked(name, environ) == places


def test_a_blocked_registry_is_refused_and_the_file_named(tmp_path: Path, environ: dict[str, str]) -> None:
    path = write(tmp_path, "registries.conf", REGISTRIES)
    with pytest.raises(ConfigError, match="blocked") as caught:
        asked("bad.example/app", environ)
    assert caught.value.where == str(path)


def test_our_own_mirrors_count_more(tmp_path: Path, environ: dict[str, str]) -> None:
    write(tmp_path, "registries.conf", REGISTRIES)
    ours = {"quay.io": HostSettings(mirrors=(Mirror(url="https://ours.corp"),))}
    assert asked("quay.io/acme/app", environ, ours) == ["ours.corp/acme/app td", "quay.io/acme/app td"]


def test_a_piece_beside_the_file_replaces_its_table(tmp_path: Path, environ: dict[str, str]) -> None:
    write(tmp_path, "registries.conf", REGISTRIES)
    write(tmp_path, "registries.conf.d/10.conf", '[[registry]]\nprefix="quay.io/acme"\nlocation="new.corp"\n')
    assert asked("quay.io/acme/app", environ) == ["new.corp/app td"]


def test_the_variable_replaces_all_files(tmp_path: Path, environ: dict[str, str]) -> None:
    write(tmp_path, "registries.conf", REGISTRIES)
    other = tmp_path / "other.conf"
    other.write_text('[[registry]]\nprefix="quay.io"\nlocation="other.corp"\n')
    environ["CONTAINERS_REGISTRIES_CONF"] = str(other)
    assert asked("quay.io/acme/app", environ) == ["other.corp/acme/app td"]


@pytest.mark.parametrize(
    "text",
    [
        "[[registry]]\n",
        "[[registry",
        '[[registry]]\nlocation="quay.io"\n[[registry.mirror]]\n',
        '[[registry]]\nlocation="quay.io"\n[[registry.mirror]]\nlocation="m.corp"\npull-from-mirror="x"\n',
        '[[registry]]\nlocation="quay.io"\n[[registry.mirror]]\nlocation="nohost/x"\n',
        '[[registry]]\nlocation="quay.io"\ninsecure="yes"\n',
    ],
)
def test_a_wrong_file_is_a_configuration_error(tmp_path: Path, environ: dict[str, str], text: str) -> None:
    write(tmp_path, "registries.conf", text)
    with pytest.raises(ConfigError):
        asked("quay.io/app", environ)


def test_a_digest_only_mirror_never_says_what_a_tag_means(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path, environ: dict[str, str]
) -> None:
    write(
        tmp_path,
        "registries.conf",
        f'[[registry]]\nprefix="quay.io"\nlocation="{lying.address}"\n'
        f'[[registry.mirror]]\nlocation="{other.address}"\npull-from-mirror="digest-only"\n',
    )
    lying.default = other.default = GOOD
    client = new_client(environ=environ)
    assert client.get_manifest("quay.io/app", "1").host == lying.address
    assert client.get_manifest("quay.io/app", DIGEST).host == other.address
    assert other.requests() == [f"/v2/app/manifests/{DIGEST}"]


HOSTS = """
server = "https://origin.corp"
[host."https://one.corp:5000"]
  capabilities = ["pull", "resolve"]
[host."https://two.corp"]
  capabilities = ["pull"]
  ca = "two.pem"
  client = [["me.pem", "me.key"]]
[host."https://three.corp/v2/hub"]
  override_path = true
  skip_verify = true
"""


def test_hosts_toml_gives_what_its_capabilities_allow(tmp_path: Path, environ: dict[str, str]) -> None:
    folder = write(tmp_path, "certs.d/quay.io/hosts.toml", HOSTS).parent
    found = endpoints("quay.io/acme/app", {}, MirrorFiles(environ))
    assert [(at.authority, at.repository, at.resolves, at.serves) for at in found] == [
        ("one.corp:5000", "acme/app", True, True),
        ("two.corp", "acme/app", False, True),
        ("three.corp", "hub/acme/app", True, True),
        ("origin.corp", "acme/app", True, True),
    ]
    assert found[1].settings.more_ca == (str(folder / "two.pem"),)
    assert (found[1].settings.cert, found[1].settings.key) == (str(folder / "me.pem"), str(folder / "me.key"))
    assert [at.settings.insecure for at in found] == [False, False, True, False]


def test_hosts_toml_of_docker_hub_keeps_its_own_host(tmp_path: Path, environ: dict[str, str]) -> None:
    text = 'server = "https://registry-1.docker.io"\n[host."https://m.corp"]\n'
    write(tmp_path, "certs.d/docker.io/hosts.toml", text)
    assert asked("docker.io/library/nginx", environ) == [
        "m.corp/library/nginx td",
        "registry-1.docker.io/library/nginx td",
    ]


@pytest.mark.parametrize(
    "text",
    [
        '[host."https://m.corp:x"]',
        "server = 5",
        '[host."https://m.corp"]\nheader = 5',
        '[host."https://m.corp".header]\nx = 5',
        '[host."https://m.corp".header]\nx = ["a", 5]',
        '[host."https://m.corp".header]\n"x y" = "a"',
    ],
)
def test_a_wrong_hosts_toml_is_a_configuration_error(
    tmp_path: Path, environ: dict[str, str], text: str
) -> None:
    write(tmp_path, "certs.d/_default/hosts.toml", text)
    with pytest.raises(ConfigError):
        asked("quay.io/app", environ)


def test_a_value_that_would_split_a_header_is_refused_and_not_shown(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    write(tmp_path, "certs.d/quay.io/hosts.toml", '[header]\nx-key = "canary\\r\\nHost: other"\n')
    with pytest.raises(ConfigError, match=r"header\.x-key") as caught:
        asked("quay.io/app", environ)
    assert "canary" not in str(caught.value) + str(caught.value.hint)


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("http://{}", "/v2/app/manifests/1"),
        ("http://{}/v2", "/v2/app/manifests/1"),
        ("http://{}/cache", "/cache/v2/app/manifests/1"),
        ("http://{}/cache/v2", "/cache/v2/app/manifests/1"),
        ("http://{}/api/hub!", "/api/hub/app/manifests/1"),
        ("http://{}/v2/hub!", "/v2/hub/app/manifests/1"),
    ],
)
def test_the_api_begins_where_hosts_toml_says_and_ns_names_the_host(
    address: str, target: str, lying: Lying, new_client: NewClient, tmp_path: Path, environ: dict[str, str]
) -> None:
    """As containerd asks: ``ns`` for whatever is another host than the image's own; ! stands for override_path."""
    override = "override_path = true\n" if address.endswith("!") else ""
    url = address.rstrip("!").format(lying.address)
    write(tmp_path, "certs.d/quay.io/hosts.toml", f'[host."{url}"]\n{override}')
    lying.on(target, GOOD)
    client = new_client(environ=environ)
    assert client.head("quay.io/app", "1").digest == DIGEST
    assert client.get_manifest("quay.io/app", "1").digest == DIGEST
    assert lying.requests() == [f"{target}?ns=quay.io"] * 2


def test_a_host_is_not_told_its_own_name(
    lying: Lying, new_client: NewClient, tmp_path: Path, environ: dict[str, str]
) -> None:
    host, _, port = lying.address.rpartition(":")
    write(tmp_path, f"certs.d/{host}_{port}_/hosts.toml", f'server = "{lying.url}"\n[host]\n')
    lying.on("/v2/app/manifests/1", GOOD)
    assert new_client(environ=environ).head(f"{lying.address}/app", "1").digest == DIGEST
    assert lying.requests() == ["/v2/app/manifests/1"]


HEADERS = """
[host."{0}".header]
  X-Meant-For = ["canary-one", "canary-two"]
  authorization = "Bearer canary-stored"
  accept = "text/html"
  accept-encoding = "gzip"
  transfer-encoding = "chunked"
"""


def test_headers_of_hosts_toml_go_to_that_host_with_what_they_may_say(
    lying: Lying, new_client: NewClient, tmp_path: Path, environ: dict[str, str]
) -> None:
    write(tmp_path, "certs.d/quay.io/hosts.toml", HEADERS.format(lying.url))
    lying.default = GOOD
    new_client(environ=environ).get_manifest("quay.io/app", DIGEST)
    (seen,) = lying.seen
    assert seen.headers["x-meant-for"] == "canary-one, canary-two"
    assert seen.authorization == "Bearer canary-stored"
    assert "manifest" in seen.headers["accept"]
    assert seen.headers["accept-encoding"] == "identity"
    assert "transfer-encoding" not in seen.headers


def test_headers_of_hosts_toml_follow_no_redirect_and_reach_no_token_service(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path, environ: dict[str, str]
) -> None:
    write(tmp_path, "certs.d/quay.io/hosts.toml", HEADERS.format(lying.url))
    bearer = ("WWW-Authenticate", f'Bearer realm="{other.url}/token",service="s"')
    moved = Reply(status=307, headers=(("Location", f"{other.url}/stored"),))
    lying.on("/v2/app/manifests/1", Reply(status=401, headers=(bearer,)), moved)
    other.on("/token", document({"token": "canary-token"}))
    other.on("/stored", GOOD)
    assert new_client(environ=environ).get_manifest("quay.io/app", "1").digest == DIGEST
    assert lying.seen[-1].authorization == "Bearer canary-token"
    assert [seen.target.partition("?")[0] for seen in other.seen] == ["/token", "/stored"]
    for seen in other.seen:
        assert "x-meant-for" not in seen.headers
        assert seen.authorization is None


def test_a_server_that_repeats_a_header_of_hosts_toml_shows_it_to_nobody(
    lying: Lying, new_client: NewClient, tmp_path: Path, environ: dict[str, str]
) -> None:
    write(tmp_path, "certs.d/quay.io/hosts.toml", HEADERS.format(lying.url))
    said = {"code": "DENIED", "message": "not for canary-one, canary-two, canary-two nor canary-stored"}
    lying.default = document({"errors": [said]}, 403)
    with pytest.raises(AccessDeniedError) as caught:
        new_client(environ=environ).get_manifest("quay.io/app", DIGEST)
    assert "not for ***, *** nor ***" in str(caught.value)
    assert "canary" not in f"{caught.value} {caught.value.hint} {caught.value.tried}"


def test_capabilities_are_read_in_any_case_and_none_are_all(tmp_path: Path, environ: dict[str, str]) -> None:
    text = (
        '[host."https://one.corp"]\ncapabilities = ["Pull"]\n[host."https://two.corp"]\ncapabilities = []\n'
    )
    write(tmp_path, "certs.d/quay.io/hosts.toml", text)
    assert asked("quay.io/app", environ) == ["one.corp/app d", "two.corp/app td", "quay.io/app td"]


# Certificates


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Give an authority that signs the server and its clients."""
    return trustme.CA()


@pytest.fixture
def mutual(authority: trustme.CA) -> Iterator[Lying]:
    """Give a registry that only talks to clients with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with Lying(context) as server:
        server.default = GOOD
        yield server


def client_files(authority: trustme.CA, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    mine = authority.issue_cert("me@example.org")
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    mine.cert_chain_pems[0].write_to_path(str(folder / "client.cert"))
    mine.private_key_pem.write_to_path(str(folder / "client.key"))


def test_a_client_certificate_of_certs_d_is_shown(
    mutual: Lying, authority: trustme.CA, new_client: NewClient, tmp_path: Path, environ: dict[str, str]
) -> None:
    client_files(authority, tmp_path / ".config" / "containers" / "certs.d" / mutual.address)
    assert new_client(environ=environ).head(f"{mutual.address}/app", "1").digest == DIGEST


def test_a_client_certificate_of_the_configuration_is_shown(
    mutual: Lying, authority: trustme.CA, new_client: NewClient, tmp_path: Path
) -> None:
    client_files(authority, tmp_path)
    ca, cert, key = (str(tmp_path / name) for name in ("ca.crt", "client.cert", "client.key"))
    client = new_client({mutual.address: HostSettings(ca=ca, cert=cert, key=key)})
    assert client.head(f"{mutual.address}/app", "1").digest == DIGEST


def test_a_client_certificate_is_shown_to_its_own_host_only(
    mutual: Lying, authority: trustme.CA, new_client: NewClient, tmp_path: Path, lying: Lying
) -> None:
    client_files(authority, tmp_path)
    ca, cert, key = (str(tmp_path / name) for name in ("ca.crt", "client.cert", "client.key"))
    client = new_client(
        {
            lying.address: HostSettings(ca=ca, cert=cert, key=key),
            mutual.address: HostSettings(ca=ca),
        }
    )
    with pytest.raises(RegistryError):
        client.head(f"{mutual.address}/app", "1")
    assert mutual.seen == []


def test_a_certificate_without_its_key_is_named(
    mutual: Lying, authority: trustme.CA, new_client: NewClient, tmp_path: Path, environ: dict[str, str]
) -> None:
    folder = tmp_path / ".config" / "containers" / "certs.d" / mutual.address
    client_files(authority, folder)
    (folder / "client.key").unlink()
    with pytest.raises(ConfigError, match="without a key") as caught:
        new_client(environ=environ).head(f"{mutual.address}/app", "1")
    assert caught.value.where == str(folder / "client.cert")


def test_an_encrypted_key_asks_no_terminal(
    new_client: NewClient, authority: trustme.CA, tmp_path: Path
) -> None:
    client_files(authority, tmp_path)
    (tmp_path / "client.key").write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    cert, key = (str(tmp_path / name) for name in ("client.cert", "client.key"))
    with pytest.raises(ConfigError, match="cannot read certificates"):
        new_client({"quay.io": HostSettings(cert=cert, key=key)}).head("quay.io/app", "1")


def test_the_certificate_of_the_configuration_counts_more_than_that_of_certs_d(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    folder = write(tmp_path, "certs.d/quay.io/client.cert", "").parent
    (folder / "client.key").write_text("")
    found = with_certificates("quay.io", HostSettings(), environ)
    assert (found.cert, found.key) == (str(folder / "client.cert"), str(folder / "client.key"))
    own = HostSettings(cert="own.pem", key="own.key")
    assert with_certificates("quay.io", own, environ) == own
