"""The values of Helm charts, wherever they stand: a values file, a HelmRelease, an Application.

A chart decides what its values mean, so only shapes that many charts share count: ``image: name:tag``,
``image`` with ``registry``, ``repository`` (or ``name``), ``tag`` and ``digest``; ``imageTag`` beside
``image``; ``images.tags`` of OpenStack-Helm; ``global.imageRegistry``, which fills an empty registry and
makes every other case one to be told.  Follows Helm's chart best practices and the charts of Artifact Hub.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
from imagelock.formats.candidates import is_template, possible, required, skipped
from imagelock.formats.nested import inner_documents
from imagelock.formats.split import SHARED, Parts, joined
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.tree import Node
    from imagelock.model.place import Found

IMAGE_KEY = re.compile(
    r"(?P<stem>(?:.*[-_.])?image|[a-zA-Z0-9]*Image)(?:[_-]?[nN]ame|[_-]?[rR]epository|[_-]?[rR]epo)?",
    re.ASCII,
)
"""Keys whose text is an image, or its name beside ``<stem>Tag``."""
_IMAGE_WORD = re.compile(r"image", re.IGNORECASE)
_OTHER_REPOSITORY = re.compile(r"git|chart|helm|repo|source|vcs|maven|npm|backup|restic", re.IGNORECASE)
_IMAGE_MARKS = frozenset({"tag", "digest", "registry", "pullPolicy", "pullSecrets", "imagePullPolicy"})
_GIT_MARKS = frozenset({"url", "branch", "ref", "revision", "path", "chart", "username", "password"})
_MACHINE_MARKS = frozenset({"flavor", "machineType", "instanceType", "vmSize", "ami", "alt", "href", "width"})
_FILES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".iso", ".qcow2", ".img", ".vmdk", ".raw")
_KEYS_APART = ("registry", "repository", "name", "image", "tag", "digest", "sha", "hub")
SHA_KEY = "the digest stands in a key sha, without its algorithm"
OTHER_REGISTRY = "global.imageRegistry is {}: whether it replaces the registry is the chart's to say"
NAME_OR_REPOSITORY = "repository and name: which of them is the image is the chart's to say"
NO_REPOSITORY = "a tag without a repository beside it: the name is in another file"
BARE_WORD = "one word without a tag: an image of another kind may be meant"


@dataclass(frozen=True, slots=True)
class Context:
    """What counts for all values of one tree."""

    format: str
    app_version: str | None = None
    registry: str = ""


def value_images(top: Node, format_name: str, app_version: str | None = None) -> Iterator[Found]:
    """Yield the images of a tree of values; ``app_version`` is what an empty tag means, if it is known."""
    registry = top.get("global", "imageRegistry") or top.get("global", "image", "registry")
    context = Context(format_name, app_version, (registry.text or "") if registry is not None else "")
    candidates = [item for mapping in top.mappings() for item in _of_mapping(mapping, context)]
    parts = [item for item in candidates if isinstance(item, Parts)]
    fills = Counter({key: len(names) for key, names in _names_by_slot(parts).items()})
    for item in candidates:
        if isinstance(item, Parts):
            is_shared = fills[id(item.filled.raw)] > 1
            item = joined(replace(item, refusal=SHARED) if is_shared else item, format_name)  # noqa: PLW2901 - judged
        if item is not None:
            yield item
    yield from _texts(top, context)


def _names_by_slot(parts: list[Parts]) -> dict[int, set[str]]:
    names: dict[int, set[str]] = {}
    for item in parts:
        names.setdefault(id(item.filled.raw), set()).add(item.text)
    return names


def _texts(top: Node, context: Context) -> Iterator[Found]:
    """Yield the images of YAML and JSON that stand in strings."""
    for _, node in top.strings_with("image"):
        if node.offset in node.document.taken or "\n" not in (node.text or ""):
            continue
        for document in inner_documents(node):
            yield from value_images(document.top, context.format, context.app_version)


def _of_mapping(mapping: Node, context: Context) -> Iterator[Parts | Found | None]:
    fields = _fields(mapping)
    key = mapping.path.rpartition(".")[2].rpartition(">")[2].strip().partition("[")[0]
    used = False
    if "repository" in fields or ("name" in fields and _IMAGE_WORD.search(key)):
        apart = _apart(fields, key, context)
        used = apart is not None
        yield apart
    elif _is_image(key) and "tag" in fields and "image" not in fields and _is_text(fields["tag"]):
        yield skipped(fields["tag"], NO_REPOSITORY, context.format)
    if not used:
        for name, value in fields.items():
            match = IMAGE_KEY.fullmatch(name)
            if match is not None and value.text:
                yield _of_key(fields, name, match["stem"], context)
    if key == "images":
        yield from (_listed(value, context) for value in fields.values() if value.text)
    if mapping.path.endswith("images.tags") or mapping.path == "images.tags":
        yield from (required(value, context.format) for value in fields.values() if value.text)
    for name, value in fields.items():
        if name == "images":
            yield from (_listed(item, context) for item in value.new_items("image") if item.text)


def _fields(mapping: Node) -> dict[str, Node]:
    """Return the values by their keys, with those that ``<<`` brings where none is written."""
    fields: dict[str, Node] = {}
    merged: list[Node] = []
    for key, value in mapping.entries():
        if key == "<<":
            merged += [value, *value.items()]
        else:
            fields.setdefault(key, value)
    own = set(fields)
    for node in merged:
        for key, value in node.entries():
            # Only what belongs to a reference apart: the rest counts where it is written.
            if key in _KEYS_APART and key not in own:
                fields.setdefault(key, value)
    return fields


def _apart(fields: dict[str, Node], key: str, context: Context) -> Parts | Found | None:
    """Return the parts of an image in several keys, or None when no image is meant."""
    repository, name = fields.get("repository"), fields.get("name")
    written = _text_of(repository)
    is_image = _is_image(key)
    if repository is not None and not _is_image_repository(fields, written, key):
        return None
    if repository is None and not (is_image and fields.keys() & {"tag", "registry", "digest"}):
        return None
    if repository is not None and is_image and _text_of(name) and not written.endswith(_text_of(name)):
        return skipped(repository, NAME_OR_REPOSITORY, context.format) if written else None
    node = repository or name
    if node is None or not _text_of(node):
        tag = fields.get("tag")
        has_tag = tag is not None and _is_text(tag) and is_image
        return skipped(tag, NO_REPOSITORY, context.format) if tag is not None and has_tag else None
    return _with_registry(
        Parts(
            repository=node,
            registry=fields.get("registry"),
            tag=fields.get("tag"),
            digest=fields.get("digest"),
            default_tag=context.app_version,
            refusal=SHA_KEY if _text_of(fields.get("sha")) else None,
            is_sure=is_image,
        ),
        context,
    )


def _is_image_repository(fields: dict[str, Node], written: str, key: str) -> bool:
    """Whether a key ``repository`` means an image's: git, charts and packages have repositories too."""
    if "://" in written or written.startswith("git@"):
        return False
    if _is_image(key):
        return True
    if fields.keys() & _GIT_MARKS or _OTHER_REPOSITORY.search(key):
        return False
    return bool(fields.keys() & _IMAGE_MARKS)


def _with_registry(parts: Parts, context: Context) -> Parts:
    """Join ``global.imageRegistry`` to an empty registry; elsewhere it is the chart's to say."""
    own = _text_of(parts.registry)
    if not context.registry or own == context.registry:
        return parts
    if parts.registry is not None and not own:
        return replace(parts, host=context.registry)
    first, slash, _ = _text_of(parts.repository).partition("/")
    if not own and slash and ("." in first or ":" in first or first == "localhost"):
        return parts
    return replace(parts, refusal=OTHER_REGISTRY.format(context.registry))


def _of_key(fields: dict[str, Node], name: str, stem: str, context: Context) -> Parts | Found | None:
    """Judge a text under a key such as ``image`` or ``sidecarImage``, with a tag that stands beside it."""
    node = fields[name]
    written = _text_of(node)
    if written.lower().endswith(_FILES) or "\n" in written:
        return None
    try:
        reference = Reference.parse(written)
    except ValueFormError:
        return (
            skipped(node, "a template", context.format)
            if is_template(written)
            else possible(node, context.format)
        )
    beside = Parts(
        repository=node,
        registry=fields.get("registry") if stem == "image" else None,
        tag=_beside(fields, stem, "tag"),
        digest=_beside(fields, stem, "digest"),
        default_tag=context.app_version,
        is_sure=False,
    )
    is_whole = reference.tag is not None or reference.digest is not None
    if not is_whole and (beside.tag is not None or beside.digest is not None):
        return _with_registry(beside, context)
    if _text_of(beside.registry) and is_whole:
        return _with_registry(replace(beside, tag=None, digest=None), context)
    if not is_whole and "/" not in written:
        is_word_of_another_kind = name != "image" or fields.keys() & _MACHINE_MARKS or "hub" in fields
        if is_word_of_another_kind or _text_of(beside.registry):
            return skipped(node, BARE_WORD, context.format)
    return possible(node, context.format)


def _beside(fields: dict[str, Node], stem: str, part: str) -> Node | None:
    """Return the node of ``imageTag``, ``image_tag``, or ``tag`` itself beside ``image``."""
    keys = [stem + part.capitalize(), f"{stem}_{part}", f"{stem}-{part}"]
    if stem == "image":
        keys.append(part)
    return next((fields[key] for key in keys if key in fields and fields[key].scalar is not None), None)


def _listed(node: Node, context: Context) -> Found | None:
    """Take an item of ``images`` that says more than a bare word."""
    try:
        reference = Reference.parse(node.text or "")
    except ValueFormError:
        return None
    is_likely = reference.tag is not None or reference.digest is not None
    return possible(node, context.format) if is_likely else None


def _is_image(key: str) -> bool:
    return _IMAGE_WORD.search(key) is not None


def _is_text(node: Node) -> bool:
    return bool(node.scalar) and not node.is_null


def _text_of(node: Node | None) -> str:
    return "" if node is None or node.is_null else node.scalar or ""
