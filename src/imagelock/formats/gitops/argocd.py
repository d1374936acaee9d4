"""Argo CD Applications and ApplicationSets (``argoproj.io``): what each source sets for Helm and Kustomize.

A source is a mapping with ``repoURL``, wherever it stands: ``source``, ``sources[]``, the template of an
ApplicationSet, an Application inside the values of another.  Read of it: ``helm.parameters``,
``helm.values`` (YAML in a string), ``helm.valuesObject`` and ``kustomize.images``.  Files that
``helm.valueFiles`` names are files of their own.  Follows Argo CD's application specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required_behind
from imagelock.formats.classify.embedded import inner_documents
from imagelock.formats.classify.objects import group_of, kind_of, objects
from imagelock.formats.gitops.kustomization import patch_images
from imagelock.formats.kubernetes.objects import pod_images
from imagelock.formats.values.chart_values import TEXT_ROLE, parameter_images, value_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "argocd"
summary = (
    "Argo CD Applications and ApplicationSets: Helm parameters, values and valuesObject, Kustomize images"
)
marks: tuple[str, ...] = ("argoproj.io",)

_GROUP = "argoproj.io"
_KINDS = ("Application", "ApplicationSet")


def claims(document: Document) -> bool:
    """Take documents with an Application or an ApplicationSet."""
    return any(_is_application(item) for item in objects(document))


def _is_application(item: Node) -> bool:
    return group_of(item) == _GROUP and kind_of(item) in _KINDS


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every source in the document, and of the pods of other objects in it."""
    yield from _sources(document.top)
    yield from pod_images(document.top, name)


def _sources(top: Node) -> Iterator[Found]:
    for mapping in top.mappings():
        if mapping.get("repoURL") is not None:
            yield from _source(mapping)
        patch = mapping.get("templatePatch")
        for document in inner_documents(patch) if patch is not None else ():
            yield from _sources(document.top)


def _source(source: Node) -> Iterator[Found]:
    helm, kustomize = source.get("helm"), source.get("kustomize")
    if helm is not None:
        parameters, values, tree = (helm.get(key) for key in ("parameters", "values", "valuesObject"))
        if parameters is not None:
            yield from parameter_images(parameters, name)
        if values is not None and not values.document.is_first(TEXT_ROLE, values.raw):
            values = None
        for document in inner_documents(values) if values is not None else ():
            yield from value_images(document.top, name)
            yield from _sources(document.top)
        if tree is not None:
            yield from value_images(tree, name)
    if kustomize is not None:
        images = kustomize.get("images")
        for item in images.new_items("image") if images is not None else ():
            # Either the image itself, or what replaces it behind an equals sign.
            old, equals, _ = (item.text or "").partition("=")
            found = required_behind(item, old + equals if equals else "", name)
            if found is not None:
                yield found
        yield from patch_images(kustomize, name)
