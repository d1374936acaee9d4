"""Whatever a registry sends is an error of that image, never the end of the run."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelock.errors import RegistryError
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_MANIFEST, Descriptor
from imagelock.registry.http.web_address import split_web_address
from support.lying import Reply
from support.world import deployment

if TYPE_CHECKING:
    from registry.conftest import NewClient
    from support.lying import Lying
    from support.world import World

REALMS = [
    "http:// /", "http://../", "http://a..b/", "http://[::1", "http://[zz]/", "http://a:b/", "http://a:99999/",
    "http://a:0/", "http://%00/", "http://\xff/", "https://", "//", "http:///x", "http://-a/", "http://a b/",
    "http://user@a/", "http://xn--/", "http://" + "a" * 300 + ".example/", "\x7f", "ftp://a/", "http://a\\b/",
]  # fmt: skip
HEADERS = [
    "WWW-Authenticate", "Location", "Link", "Retry-After", "RateLimit-Remaining", "Content-Type", "Docker-Content-Digest",
    "Content-Range", "Docker-Distribution-Api-Version", "Warning", "Date",
]  # fmt: skip
STATUSES = [200, 201, 202, 206, 301, 307, 400, 401, 403, 404, 416, 429, 500, 503]
WORDS = st.one_of(
    st.sampled_from(
        [*REALMS, "Bearer", 'Bearer realm="http://127.0.0.1:1/"', "<x>; rel=next", "sha256:", "-1"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    st.builds(lambda realm: f'Bearer realm="{realm}",service="x"', st.sampled_from(REALMS)),
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("realm", REALMS)
def test_a_realm_that_is_no_address_is_the_error_of_its_image(world: World, lying: Lying, realm: str) -> None:
    header = f'Bearer realm="{realm}",service="x",scope="repository:a:pull"'
    lying.default = Reply(status=401, headers=(("WWW-Authenticate", header),))
    good = world.push("quay.io/acme/app:1")
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    world.write("b.yaml", deployment(f"{lying.address}/acme/evil:1"))
    result = world.json("lock", "--keep-going", "--retry-time", "1")
    assert result.code == 3
    failed = [item["reference"] for item in result.document["findings"]]
    assert failed == [f"{lying.address}/acme/evil:1"]
    assert good in world.read("images.lock")


@QUICK
@given(
    status=st.sampled_from(STATUSES),
    fields=st.dictionaries(st.sampled_from(HEADERS), WORDS, max_size=4),
    body=st.binary(max_size=60),
)
def test_any_head_and_body_is_an_answer_or_a_registrys_error(
    lying: Lying, new_client: NewClient, status: int, fields: dict[str, str], body: bytes
) -> None:
    lying.default = Reply(status=status, headers=tuple(fields.items()), body=body)
    client = new_client(retry_time=0)
    blob = Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(b"x"), size=1)
    name = f"{lying.address}/app"
    for ask in (
        lambda: client.head(name, "1"),
        lambda: client.get_manifest(name, "1"),
        lambda: list(client.open_blob(name, blob)),
        lambda: client.resolve_tag(name, "1"),
        lambda: client.put_blob(name, blob, [b"x"]),
    ):
        with contextlib.suppress(RegistryError):
            ask()


@given(st.one_of(st.sampled_from(REALMS), st.text(max_size=40), st.text(max_size=20).map("http://".__add__)))
def test_an_address_has_a_host_or_is_refused_with_words(text: str) -> None:
    try:
        parts = split_web_address(text)
    except ValueError:
        return
    assert parts.scheme in ("http", "https")
    assert parts.hostname is not None
    assert parts.hostname.isascii()
    assert ".." not in parts.hostname
    assert not set(parts.hostname) & set(" /\\@\0")
