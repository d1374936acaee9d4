"""Values files of Helm charts: ``values.yaml``, ``values-prod.yaml``, ``prod.values.yaml``, ``values/prod.yaml``.

``shop-static-overrides.yaml`` of StarlingX is one as well.  A values file has no mark of its own, so its name, the chart around it or another file that names it as one counts
beside its content: a mapping that is not a Kubernetes object.  An empty tag means the appVersion of the chart, where
that is known.
Follows "Values Files" of Helm's documentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.values.chart_values import value_images
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "helm-values"
summary = (
    "values of Helm charts: image texts, registry/repository/tag/digest apart, imageTag, global.imageRegistry"
)
marks: tuple[str, ...] = ("image", "Image", "repository")

# Names in use: values.yaml, values-prod.yaml, prod.values.yaml, my_values.json.
_NAME = lazy_regex(r"(?:.*[-_.])?values(?:[-_.].*)?\.(?:ya?ml|json)", re.IGNORECASE | re.ASCII)
# StarlingX's overrides of a chart: shop-static-overrides.yaml.
_OVERRIDES = lazy_regex(r".*-static-overrides\.ya?ml", re.ASCII)
# Written by a template, beside the name that the result has.
_TEMPLATE_SUFFIX = lazy_regex(r"\.(?:gotmpl|tmpl|tplt|tpl|j2|jinja2?)\Z")
_FOLDERS = ("values", "helm-values", "helm_values")
_OTHER_FOLDERS = ("templates", "crds", "charts")
_OTHER_NAMES = ("values.schema.json", "Chart.yaml", "Chart.lock", "requirements.yaml", "requirements.lock")
_OTHER_FILES = lazy_regex(r"(?:docker-)?compose|kustomization|devfile|skaffold|ct\.ya?ml|\.", re.IGNORECASE)
"""Files of other tools that people keep beside a chart, hidden ones among them."""
_OTHER_TOPS = ("kind", "schemaVersion", "jobs", "dependencies")


def is_named(text: Text) -> bool:
    """Whether a file is called as values files are."""
    file_name = _TEMPLATE_SUFFIX.sub("", text.file_name)
    return any(pattern.fullmatch(file_name) for pattern in (_NAME, _OVERRIDES))


def matches_name(text: Text) -> bool:
    """Take values files by their name, and what lies in a chart outside its templates."""
    if text.file_name in _OTHER_NAMES:
        return False
    if is_named(text) or text.is_said_to_be(name):
        return True
    *folders, _ = text.path.split("/")
    if text.chart is None:
        return bool(folders) and folders[-1] in _FOLDERS
    below = text.path.removeprefix(f"{text.chart.folder}/").split("/")
    is_other = bool(set(below[:-1]) & set(_OTHER_FOLDERS)) or any(map(_OTHER_FILES.match, below))
    return not is_other


def claims(document: Document) -> bool:
    """Take mappings that are neither Kubernetes objects nor schemas.

    A file with the name of a values file may have any key at its top; of the others in a chart, those that
    have the top of another tool's files are left to that tool.
    """
    top = document.top
    if not top.is_mapping or _is_object(top) or _is_schema(top):
        return False
    if is_named(document.text) or document.text.is_said_to_be(name):
        return True
    return all(top.get(key) is None for key in _OTHER_TOPS)


def _is_object(top: Node) -> bool:
    """Whether this is a Kubernetes object: a chart may have a value called ``kind``."""
    return all((value := top.get(key)) is not None and value.text for key in ("apiVersion", "kind"))


def _is_schema(top: Node) -> bool:
    """Whether this describes values or an API: a chart may have a value called ``swagger``."""
    if top.get("$schema") is not None and top.get("properties") is not None:
        return True
    return any((value := top.get(key)) is not None and value.scalar for key in ("openapi", "swagger"))


def find(document: Document) -> Iterator[Found]:
    """Yield the images of the values."""
    yield from value_images(document.top, name, document.text.chart)
