"""Sources of Argo CD in an OCI registry: ``repoURL: oci://…`` with ``targetRevision``, charts or plain artifacts.

Argo CD takes a tag or a digest as the revision and not both, and of a chart a version alone, so what is found is
locked, mirrored and checked, and not pinned.  Follows "OCI" of Argo CD's user guide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import has_variable, is_template, skipped
from imagelock.formats.values.split_reference import text_of
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Damaged, Place, SkipKind
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Found

SCHEME = "oci://"
NO_DIGEST = "Argo CD takes a tag or a digest as targetRevision, and no tag with its digest"
RANGE = "floats on purpose: a range of versions"
NO_REPOSITORY = "no repository of an OCI registry"
_RANGE = lazy_regex(r"[*^~<>= |]|\.x\b|^$|^(?:HEAD|latest)$", re.IGNORECASE)


def oci_source(source: Node, format_name: str) -> Iterator[Found]:
    """Yield the artifact that a source is taken from, if it is one of an OCI registry."""
    url, revision = source.get("repoURL"), source.get("targetRevision")
    written = text_of(url)
    if url is None or not written.startswith(SCHEME) or not url.document.is_first("oci source", url.raw):
        return
    chart, version = text_of(source.get("chart")), text_of(revision)
    repository = "/".join(filter(None, (written.removeprefix(SCHEME).rstrip("/"), chart)))
    if is_template(repository + version) or has_variable(repository + version):
        yield skipped(url, "a template", format_name, SkipKind.TEMPLATE)
    elif _RANGE.search(version) is not None:
        yield skipped(url, RANGE, format_name)
    else:
        yield _artifact(url, repository, version, format_name)


def _artifact(url: Node, repository: str, version: str, format_name: str) -> Found:
    # A tag has no plus: Helm writes an underscore for it.
    separator = "@" if version.startswith("sha256:") else ":"
    text = f"{repository}{separator}{version.replace('+', '_')}"
    reference = Reference.parse_or_none(text)
    url.document.taken.add(url.offset)
    line, column = url.position
    if reference is None:
        return Damaged(text=text, line=line, column=column, reason=NO_REPOSITORY, format=format_name)
    return Place(
        reference=reference,
        slots=(),
        line=line,
        column=column,
        document=url.document.index,
        path=url.path,
        format=format_name,
        refusal=NO_DIGEST,
    )
