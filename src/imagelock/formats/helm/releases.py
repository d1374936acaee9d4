"""Values that other tools set for Helm charts: k3s, Crossplane, Cluster API, Fleet and helmfile.

Read: ``valuesContent`` and ``jobImage`` of k3s' ``HelmChart`` and ``HelmChartConfig``, ``values`` and ``set``
of Crossplane's ``Release``, ``valuesTemplate`` of ``HelmChartProxy``, ``helm.values`` of ``fleet.yaml`` and of
its customizations, ``values`` and ``set`` of a helmfile's releases.  Files that they name are files of their
own.  Follows the documentation of these tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.formats.classify.embedded import inner_documents
from imagelock.formats.classify.objects import group_of, kind_of, objects
from imagelock.formats.kubernetes.objects import pod_images
from imagelock.formats.values.chart_values import TEXT_ROLE, parameter_images, value_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "helm-releases"
summary = (
    "values for Helm charts of k3s HelmCharts, Crossplane Releases, HelmChartProxies, Fleet and helmfile"
)
marks: tuple[Mark, ...] = (
    *(".cattle.io/", "helm.crossplane.io/", "HelmChartProxy"),
    *("\nreleases", "\nhelm"),
)

_TEXTS = {
    ("helm.cattle.io", "HelmChart"): ("spec", "valuesContent"),
    ("k3s.cattle.io", "HelmChart"): ("spec", "valuesContent"),
    ("helm.cattle.io", "HelmChartConfig"): ("spec", "valuesContent"),
    ("addons.cluster.x-k8s.io", "HelmChartProxy"): ("spec", "valuesTemplate"),
}
_RELEASE = ("helm.crossplane.io", "Release")
_FLEET = ("fleet.yaml", "fleet.yml")


def claims(document: Document) -> bool:
    """Take objects by their kind, Fleet's file by its name, and helmfiles by their releases of charts."""
    top = document.top
    if top.get("apiVersion") is not None:
        return any(_is_known(item) for item in objects(document))
    return (document.text.file_name in _FLEET and top.get("helm") is not None) or any(
        release.get("chart") is not None and release.get("name") is not None for release in _releases(top)
    )


def _is_known(item: Node) -> bool:
    key = (group_of(item), kind_of(item))
    return key in _TEXTS or key == _RELEASE


def _releases(top: Node) -> Iterator[Node]:
    releases = top.get("releases")
    yield from releases.items() if releases is not None else ()


def find(document: Document) -> Iterator[Found]:
    """Yield the images of all values in the document."""
    if document.top.get("apiVersion") is not None:
        for item in objects(document):
            if _is_known(item):
                yield from _object(item)
            elif item.get("spec") is not None:
                yield from pod_images(item, name)
        return
    for release in _releases(document.top):
        values = release.get("values")
        for inline in values.new_items("inline values") if values is not None else ():
            yield from _values(inline)
        yield from _set(release.get("set"))
    customizations = document.top.get("targetCustomizations")
    for part in (document.top, *(customizations.items() if customizations is not None else ())):
        yield from _values(part.get("helm", "values"))


def _object(item: Node) -> Iterator[Found]:
    key = (group_of(item), kind_of(item))
    if key == _RELEASE:
        yield from _values(item.get("spec", "forProvider", "values"))
        yield from _set(item.get("spec", "forProvider", "set"))
        return
    text = item.get(*_TEXTS[key])
    if text is not None and text.document.is_first(TEXT_ROLE, text.raw):
        for inner in inner_documents(text):
            yield from value_images(inner.top, name)
    image = item.get("spec", "jobImage")
    found = required(image, name) if image is not None else None
    if found is not None:
        yield found


def _values(node: Node | None) -> Iterator[Found]:
    if node is not None and node.is_mapping:
        yield from value_images(node, name)


def _set(node: Node | None) -> Iterator[Found]:
    if node is not None:
        yield from parameter_images(node, name)
