"""The values of Helm charts, wherever they are: a values file, a HelmRelease, an Application.

A chart decides what its values mean, so only shapes that many charts share count: ``image: name:tag``,
``image`` with ``registry``, ``repository`` (or ``name``), ``tag`` and ``digest``; ``imageTag`` beside
``image``; a whole reference below ``image`` (``reference``, ``name`` with a tag); ``images.tags`` of
OpenStack-Helm; ``global.imageRegistry``, which fills an empty registry and makes every other case one to be
reported.  So does a key whose part in the name only the chart knows (an organization, a version).  Follows Helm's chart best practices and the charts of Artifact Hub.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.candidates import SHOWN_CHARS, is_template, possible, required, skipped
from imagelock.formats.classify.embedded import inner_documents
from imagelock.formats.values.joiners import guarded, joiners
from imagelock.formats.values.split_reference import HEX, Parts, all_joined, text_of
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import SkipKind, Skipped
from imagelock.model.reference import DEFAULT_DOMAIN, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Chart
    from imagelock.formats.syntax.tree import Node
    from imagelock.formats.values.joiners import Joiner
    from imagelock.model.place import Found

IMAGE_KEY = lazy_regex(
    r"(?P<stem>(?:.*[-_.])?image|[a-zA-Z0-9]*Image)(?:[_-]?[nN]ame|[_-]?[rR]epository|[_-]?[rR]epo)?",
    re.ASCII,
)
"""Keys whose text is an image, or its name beside ``<stem>Tag``."""
_TELLING = lazy_regex(r"mage|^repository$|^<<$")
"""What a mapping has among its keys if it can hold an image."""
_IMAGE_WORD = lazy_regex(r"image", re.IGNORECASE)
# Words beside which a repository is one of git, charts or packages, not of images.
_OTHER_REPOSITORY = lazy_regex(r"git|chart|helm|repo|source|vcs|maven|npm|backup|restic", re.IGNORECASE)
_IMAGE_MARKS = frozenset({"tag", "digest", "registry", "pullPolicy", "pullSecrets", "imagePullPolicy"})
_GIT_MARKS = frozenset({"url", "branch", "ref", "revision", "path", "chart", "username", "password"})
_MACHINE_MARKS = frozenset({"flavor", "machineType", "instanceType", "vmSize", "ami", "alt", "href", "width"})
_LABELS = lazy_regex(r"selector$|labels$|annotations$|tolerations$", re.IGNORECASE)
"""Keys of mappings whose own keys are the user's words."""
_FILES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".iso", ".qcow2", ".img", ".vmdk", ".raw")
_WHOLE_KEYS = ("reference", "ref", "uri", "url", "fullName", "fullImage", "name")
"""Keys below an image that hold all of it, where a tag or a digest shows that they do."""
_OWNERS = ("org", "organization", "organisation", "namespace", "account", "owner", "project")
_KEYS_APART = ("registry", "repository", "name", "image", "tag", "digest", "sha", "hub", "repo")
TEXT_ROLE = "values"
"""What is read as values is read once, whatever contains it."""
SHA_KEY = "a key sha that has no digest: what the chart makes of it is the chart's to say"
OTHER_REGISTRY = "global.imageRegistry is {}: whether it replaces the registry is the chart's to say"
NAME_OR_REPOSITORY = "repository and name: which of them is the image is the chart's to say"
NO_REPOSITORY = "a tag without a repository beside it: the name is elsewhere"
OWNER = "a repository with {} in a key of its own: what the chart makes of them is the chart's to say"
VERSION = "a version beside the image: what the chart makes of the two is the chart's to say"
THREE_KEYS = "repository and image in keys of their own: what the two make is the chart's to say"
BARE_WORD = "one word without a tag: it may be another kind of image"


@dataclass(frozen=True, slots=True)
class Context:
    """What counts for all values of one tree."""

    format: str
    chart: Chart | None = None
    registry: str = ""
    joiners: tuple[Joiner, ...] = ()
    """The keys for all images of the tree that names without a host are joined to."""
    has_hub: bool = False
    """Whether the tree has a hub or a tag for all images, which their names are joined to."""
    merges: dict[int, dict[str, Node]] = field(default_factory=dict)
    """What each mapping that others merge brings, by its identity."""

    def app_version(self, path: str) -> str | None:
        """Return what an empty tag at a path means, as far as the chart's templates are known to take it."""
        return None if self.chart is None else self.chart.default_tag(path)


def value_images(top: Node, format_name: str, chart: Chart | None = None) -> Iterator[Found]:
    """Yield the images of a tree of values; ``chart`` is the one they belong to, if it is known."""
    registry = top.get("global", "imageRegistry") or top.get("global", "image", "registry")
    hubs = (top.get("global", "hub"), top.get("hub"), top.get("global", "tag"))
    shared = top.get("global")
    context = Context(
        format_name,
        chart,
        (registry.text or "") if registry is not None else "",
        (
            *joiners(dict(shared.entries()) if shared is not None else {}, "global."),
            *joiners(dict(top.entries())),
        ),
        has_hub=any(map(text_of, hubs)),
    )
    candidates = (item for mapping in top.mappings() for item in _of_mapping(mapping, context))
    yield from all_joined(candidates, format_name)
    yield from _texts(top, context)


def parameter_images(parameters: Node, format_name: str) -> Iterator[Found]:
    """Yield the images of values that are set one by one: items with a dotted ``name`` and a ``value``."""
    groups: dict[str, dict[str, Node]] = {}
    for item in parameters.new_items("parameter"):
        key, value = item.get("name"), item.get("value")
        if key is not None and key.text and value is not None:
            above, _, last = key.text.rpartition(".")
            groups.setdefault(above, {}).setdefault(last, value)
    context = Context(format_name)
    candidates = (
        item for above, fields in groups.items() for item in _of_fields(fields, _last_key(above), context)
    )
    yield from all_joined(candidates, format_name)


def _texts(top: Node, context: Context) -> Iterator[Found]:
    """Yield the images of YAML and JSON that stand in strings."""
    for _, node in top.strings_with("image"):
        if "\n" not in (node.text or "") or not node.document.is_first(TEXT_ROLE, node.raw):
            continue
        for document in inner_documents(node):
            yield from value_images(document.top, context.format, context.chart)


def _of_mapping(mapping: Node, context: Context) -> Iterator[Parts | Found | None]:
    """Yield the images of a mapping; most have no key that could mean one, and cost a look at their keys."""
    key = _last_key(mapping.path)
    if not (_is_image(key) or any(map(_TELLING.search, mapping.keys()))):
        return
    if mapping.document.is_first(TEXT_ROLE, mapping.raw):
        fields = _fields(mapping, context)
        found = chain(
            _of_fields(fields, key, context, mapping.path),
            _of_list(fields["images"], context) if "images" in fields else (),
        )
        known = (*joiners(fields, beside=True), *context.joiners)
        yield from guarded(found, known, context.format)


def _of_fields(
    fields: dict[str, Node], key: str, context: Context, path: str = ""
) -> Iterator[Parts | Found | None]:
    """Yield the images of one mapping, which is behind ``key`` at the end of ``path``."""
    if _LABELS.search(key):
        return
    used = False
    if "repo" in fields and "repository" not in fields and _is_image(key):
        fields = {**fields, "repository": fields["repo"]}
    three = _in_three_keys(fields, context)
    if three is not None:
        yield three
        return
    if "repository" in fields or ("name" in fields and _is_image(key)):
        apart = _apart(fields, key, context, path)
        used = apart is not None
        yield apart
    elif _is_image(key) and "tag" in fields and "image" not in fields and text_of(fields["tag"]):
        yield skipped(fields["tag"], NO_REPOSITORY, context.format)
    for name, value in fields.items() if not used else ():
        match = IMAGE_KEY.fullmatch(name)
        if match is not None and value.text:
            yield _of_key(fields, name, match["stem"], context, path)
    for name in _WHOLE_KEYS if not used and _is_image(key) else ():
        if name in fields:
            yield _listed(fields[name], context)


def _in_three_keys(fields: dict[str, Node], context: Context) -> Found | None:
    """Tell of ``repository`` beside a bare ``image``: what an operator puts together with a version or a tag."""
    repository, image = text_of(fields.get("repository")), text_of(fields.get("image"))
    if not repository or not image or "://" in repository:
        return None
    try:
        reference = Reference.parse(f"{repository}/{image}")
        is_whole = Reference.parse(image).domain != DEFAULT_DOMAIN
    except InvalidValueError:
        return None
    if is_whole:
        return None
    version = text_of(fields.get("tag")) or text_of(fields.get("version"))
    for key in ("repository", "image", "tag", "version"):
        if key in fields:
            fields[key].document.taken.add(fields[key].offset)
    line, column = fields["image"].position
    suffix = f":{version}" if version and reference.tag is None and reference.digest is None else ""
    text = f"{reference}{suffix}"[:SHOWN_CHARS]
    return Skipped(text=text, line=line, column=column, reason=THREE_KEYS, format=context.format)


def _of_list(images: Node, context: Context) -> Iterator[Found]:
    """Yield the texts below ``images``, and those of ``images.tags``, which OpenStack-Helm has."""
    tags = images.get("tags")
    for _, value in tags.entries() if tags is not None else ():
        found = required(value, context.format) if value.text else None
        if found is not None:
            yield found
    for value in (*images.new_items("image"), *(value for _, value in images.entries())):
        place = _listed(value, context) if value.text else None
        if place is not None:
            yield place


def _last_key(path: str) -> str:
    """Return the last key of a path, without what is in brackets."""
    return path.rpartition(".")[2].rpartition(">")[2].strip().partition("[")[0]


def _fields(mapping: Node, context: Context) -> dict[str, Node]:
    """Return the values by their keys, with those that ``<<`` brings where none is written."""
    fields: dict[str, Node] = {}
    merged: list[Node] = []
    for key, value in mapping.entries():
        if key == "<<":
            merged += [value, *value.items()]
        else:
            fields[key] = value
    for node in merged:
        for key, value in _merged(node, context).items():
            fields.setdefault(key, value)
    return fields


def _merged(node: Node, context: Context) -> dict[str, Node]:
    """Return what of a merged mapping belongs to a reference apart; the rest counts where it is written."""
    known = context.merges.get(id(node.raw))
    if known is None:
        known = {key: value for key, value in node.entries() if key in _KEYS_APART}
        context.merges[id(node.raw)] = known
    return known


def _apart(fields: dict[str, Node], key: str, context: Context, path: str) -> Parts | Found | None:
    """Return the parts of an image in several keys, or None when no image is meant."""
    repository, name = fields.get("repository"), fields.get("name")
    written = text_of(repository)
    is_image = _is_image(key)
    if repository is not None and not _is_image_repository(fields, written, key):
        return None
    if repository is None and not (is_image and fields.keys() & {"tag", "registry", "digest"}):
        return None
    if repository is not None and is_image and text_of(name) and not written.endswith(text_of(name)):
        return skipped(repository, NAME_OR_REPOSITORY, context.format) if written else None
    node = repository or name
    owner = next((owner for owner in _OWNERS if text_of(fields.get(owner))), None)
    if node is not None and is_image and owner is not None and text_of(node) and "/" not in text_of(node):
        return skipped(node, OWNER.format(owner), context.format)
    if node is None or not text_of(node):
        tag = fields.get("tag")
        return skipped(tag, NO_REPOSITORY, context.format) if tag and is_image and text_of(tag) else None
    return _with_registry(
        Parts(
            repository=node,
            registry=fields.get("registry"),
            tag=fields.get("tag"),
            digest=fields.get("digest") or _sha(fields),
            default_tag=context.app_version(path),
            refusal=_refusal(fields),
            is_sure=is_image,
        ).with_key_of(context.chart, path),
        context,
    )


def _sha(fields: dict[str, Node]) -> Node | None:
    """Return the node of a key ``sha`` that has a digest, without its algorithm; many a chart has one."""
    return fields["sha"] if HEX.fullmatch(text_of(fields.get("sha"))) is not None else None


def _refusal(fields: dict[str, Node]) -> str | None:
    """Return why parts beside a repository cannot be pinned whatever they are."""
    if text_of(fields.get("sha")) and _sha(fields) is None:
        return SHA_KEY
    return VERSION if "tag" not in fields and text_of(fields.get("version")) else None


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
    own = text_of(parts.registry)
    if not context.registry or own == context.registry:
        return parts
    if parts.registry is not None and not own:
        return replace(parts, host=context.registry)
    first, slash, _ = text_of(parts.repository).partition("/")
    if not own and slash and ("." in first or ":" in first or first == "localhost"):
        return parts
    return replace(parts, refusal=OTHER_REGISTRY.format(context.registry), missing=None)


def _of_key(
    fields: dict[str, Node], name: str, stem: str, context: Context, path: str
) -> Parts | Found | None:
    """Judge a text under a key such as ``image`` or ``sidecarImage``, with a tag that is beside it."""
    node = fields[name]
    written = text_of(node)
    if written.lower().endswith(_FILES) or "\n" in written:
        return None
    try:
        reference = Reference.parse(written)
    except InvalidValueError:
        return (
            skipped(node, "a template", context.format, SkipKind.TEMPLATE)
            if is_template(written)
            else possible(node, context.format)
        )
    beside = Parts(
        repository=node,
        registry=fields.get("registry") if stem == "image" else None,
        tag=_beside(fields, stem, "tag"),
        digest=_beside(fields, stem, "digest"),
        default_tag=context.app_version(path),
        is_sure=False,
    )
    is_whole = reference.tag is not None or reference.digest is not None
    if is_whole and text_of(beside.registry):
        return _with_registry(replace(beside, tag=None, digest=None), context)
    return possible(node, context.format) if is_whole else _of_name(fields, name, stem, beside, context)


def _of_name(
    fields: dict[str, Node], name: str, stem: str, beside: Parts, context: Context
) -> Parts | Found | None:
    """Judge a name without tag and digest by what is beside it."""
    if beside.tag is not None or beside.digest is not None:
        return _with_registry(beside, context)
    if text_of(_beside(fields, stem, "version")):
        return replace(beside, refusal=VERSION, missing=None)
    is_word = "/" not in text_of(beside.repository)
    if is_word and (name != "image" or context.has_hub or _is_of_another_kind(fields)):
        return skipped(beside.repository, BARE_WORD, context.format)
    return possible(beside.repository, context.format)


def _is_of_another_kind(fields: dict[str, Node]) -> bool:
    """Whether what is beside a word says that it is a machine's image, or is joined to a registry."""
    return bool(fields.keys() & _MACHINE_MARKS) or "hub" in fields or bool(text_of(fields.get("registry")))


def _beside(fields: dict[str, Node], stem: str, part: str) -> Node | None:
    """Return the node of ``imageTag``, ``image_tag``, ``webTag`` beside ``webImage``, or ``tag`` beside ``image``."""
    base = stem[: -len("image")].rstrip("-_")
    keys = [
        f"{prefix}{rest}"
        for prefix in (stem, base)
        for rest in (part.capitalize(), f"_{part}", f"-{part}")
        if prefix
    ]
    if not base:
        keys.append(part)
    return next((fields[key] for key in keys if key in fields and fields[key].scalar is not None), None)


def _listed(node: Node, context: Context) -> Found | None:
    """Take an item of ``images`` that says more than a bare word."""
    reference = Reference.parse_or_none(node.text)
    return possible(node, context.format) if reference is not None and reference.is_versioned else None


def _is_image(key: str) -> bool:
    return _IMAGE_WORD.search(key) is not None
