"""Catalogs of OLM that hold ClusterServiceVersions in base64: found, reported, never written."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from imagelock.formats.olm.catalog import ENCODED
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place
from support.bundles import HIDDEN, OPERATOR, PROXY, SERVER, bundle

if TYPE_CHECKING:
    from support.world import World


def catalog(*objects: str) -> str:
    """Return a bundle's blob with these objects in base64, as `opm render` writes older catalogs."""
    properties = [{"type": "olm.package", "value": {"packageName": "web", "version": "1.0.0"}}]
    properties += [
        {"type": "olm.bundle.object", "value": {"data": base64.b64encode(item.encode()).decode()}}
        for item in objects
    ]
    blob = {
        "schema": "olm.bundle",
        "name": "web.v1",
        "image": "quay.io/acme/web-bundle:1.0",
        "properties": properties,
    }
    return json.dumps(blob, indent=4) + "\n"


def places(text: str) -> list[Place]:
    """Return the places of a catalog."""
    return [item for item in find(Text("catalog.json", text)) if isinstance(item, Place)]


def test_images_of_an_encoded_bundle_are_found_and_cannot_be_written() -> None:
    found = places(catalog(bundle(), "kind: CustomResourceDefinition\nspec: {image: a/b:1}\n"))
    assert [str(item.reference) for item in found if item.pinnable] == ["quay.io/acme/web-bundle:1.0"]
    inside = [item for item in found if not item.pinnable]
    assert {str(item.reference) for item in inside} == {OPERATOR, SERVER, PROXY, HIDDEN}
    assert {item.refusal for item in inside} == {ENCODED}
    assert inside[0].path.startswith("properties[1].value.data > ")


@pytest.mark.parametrize(
    "data", ["no base64!", base64.b64encode(b"ClusterServiceVersion: [").decode(), "/w==", ""]
)
def test_what_is_no_bundle_is_no_error(data: str) -> None:
    text = catalog().replace('"version": "1.0.0"', f'"version": "1.0.0", "data": "{data}"')
    text = text.replace("olm.package", "olm.bundle.object")
    assert [str(item.reference) for item in places(text)] == ["quay.io/acme/web-bundle:1.0"]


def test_what_cannot_be_written_is_reported_with_the_way_out(world: World) -> None:
    for reference in (OPERATOR, SERVER, PROXY, HIDDEN, "quay.io/acme/web-bundle:1.0"):
        world.push(reference)
    world.write("catalog.json", catalog(bundle()))
    assert world.run("lock").code == 0
    result = world.json("pin")
    assert set(result.codes) == {"IL113"}
    assert "render the catalog again" in result.document["findings"][0]["message"]
    assert '"image": "quay.io/acme/web-bundle:1.0@sha256:' in world.read("catalog.json")


def test_a_catalog_names_digests_alone_where_bundles_do(world: World) -> None:
    digest = world.push("quay.io/acme/web-bundle:1.0")
    for reference in (OPERATOR, SERVER, PROXY, HIDDEN):
        world.push(reference)
    source = "---\napiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nspec: {image: 'quay.io/acme/web-bundle:1.0'}\n"
    world.write("catalog.yaml", "schema: olm.bundle\nimage: quay.io/acme/web-bundle:1.0\n" + source)
    world.configure("[olm]\nrelated-images = true\n")
    assert world.run("lock").code == 0
    assert world.run("pin").code == 0
    text = world.read("catalog.yaml")
    assert f"\nimage: quay.io/acme/web-bundle@{digest}\n" in text
    assert f"spec: {{image: 'quay.io/acme/web-bundle:1.0@{digest}'}}" in text
    assert world.run("check", "--strict").code == 0
    assert world.run("pin", "--check").code == 0
    rebuilt = world.push("quay.io/acme/web-bundle:1.0", "rebuilt")
    assert world.run("update", "quay.io/acme/web-bundle").code == 0
    assert world.read("catalog.yaml") == text.replace(digest, rebuilt)
    assert world.run("lock", "--check").code == 0
