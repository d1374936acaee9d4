"""Epiphany's cluster manifest: which features the components of a cluster use.

``epiphany-cluster`` counts the components, ``configuration/feature-mappings`` (in older releases
``configuration/feature-mapping`` and ``configuration/roles-mapping``) says which features each has; ``epicli`` writes
both into one file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.model.requirement import Component, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node

CLUSTER = "epiphany-cluster"
_MAPPINGS = {
    "configuration/feature-mappings": "mappings",
    "configuration/feature-mapping": "roles_mapping",
    "configuration/roles-mapping": "roles",
}
"""The kinds that say it, the newest first, and the key of each."""
KINDS = (CLUSTER, *_MAPPINGS)


def is_manifest(text: Text) -> bool:
    """Whether a text holds one of the documents."""
    return any(True for _ in _documents(text))


def read_manifest(texts: Sequence[Text]) -> Manifest | None:
    """Return the manifest that these files are together; None where none has a cluster."""
    documents = [document for text in texts for document in _documents(text)]
    cluster = next((item for item in documents if _kind(item) == CLUSTER), None)
    mapping = next((item for item in documents if _kind(item) in _MAPPINGS), None)
    used = cluster.top.get("specification", "components") if cluster is not None else None
    if cluster is None or used is None:
        return None
    features = _features(mapping) if mapping is not None else {}
    components = [
        _component(name, node, features, cluster.text.path)
        for name, node in used.entries()
        if _count(node) > 0
    ]
    return Manifest(components=tuple(components), is_mapped=mapping is not None)


def _documents(text: Text) -> Iterator[Document]:
    """Yield the documents of a manifest's kinds; broken ones are left to the scan, which reports them."""
    if not any(kind in text.content for kind in KINDS):
        return
    for chunk in chunks(text):
        try:
            document = compose(text, chunk)
        except FormatError:
            continue
        if document is not None and _kind(document) in KINDS:
            yield document


def _kind(document: Document) -> str:
    kind = document.top.get("kind")
    return "" if kind is None else kind.text or ""


def _features(document: Document) -> dict[str, tuple[str, ...]]:
    """Return the features of each component, its name with hyphens: both spellings are in use."""
    mappings = document.top.get("specification", _MAPPINGS[_kind(document)])
    return {
        _spelled(name): tuple(item.text for item in node.items() if item.text)
        for name, node in (mappings.entries() if mappings is not None else ())
    }


def _component(name: str, node: Node, features: dict[str, tuple[str, ...]], file: str) -> Component:
    line, column = node.position
    known = features.get(_spelled(name), ())
    return Component(name=name, features=tuple(map(_spelled, known)), file=file, line=line, column=column)


def _count(node: Node) -> int:
    """Return how many machines a component has; what is no number counts as used, so that it is not passed over."""
    count = node.get("count")
    text = "" if count is None else count.scalar or ""
    return int(text) if text.isdecimal() else int(count is not None)


def _spelled(name: str) -> str:
    """Return a component or feature with hyphens: ``kubernetes_master`` and ``kubernetes-master`` are one."""
    return name.replace("_", "-")
