"""StarlingX tag files as values: entries, the fields they are made of, and the policy for their tags.

Follows the files of starlingx/root, ``build-tools/build-docker-images/tag-management``: YAML with
``images: [{name, src_build_tag, src_ref, tag}]``, and an optional ``digest`` key of our own.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from imagelock.configured_regex import configured_regex
from imagelock.lazy_regex import lazy_regex
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.model.digest import Digest
    from imagelock.model.place import Place, Unreadable

REQUIRED_KEYS = ("name", "src_build_tag", "src_ref", "tag")
DIGEST_KEY = "digest"
KEYS = frozenset({*REQUIRED_KEYS, DIGEST_KEY})

LATEST = "latest"
_NEARLY = lazy_regex(r"(?:.*/)?(?P<hash>[0-9a-fA-F]{7,64})/?", re.ASCII)
_COMMIT = lazy_regex(r"(?:.*/)?(?P<commit>[0-9a-f]{40}|[0-9a-f]{64})/?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One scalar: its text, and whether YAML reads it as text; a number or a date is none."""

    text: str
    line: int
    column: int
    is_text: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TagItem:
    """One item of ``images`` as it is written, right or wrong.

    ``fields`` are the scalars of known keys, ``others`` the keys no one knows, ``repeated`` the keys
    written twice.  ``tag_place`` is where the tag alone is, for edits.
    """

    line: int
    column: int
    fields: Mapping[str, Field]
    others: tuple[Field, ...] = ()
    repeated: tuple[Field, ...] = ()
    tag_place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A part of a tag file that cannot be read as entries, with the reason."""

    line: int
    column: int
    reason: str
    hint: str | None = None
    is_warning: bool = False


TagPart: TypeAlias = "TagItem | Flaw | Unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagEntry:
    """One entry that keeps the rules: the release tag ``reference`` should be what ``source_tag`` is.

    ``source_ref`` is the revision it was built from, as written; ``digest``, given one, is enforced.
    """

    reference: Reference
    source_tag: str
    source_ref: str
    digest: Digest | None
    file: str
    line: int
    column: int
    tag_place: Place | None = None
    listed: Reference | None = None
    """What the file names, where ``reference`` is its rehearsal in another registry."""

    @property
    def name(self) -> str:
        """The canonical name."""
        return self.reference.name

    def rehearsed(self, registry: str) -> TagEntry:
        """Return the entry in another registry, ``host[:port][/prefix]``, under the same path.

        Raises :class:`InvalidValueError` where that is no reference.
        """
        moved = Reference.parse(f"{registry.rstrip('/')}/{self.reference.path}:{self.tag}")
        return replace(self, reference=moved, listed=self.reference)

    @property
    def tag(self) -> str:
        """The release tag."""
        return self.reference.tag or ""

    @property
    def shown(self) -> str:
        """``name:tag``, as people name the entry."""
        return f"{self.name}:{self.tag}"

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"

    @property
    def source(self) -> tuple[str, str]:
        """What two entries of one name and tag must agree on."""
        return (self.source_tag, self.source_ref)

    @property
    def commit(self) -> str | None:
        """The full commit that ``source_ref`` ends with, or None."""
        return commit_of(self.source_ref)


def ref_flaw(source_ref: str) -> str | None:
    """Return why a ``src_ref`` does not say what was built from where, or None for ``https://…/commit/<full hash>``."""
    if commit_of(source_ref) is None:
        match = _NEARLY.fullmatch(source_ref)
        if match is None:
            return "is not a full commit, so it does not say what was built"
        if match["hash"].lower() != match["hash"]:
            return "has a commit in capitals, which git and forges write in small letters"
        return "has a commit that is cut short, so it may come to mean another"
    if "://" not in source_ref:
        return "is a commit without its repository"
    scheme, _, rest = source_ref.partition("://")
    if scheme not in ("https", "http"):
        return f"is no address of a commit: {scheme}:// is not for the web"
    before = rest.rstrip("/").split("/")[-2:-1]
    return (
        None
        if before == ["commit"]
        else f"is the address of {before[0] if before else 'a host'}, not of a commit"
    )


def floats(tag: str) -> bool:
    """Whether a tag is given to another image from time to time."""
    return tag == LATEST or tag.endswith(f"-{LATEST}")


def commit_of(source_ref: str) -> str | None:
    """Return the full commit that a ``src_ref`` names (``https://…/commit/<40 hex>``), or None."""
    match = _COMMIT.fullmatch(source_ref)
    return match["commit"] if match else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRule:
    """What the tags of some files must look like: a regular expression for the whole tag, or a suffix.

    ``files`` is a glob on the file's name; ``reason`` is reported with the finding.
    """

    files: str = "*"
    tag: str | None = None
    suffix: str | None = None
    reason: str | None = None

    def concerns(self, file: str) -> bool:
        """Whether the rule is about a file."""
        return fnmatch.fnmatchcase(file.rpartition("/")[2], self.files)

    def breach(self, tag: str) -> str | None:
        """Return what a tag breaks, or None."""
        if self.tag is not None and configured_regex(self.tag).fullmatch(tag) is None:
            return f"is not of the form {self.tag}"
        if self.suffix is not None and not tag.endswith(self.suffix):
            return f"does not end in {self.suffix}"
        return None


STARLINGX_FORM = lazy_regex(r"stx\.[0-9]+\.[0-9]+-v.+", re.ASCII)


def starlingx_breach(tag: str) -> str | None:
    """Return what a tag that begins like StarlingX's own breaks of their form, or None.

    The slip of the field is ``stx.8.0.v1.0.5``, a dot in the hyphen's place.
    """
    if tag.startswith("stx") and STARLINGX_FORM.fullmatch(tag) is None:
        return "is not of the form stx.<release>-v<version>"
    return None


def breaches(tag: str, file: str, rules: Sequence[TagRule]) -> Iterator[tuple[str, str | None]]:
    """Yield what the tag of a file breaks, and the reason of the rule it breaks.

    StarlingX's own form holds where no rule says what the file's tags look like.
    """
    mine = [rule for rule in rules if rule.concerns(file)]
    for rule in mine:
        breach = rule.breach(tag)
        if breach is not None:
            yield breach, rule.reason
    breach = starlingx_breach(tag)
    if breach is not None and all(rule.tag is None for rule in mine):
        yield breach, None
