"""``Chart.yaml`` of Helm charts: the images that an annotation lists, as YAML in a string.

Read: ``artifacthub.io/images``, ``helm.sh/images`` and ``images``, each a list of mappings with ``image``
or of texts.  Follows "Artifact Hub annotations" of Artifact Hub's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import possible, required
from imagelock.formats.classify.embedded import inner_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "helm-chart"
summary = "Chart.yaml of Helm charts: annotations images, artifacthub.io/images, helm.sh/images"
marks: tuple[str, ...] = ("images",)

ANNOTATIONS = ("images", "artifacthub.io/images", "helm.sh/images")


def matches_name(text: Text) -> bool:
    """Take files called Chart.yaml: Helm knows no other name."""
    return text.file_name.lower() in ("chart.yaml", "chart.yml")


def claims(document: Document) -> bool:
    """Take what has the three fields that every chart must have, and is not a Kubernetes object."""
    top = document.top
    has_all = all(top.get(key) is not None for key in ("apiVersion", "name", "version"))
    return has_all and top.get("kind") is None


def find(document: Document) -> Iterator[Found]:
    """Yield the images that the annotations list."""
    for key in ANNOTATIONS:
        annotation = document.top.get("annotations", key)
        for inner in inner_documents(annotation) if annotation is not None else ():
            for item in inner.top.items():
                found = _found(item)
                if found is not None:
                    yield found


def _found(item: Node) -> Found | None:
    image = item.get("image")
    return required(image, name) if image is not None else possible(item, name)
