"""Flux objects: values, artifacts and image entries; what floats on purpose is told."""

from __future__ import annotations

import pytest

from imagelock.formats.gitops.flux import FLOATS, NO_DIGEST_KEY
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.formats.values.split_reference import NO_APP_VERSION, NULL_DIGEST
from imagelock.model.place import Damaged
from support.formats import DIGEST, pinned, places, reasons, references, unpinned

RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web}
spec:
  valuesFrom:
  - {kind: ConfigMap, name: image}
  values:
    image:
      repository: acme/web   # kept
      tag: v1
    sidecars: |
      - image: acme/side:1
"""


def text(content: str) -> Text:
    return Text("flux.yaml", content)


def artifact(ref: str, url: str = "oci://ghcr.io/acme/app") -> Text:
    return text(
        f"apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nspec:\n  url: {url}\n  ref: {ref}\n"
    )


def test_the_values_of_a_release_are_pinned_and_put_back() -> None:
    assert references(text(RELEASE)) == ["acme/web:v1", "acme/side:1"]
    after = pinned(text(RELEASE))
    assert f"      tag: v1@{DIGEST}\n" in after
    assert f"      - image: acme/side:1@{DIGEST}\n" in after
    assert unpinned(text(after)) == RELEASE


def test_releases_of_the_first_flux_are_read_too() -> None:
    assert references(text(RELEASE.replace("helm.toolkit.fluxcd.io/v2", "helm.fluxcd.io/v1")))


def test_an_empty_tag_means_a_chart_that_is_not_here() -> None:
    (place, _) = places(text(RELEASE.replace("tag: v1", 'tag: ""')))

    assert (place.refusal, place.tag_is_known) == (NO_APP_VERSION, False)


def test_an_artifact_takes_a_digest_in_its_own_key() -> None:
    before = artifact('{tag: "1.2", digest: ""}')

    assert references(before) == ["ghcr.io/acme/app:1.2"]
    assert references(text(pinned(before))) == [f"ghcr.io/acme/app:1.2@{DIGEST}"]
    assert unpinned(text(pinned(before))) == before.content


@pytest.mark.parametrize(
    ("ref", "refusal"),
    [("{tag: v1}", NO_DIGEST_KEY), ("{}", NO_DIGEST_KEY), ("{tag: v1, digest: }", NULL_DIGEST)],
)
def test_an_artifact_without_such_a_key_is_told(ref: str, refusal: str) -> None:
    (place,) = places(artifact(ref))

    assert (place.pinnable, place.refusal) == (False, refusal)


def test_what_floats_on_purpose_is_told() -> None:
    policy = text(
        "apiVersion: image.toolkit.fluxcd.io/v1beta2\nkind: ImageRepository\nspec: {image: ghcr.io/acme/app}\n"
    )

    assert reasons(artifact("{semver: '>=1.0'}")) == [(">=1.0", FLOATS)]
    assert reasons(policy) == [("ghcr.io/acme/app", FLOATS)]
    assert places(policy) == []


def test_images_of_a_kustomization_and_of_post_renderers_are_entries() -> None:
    entries = "images: [{name: a, newName: acme/a, newTag: v1}]"
    kustomization = f"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  {entries}\n"
    release = f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  postRenderers:\n  - kustomize: {{{entries}}}\n"

    assert references(text(kustomization)) == ["acme/a:v1"]
    assert references(text(release)) == ["acme/a:v1"]


def test_objects_in_a_list_are_read_and_others_left() -> None:
    listed = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        f"{'- ' if i == 0 else '  '}{line}\n" for i, line in enumerate(RELEASE.splitlines())
    )

    assert references(text(listed)) == ["acme/web:v1", "acme/side:1"]


@pytest.mark.parametrize(
    "content",
    [
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nspec: {type: oci, url: 'oci://ghcr.io/acme/charts'}\n",
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nspec: {url: 'https://git.example/a', ref: {tag: v1}}\n",
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nspec: {imageRepositoryRef: {name: app}}\n",
        "apiVersion: example.io/v1\nkind: OCIRepository\nspec: {url: 'oci://ghcr.io/acme/app'}\n",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec: {chart: {spec: {chart: image}}}\n",
    ],
)
def test_other_objects_hold_no_image(content: str) -> None:
    assert places(text(content)) == []


def test_a_url_that_is_no_repository_is_damage() -> None:
    found = find(artifact("{tag: v1}", "oci://GHCR.io/Acme/App"))

    assert [type(item) for item in found] == [Damaged]


def test_a_url_with_a_variable_is_a_template() -> None:
    assert reasons(artifact("{tag: v1}", "'oci://${REGISTRY}/app'")) == [
        ("oci://${REGISTRY}/app", "a template")
    ]


def test_what_a_resource_set_holds_is_read_like_objects_of_their_own() -> None:
    content = text(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nspec:\n  resources:\n"
        "  - apiVersion: source.toolkit.fluxcd.io/v1\n    kind: OCIRepository\n"
        "    spec: {url: 'oci://a/b', ref: {tag: '1', digest: ''}}\n"
        "  - apiVersion: helm.toolkit.fluxcd.io/v2\n    kind: HelmRelease\n"
        "    spec: {values: {image: {repository: c/d, tag: '2'}}}\n"
        "  - {apiVersion: v1, kind: Pod, spec: {containers: [{name: x, image: 'e/f:3'}]}}\n"
    )
    assert references(content) == ["a/b:1", "c/d:2", "e/f:3"]
    assert pinned(content).count(str(DIGEST)) == 3
