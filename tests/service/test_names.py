"""Names with a port, names nobody wrote to, and digests below the wrong kind of path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.demo.sample_image import LINUX_AMD64, push_sample, sample_image
from support.wire import Wire

if TYPE_CHECKING:
    from imagelock.service.embedded import EmbeddedRegistry
    from imagelock.stores.local import LocalStore


def test_a_name_with_a_port_is_served_where_mirrors_and_nodes_look(
    registry: EmbeddedRegistry, store: LocalStore
) -> None:
    image = sample_image("port", (LINUX_AMD64,))
    push_sample(store, "localhost:5000/team/app", "1.0", image)
    with Wire(registry.address) as wire:
        for target in ("1.0", image.content.digest):
            reply = wire.ask("GET", f"/v2/localhost-5000/team/app/manifests/{target}")
            assert (reply.status, reply.body) == (200, image.content.body)
        for descriptor, data in image.blobs:
            assert wire.ask("GET", f"/v2/localhost-5000/team/app/blobs/{descriptor.digest}").body == data
        assert wire.ask("GET", "/v2/_catalog").json == {"repositories": ["localhost-5000/team/app"]}


def test_a_repository_of_exactly_that_name_comes_first(registry: EmbeddedRegistry, store: LocalStore) -> None:
    push_sample(store, "localhost:5000/app", "1.0", sample_image("with a port"))
    exact = sample_image("exact")
    push_sample(store, "localhost-5000/app", "1.0", exact)
    with Wire(registry.address) as wire:
        assert wire.ask("GET", "/v2/localhost-5000/app/manifests/1.0").body == exact.content.body


def test_the_digest_of_a_manifest_is_not_a_blob(registry: EmbeddedRegistry, store: LocalStore) -> None:
    image = sample_image("manifest", (LINUX_AMD64,))
    push_sample(store, "app", "1.0", image)
    with Wire(registry.address) as wire:
        for digest in (image.content.digest, image.children[0].digest):
            for method in ("HEAD", "GET"):
                assert wire.ask(method, f"/v2/app/blobs/{digest}").status == 404


def test_a_blob_is_not_in_a_repository_that_nobody_wrote_to(
    registry: EmbeddedRegistry, store: LocalStore
) -> None:
    image = sample_image("shared")
    push_sample(store, "app", "1.0", image)
    blob = image.blobs[0][0].digest
    with Wire(registry.address) as wire:
        for path in (f"blobs/{blob}", "manifests/1.0", "tags/list"):
            assert wire.ask("GET", f"/v2/unknown/{path}").status == 404
        assert wire.ask("POST", f"/v2/other/blobs/uploads/?mount={blob}&from=app").status == 201
        assert wire.ask("HEAD", f"/v2/other/blobs/{blob}").status == 200
