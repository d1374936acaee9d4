"""Names for images in OLM: related images, generated variables, and what these decode to.

A variable carries the tag it stands for in base32, because a name may hold nothing
else; two dialects are in the field, with and without a line break behind the tag.  Variables of editor
definitions are named by the component they are for, and those of samples carry the whole image in base64.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.lazy_regex import lazy_regex
from imagelock.model.digest import Digest
from imagelock.model.reference import Reference, is_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PREFIX = "RELATED_IMAGE_"
EDITOR_PREFIX = f"{PREFIX}editor_definition_"
SAMPLE_PREFIX = f"{PREFIX}sample_"
ENCODED_PREFIX = f"{SAMPLE_PREFIX}encoded_"
PLAIN, NEWLINE = "plain", "newline"
DIALECTS = (PLAIN, NEWLINE)
BASE32, EDITOR, SAMPLE = "base32", "editor", "sample"
NAMINGS = (BASE32, EDITOR, SAMPLE)
"""How the variables of a catalog are named: by image and tag, by an editor's component, by the whole image."""
_OTHER = lazy_regex(r"[^A-Za-z0-9]+", re.ASCII)
_PAD = "____"
"""What the name of a sample's variable has for ``=``."""
_UNSAFE = lazy_regex(r"[^A-Za-z0-9_]")
_SUFFIX = lazy_regex(r"_(?P<letters>[A-Z2-7]*)(?P<padding>_{0,6})", re.ASCII)
_ENCODED = 8
"""Base32 is written in groups of so many characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """``[[olm.catalog]]``: an image that lists more images, and where the list is.

    ``env`` is a regular expression for the variable that names the image, ``files`` a glob inside it;
    ``source`` is a path beside the configuration, or ``image://``.  ``naming`` is one of :data:`NAMINGS`.
    """

    label: str
    naming: str = BASE32
    env: str | None = None
    files: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OlmSettings:
    """``[olm]``: what ``pin`` makes of ClusterServiceVersions."""

    related_images: bool = False
    base32: str = PLAIN
    env_into: tuple[str, ...] = ()
    catalogs: tuple[Catalog, ...] = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a generated variable's name says of the image: its tag, its own digest, or neither."""

    tag: str | None = None
    digest: str | None = None


def came_with_digest(reference: Reference) -> bool:
    """Whether an image is known by its digest alone."""
    return reference.tag is None and reference.digest is not None


def identity(reference: Reference) -> tuple[str, str]:
    """Return what makes two references one image to OLM: the canonical name, and tag or own digest."""
    return (reference.name, _version(reference))


def related_names(references: Iterable[Reference]) -> dict[tuple[str, str], str]:
    """Return the name of every related image, by identity; equal ones take their full path."""
    return _names(references, lambda reference, part: f"{part.replace('/', '-')}-{_version(reference)}")


def env_names(references: Iterable[Reference], label: str, dialect: str) -> dict[tuple[str, str], str]:
    """Return the generated variable of every image of a catalog, by identity; equal ones take their full path."""
    return _names(
        references,
        lambda reference, part: (
            f"{PREFIX}{safe(part)}_{safe(label)}_{encode_version(_version(reference), dialect)}"
        ),
    )


def collisions(names: dict[tuple[str, str], str]) -> dict[str, list[tuple[str, str]]]:
    """Return the names that several images still share, with these images."""
    grouped: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, name in names.items():
        grouped[name].append(key)
    return {name: keys for name, keys in grouped.items() if len(keys) > 1}


def safe(text: str) -> str:
    """Return a text as the name of a variable may hold it."""
    return _UNSAFE.sub("_", text)


def encode_version(version: str, dialect: str = PLAIN) -> str:
    """Return a tag or ``@digest`` in base32 with ``_`` for ``=``; nothing stays nothing, or its line break."""
    raw = f"{version}\n" if dialect == NEWLINE else version
    return base64.b32encode(raw.encode()).decode("ascii").replace("=", "_")


def editor_name(editor: str, version: str, component: str) -> str:
    """Return the variable of an editor's component: every run of other characters becomes one ``_``."""
    return EDITOR_PREFIX + _OTHER.sub("_", f"{editor}_{version}_{component}")


def sample_name(image: str) -> str:
    """Return the variable of a sample's image: all of it and a line break in base64, ``____`` for ``=``."""
    raw = base64.b64encode(f"{image}\n".encode()).decode("ascii")
    return ENCODED_PREFIX + raw.replace("=", _PAD)


def sample_component_name(sample: str, component: str) -> str:
    """Return the variable of a sample's image that came with its digest: nothing there has to be replaced."""
    return SAMPLE_PREFIX + _OTHER.sub("_", f"{sample}_{component}")


def decode_sample(name: str) -> Reference | None:
    """Return the image that the variable of a sample stands for; None when it carries none."""
    letters = name.removeprefix(ENCODED_PREFIX).replace(_PAD, "=")
    try:
        image = base64.b64decode(letters, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return Reference.parse_or_none(image.removesuffix("\n"))


def decode_suffix(text: str) -> Decoded | None:
    """Read what is behind the label of a variable, in either dialect; None when it is no such text."""
    if not text:
        return Decoded()
    letters = text.rstrip("_")
    try:
        raw = base64.b32decode(letters + "=" * (len(text) - len(letters))).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    version = raw.removesuffix("\n")
    if version.startswith("@"):
        try:
            return Decoded(digest=str(Digest.parse(version[1:])))
        except InvalidValueError:
            return None
    if not version:
        return Decoded()
    return Decoded(tag=version) if is_tag(version) else None


def decode_name(name: str) -> Decoded | None:
    """Read a variable's name without knowing its label; None when it ends in no encoded tag."""
    if name.startswith((EDITOR_PREFIX, SAMPLE_PREFIX)):
        image = decode_sample(name) if name.startswith(ENCODED_PREFIX) else None
        return None if image is None else Decoded(tag=image.tag)
    bare = name.rstrip("_")
    at = bare.rfind("_")
    suffix = name[at + 1 :]
    if at > 0 and len(suffix) % _ENCODED == 0 and _SUFFIX.fullmatch(f"_{suffix}"):
        decoded = decode_suffix(suffix)
        if decoded is not None:
            return decoded
    return Decoded() if len(name) == len(bare) + 1 else None


def generated(catalog: Catalog) -> re.Pattern[str]:
    """Return the pattern of the variables that are generated for a catalog."""
    if catalog.naming == EDITOR:
        return re.compile(rf"{EDITOR_PREFIX}.+", re.ASCII)
    if catalog.naming == SAMPLE:
        return re.compile(rf"{SAMPLE_PREFIX}.+", re.ASCII)
    return re.compile(rf"{PREFIX}.+_{re.escape(safe(catalog.label))}_[A-Z2-7_]*", re.ASCII)


def _version(reference: Reference) -> str:
    """Return what a name says beside the path: the tag, ``@digest`` of what came with one, or nothing."""
    if reference.tag is not None:
        return reference.tag
    return "" if reference.digest is None else f"@{reference.digest}"


def _names(
    references: Iterable[Reference], make: Callable[[Reference, str], str]
) -> dict[tuple[str, str], str]:
    """Name every reference by the last part of its path, and by the whole path where that is not enough."""
    wanted = {identity(reference): reference for reference in references}
    short = {key: make(item, item.path.rpartition("/")[2]) for key, item in wanted.items()}
    shared = Counter(short.values())
    return {
        key: make(wanted[key], wanted[key].path) if shared[name] > 1 else name for key, name in short.items()
    }
