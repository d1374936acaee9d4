"""Flux objects (``toolkit.fluxcd.io``): values of a HelmRelease, OCIRepository, images of a Kustomization.

Read: ``spec.values`` as the values of a chart, ``postRenderers[].kustomize`` and ``spec.images`` as
Kustomize does, patches written in place, and ``spec.url`` with ``spec.ref`` of an OCIRepository, which
takes a digest in a key of its own only; the same in ``spec.resources`` of a ResourceSet.  ``valuesFrom``
names other objects and is not read.  What floats on purpose (ImageRepository, a semver range) is reported.  Follows Flux's API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import has_variable, is_template, skipped
from imagelock.formats.classify.objects import group_of, kind_of, objects
from imagelock.formats.gitops.kustomization import image_entries
from imagelock.formats.gitops.patches import patch_images
from imagelock.formats.kubernetes.objects import pod_images
from imagelock.formats.values.added_keys import insertion
from imagelock.formats.values.chart_values import value_images
from imagelock.formats.values.digest_key import judge_beside_digest
from imagelock.model.place import SkipKind
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found, Slot

name = "flux"
summary = "Flux: values of HelmRelease, OCIRepository with ref.tag and ref.digest, images of Kustomization"
marks: tuple[str, ...] = ("fluxcd.",)

SCHEME = "oci://"
FLOATS = "floats on purpose: Flux looks for new tags here"
NO_DIGEST_KEY = (
    'Flux reads a digest only from ref.digest: add `digest: ""`, or have `pin --insert-keys` add it'
)
_SET = "ResourceSet"
_GROUPS = ("helm.fluxcd.io", "flux.weave.works")


def claims(document: Document) -> bool:
    """Take documents with an object of Flux's groups."""
    return any(_is_flux(item) for item in _objects(document, "claimed"))


def _objects(document: Document, role: str) -> Iterator[Node]:
    """Yield the objects of a document, those that a ResourceSet holds included."""
    for item in objects(document):
        yield item
        resources = item.get("spec", "resources") if kind_of(item) == _SET else None
        yield from resources.new_items(role) if resources is not None else ()


def _is_flux(item: Node) -> bool:
    group = group_of(item)
    return group.endswith(".toolkit.fluxcd.io") or group in _GROUPS


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every object of Flux in the document."""
    for item in _objects(document, "found"):
        spec = item.get("spec")
        kind = kind_of(item)
        if spec is None or kind == _SET:
            continue
        if not _is_flux(item):
            yield from pod_images(item, name)
        elif kind == "HelmRelease":
            yield from _release(spec)
        elif kind == "OCIRepository":
            yield from _artifact(spec)
        elif kind == "ImageRepository":
            image = spec.get("image")
            if image is not None and image.text:
                yield skipped(image, FLOATS, name)
        elif kind == "Kustomization":
            yield from _kustomize(spec)


def _release(spec: Node) -> Iterator[Found]:
    values = spec.get("values")
    if values is not None:
        yield from value_images(values, name)
    renderers = spec.get("postRenderers")
    for renderer in renderers.items() if renderers is not None else ():
        kustomize = renderer.get("kustomize")
        if kustomize is not None:
            yield from _kustomize(kustomize)


def _kustomize(node: Node) -> Iterator[Found]:
    images = node.get("images")
    if images is not None:
        yield from image_entries(images, name)
    yield from patch_images(node, name)


def _artifact(spec: Node) -> Iterator[Found]:
    """Yield the artifact of an OCIRepository: repository in the url, version in the ref."""
    url, ref = spec.get("url"), spec.get("ref")
    if url is None or not (url.text or "").startswith(SCHEME):
        return
    parts = {key: ref.get(key) if ref is not None else None for key in ("tag", "digest", "semver")}
    texts = {key: "" if node is None or node.is_null else node.scalar or "" for key, node in parts.items()}
    written = (url.text or "").removeprefix(SCHEME).rstrip("/")
    semver = parts["semver"]
    if not texts["digest"] and semver is not None and texts["semver"]:
        yield skipped(semver, FLOATS, name)
        return
    suffix = (f":{texts['tag']}" if texts["tag"] else "") + (f"@{texts['digest']}" if texts["digest"] else "")
    missing = insertion(url, "ref", "digest") if ref is None else _missing(parts["tag"])
    yield _judged(url, parts["digest"], written + suffix, missing)


def _missing(tag: Node | None) -> Slot | None:
    return None if tag is None or tag.is_null else insertion(tag, "digest")


def _judged(url: Node, digest: Node | None, written: str, missing: Slot | None) -> Found:
    url.document.taken.add(url.offset)
    if (is_template(written) or has_variable(written)) and Reference.parse_or_none(written) is None:
        return skipped(url, "a template", name, SkipKind.TEMPLATE)
    return judge_beside_digest(
        url,
        written,
        lambda: Reference.parse(written),
        digest,
        absent=NO_DIGEST_KEY,
        format_name=name,
        added=missing,
    )
