"""Argo CD Applications and ApplicationSets (``argoproj.io``): what each source sets for Helm and Kustomize.

A source is a mapping with ``repoURL`` or one behind ``source`` or ``sources`` (a patch of an Application has no
``repoURL``), wherever it is: in the template of an ApplicationSet, in a ``templatePatch``, in an Application
inside the values of another.  Read of it: ``helm.parameters``, ``helm.values`` (YAML in a string),
``helm.valuesObject``, ``kustomize.images`` and patches, ``plugin.parameters``, and ``repoURL: oci://…`` with
``targetRevision``.  Files that ``helm.valueFiles`` names are files of their own.  What a template takes from list
and matrix generators is found there.  Follows Argo CD's application specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import possible, required_behind
from imagelock.formats.classify.embedded import inner_documents
from imagelock.formats.classify.objects import group_of, kind_of, objects
from imagelock.formats.gitops.generators import followed
from imagelock.formats.gitops.oci_source import oci_source
from imagelock.formats.gitops.patches import patch_images
from imagelock.formats.kubernetes.objects import pod_images
from imagelock.formats.values.chart_values import TEXT_ROLE, parameter_images, value_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "argocd"
summary = (
    "Argo CD Applications and ApplicationSets: Helm parameters, values and valuesObject, Kustomize images,"
    " plugin parameters, OCI sources, elements of generators"
)
marks: tuple[str, ...] = ("argoproj.io",)

_GROUP = "argoproj.io"
_KINDS = ("Application", "ApplicationSet")
_ROLE = "source"


def claims(document: Document) -> bool:
    """Take documents with an Application or an ApplicationSet."""
    return any(_is_application(item) for item in objects(document))


def _is_application(item: Node) -> bool:
    return group_of(item) == _GROUP and kind_of(item) in _KINDS


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every source in the document, and of the pods of other objects in it."""
    yield from followed(list(_sources(document.top)), document, name)
    yield from pod_images(document.top, name)


def _sources(top: Node) -> Iterator[Found]:
    for mapping in top.mappings():
        source, sources = mapping.get("source"), mapping.get("sources")
        listed = sources.items() if sources is not None else ()
        own = (mapping,) if mapping.get("repoURL") is not None else ()
        for item in (*own, *((source,) if source is not None else ()), *listed):
            if item.is_mapping and item.document.is_first(_ROLE, item.raw):
                yield from _source(item)
        patch = mapping.get("templatePatch")
        for document in inner_documents(patch) if patch is not None else ():
            yield from _sources(document.top)


def _source(source: Node) -> Iterator[Found]:
    yield from oci_source(source, name)
    helm, kustomize, plugin = (source.get(key) for key in ("helm", "kustomize", "plugin"))
    if helm is not None:
        yield from _helm(helm)
    if kustomize is not None:
        images = kustomize.get("images")
        for item in images.new_items("image") if images is not None else ():
            # Either the image itself, or what replaces it behind an equals sign.
            old, equals, _ = (item.text or "").partition("=")
            found = required_behind(item, old + equals if equals else "", name)
            if found is not None:
                yield found
        yield from patch_images(kustomize, name)
    if plugin is not None:
        yield from _plugin(plugin)


def _helm(helm: Node) -> Iterator[Found]:
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


def _plugin(plugin: Node) -> Iterator[Found]:
    """Read what a config management plugin is given, as far as a name says that it is an image."""
    parameters = plugin.get("parameters")
    for item in parameters.new_items("plugin parameter") if parameters is not None else ():
        key = item.get("name")
        says_image = key is not None and "image" in (key.text or "").lower()
        array, mapping = item.get("array"), item.get("map")
        texts = [text] if (text := item.get("string")) is not None and says_image else []
        texts += list(array.items()) if array is not None and says_image else []
        texts += [
            value
            for word, value in (mapping.entries() if mapping is not None else ())
            if says_image or "image" in word.lower()
        ]
        for value in texts:
            found = possible(value, name)
            if found is not None:
                yield found
