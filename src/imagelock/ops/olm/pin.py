"""Plan ``pin`` with ``[olm] related-images``: related images and generated variables, file by file."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.configured_regex import configured_regex
from imagelock.errors import FormatError
from imagelock.formats.edit.blocks import Item, ListEdit, edit_lists
from imagelock.formats.olm.related_images import bundles
from imagelock.formats.syntax.text import Text
from imagelock.model import olm
from imagelock.model.finding_codes import Level
from imagelock.model.outcome import Change, finding
from imagelock.ops.olm.images import listed, merged, needed, shared_names, shared_variables, variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from imagelock.formats.olm.related_images import Bundle
    from imagelock.model.lock import Lock
    from imagelock.model.olm import OlmSettings
    from imagelock.model.outcome import Finding
    from imagelock.model.reference import Reference
    from imagelock.ops.olm.images import CatalogImages, CatalogUses, Needed
    from imagelock.ops.scan.collect import Collection, Occurrence
    from imagelock.ops.scan.scanned_file import ScannedFile


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A text with its lists as wanted, what changed in them, and what is in the way."""

    content: str
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """One file's documents that take lists, and the places there that are written as lists, not one by one."""

    bundles: tuple[Bundle, ...]
    generated: frozenset[tuple[int, str]]

    def is_list(self, use: Occurrence) -> bool:
        """Whether a place belongs to a list that is made again."""
        place = use.place
        is_related = place.format == "csv" and place.path.startswith("spec.relatedImages[")
        return is_related or (place.document, place.path) in self.generated


@dataclass(frozen=True, slots=True, kw_only=True)
class OlmPinning:
    """What ``[olm]`` asks of one run: the catalogs as read, and which files they were read from.

    ``root`` is what ``env-into`` counts from.
    """

    settings: OlmSettings
    root: Path
    catalogs: tuple[CatalogUses, ...] = ()
    files: frozenset[Path] = frozenset()

    def is_catalog(self, file: ScannedFile) -> bool:
        """Whether a file is the list of a catalog: it is read, and what it names is written elsewhere."""
        return file.path is not None and file.path in self.files

    def lists(self, collection: Collection, lock: Lock) -> Lists:
        """Return the lists of one run, with what of the catalogs is not locked or cannot be named."""
        catalogs, findings = listed(self.catalogs, collection, lock)
        findings += shared_variables(catalogs, self.settings.base32)
        return Lists(self, catalogs, tuple(findings), lock)


@dataclass(frozen=True, slots=True)
class Lists:
    """The catalogs' locked images, and how files take them."""

    pinning: OlmPinning
    catalogs: tuple[CatalogImages, ...]
    findings: tuple[Finding, ...]
    lock: Lock

    def shape(self, file: ScannedFile) -> Shape:
        """Return which documents of a file take lists."""
        found = [item for item in bundles(file.text) if item.is_csv or self._takes_env(file)]
        deployments = [item for item in found if not item.is_csv]
        naming = [item for item in deployments if any(v.name.startswith(olm.PREFIX) for v in item.variables)]
        chosen = (naming or deployments)[:1]
        kept = tuple(item for item in found if item.is_csv or item in chosen)
        generated = {
            (item.document, variable.path)
            for item in kept
            for catalog in self._for(item)
            for variable in item.variables
            if olm.generated(catalog.catalog.label).fullmatch(variable.name)
        }
        return Shape(kept, frozenset(generated))

    def rebuild(
        self, file: ScannedFile, shape: Shape, content: str, finals: Sequence[tuple[Occurrence, Reference]]
    ) -> Rebuilt:
        """Return a file's text with related images and generated variables as they must be.

        ``content`` has the digests already; ``finals`` is what the places hold then.
        """
        edits: list[ListEdit] = []
        changes: list[Change] = []
        findings: list[Finding] = []
        for bundle in shape.bundles:
            catalogs = list(self._for(bundle))
            if bundle.operator is not None and catalogs:
                edit, differences = self._env_edit(file, bundle, catalogs)
                edits.append(edit)
                changes += differences
            if bundle.is_csv:
                own = [pair for pair in finals if _belongs(pair[0], bundle)]
                images, wrong = needed(own, bundle.operator_path, self.lock)
                edit, differences, shared = _related_edit(file, bundle, merged(images, catalogs))
                edits.append(edit)
                changes += differences
                findings += [*wrong, *shared]
        if not edits or findings:
            return Rebuilt(content, (), tuple(findings))
        try:
            return Rebuilt(edit_lists(Text(file.name, content), edits), tuple(changes))
        except FormatError as error:
            refused = finding(
                "IL113",
                error.message,
                level=Level.ERROR,
                file=file.name,
                line=error.line,
                column=error.column,
                hint=error.hint,
            )
            return Rebuilt(content, (), (refused,))

    def _takes_env(self, file: ScannedFile) -> bool:
        if file.path is None:
            return False
        name = os.path.relpath(file.path, self.pinning.root)
        wanted = self.pinning.settings.env_into
        return any(fnmatch.fnmatchcase(name, os.path.normpath(item)) for item in wanted)

    def _for(self, bundle: Bundle) -> Iterator[CatalogImages]:
        """Yield the catalogs whose image a bundle's operator names; Deployments take all."""
        for read in self.catalogs:
            pattern = read.catalog.env
            if (
                pattern is None
                or not bundle.is_csv
                or any(configured_regex(pattern).fullmatch(variable.name) for variable in bundle.variables)
            ):
                yield read

    def _env_edit(
        self, file: ScannedFile, bundle: Bundle, catalogs: Sequence[CatalogImages]
    ) -> tuple[ListEdit, list[Change]]:
        patterns = [olm.generated(read.catalog.label) for read in catalogs]
        old = [item for item in bundle.variables if any(p.fullmatch(item.name) for p in patterns)]
        dialect = self.pinning.settings.base32
        new = {
            name: str(item.image)
            for read in catalogs
            for item, name in zip(read.images, variables(read, dialect).values(), strict=True)
        }
        edit = ListEdit(
            document=bundle.document,
            way=bundle.operator or (),
            key="env",
            drop=tuple(item.index for item in old),
            add=tuple(Item((("name", name), ("value", value))) for name, value in new.items()),
        )
        return edit, _differences(file, bundle, {item.name: item.value or "" for item in old}, new)


def _belongs(use: Occurrence, bundle: Bundle) -> bool:
    """Whether a place's image must be related: it runs, or the operator starts it."""
    place = use.place
    return place.document == bundle.document and (
        place.path.startswith("spec.install.") or place.path == "metadata.annotations.containerImage"
    )


def _related_edit(
    file: ScannedFile, bundle: Bundle, images: Sequence[Needed]
) -> tuple[ListEdit, list[Change], list[Finding]]:
    names = olm.related_names(item.origin for item in images)
    items = tuple(
        Item((("name", names[olm.identity(item.origin)]), ("image", str(item.image))), str(item.origin))
        for item in images
    )
    edit = ListEdit(
        document=bundle.document,
        way=("spec",),
        key="relatedImages",
        drop=tuple(range(len(bundle.related))),
        add=items,
    )
    old = {item.name or f"[{i}]": item.image or "" for i, item in enumerate(bundle.related)}
    new = {item.fields[0][1]: item.fields[1][1] for item in items}
    shared = list(shared_names(names, images))
    return edit, _differences(file, bundle, old, new), shared


def _differences(file: ScannedFile, bundle: Bundle, old: dict[str, str], new: dict[str, str]) -> list[Change]:
    """Report what a list gains, loses and changes, by name."""
    names = dict.fromkeys([*new, *old])
    return [
        Change(
            reference=name,
            before=old.get(name),
            after=new.get(name),
            file=file.name,
            line=bundle.line,
        )
        for name in names
        if old.get(name) != new.get(name)
    ]
