"""Plan ``pin`` with ``[olm] related-images``: related images and generated variables, file by file."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.configured_regex import configured_regex
from imagelock.errors import FormatError
from imagelock.formats.edit.blocks import edit_lists
from imagelock.formats.edit.list_items import Item, ListEdit
from imagelock.formats.olm.related_images import CSV_KIND, bundles
from imagelock.formats.syntax.text import Text
from imagelock.model import olm
from imagelock.model.finding_codes import Level
from imagelock.model.outcome import finding
from imagelock.ops.olm.catalog_images import listed
from imagelock.ops.olm.images import merged, needed, shared_names
from imagelock.ops.olm.list_changes import LineMap, list_changes
from imagelock.ops.olm.outdated import differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from imagelock.formats.olm.related_images import Bundle
    from imagelock.model.lock import Lock
    from imagelock.model.olm import OlmSettings
    from imagelock.model.outcome import Change, Finding
    from imagelock.model.reference import Reference
    from imagelock.ops.olm.catalog_images import CatalogImages, CatalogUses, Generated
    from imagelock.ops.olm.images import Needed
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.occurrence import Occurrence
    from imagelock.ops.scan.scanned_file import ScannedFile


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A text with its lists as wanted, what changed in them, and what is in the way."""

    content: str
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    lines: LineMap | None = None

    def moved(self, change: Change) -> Change:
        """Return a change of a place with the line where it is once the lists are written."""
        if self.lines is None or change.line is None:
            return change
        return replace(change, line=self.lines.after(change.line))


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
        catalogs, findings = listed(self.catalogs, collection, lock, self.settings.base32)
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
            if olm.generated(catalog.catalog).fullmatch(variable.name)
        }
        return Shape(kept, frozenset(generated))

    def rebuild(
        self, file: ScannedFile, shape: Shape, content: str, finals: Sequence[tuple[Occurrence, Reference]]
    ) -> Rebuilt:
        """Return a file's text with related images and generated variables as they must be.

        ``content`` has the digests already; ``finals`` is what the places hold then.
        """
        edits: list[ListEdit] = []
        findings: list[Finding] = []
        for bundle in shape.bundles:
            catalogs = list(self._for(bundle))
            if bundle.operator is not None and catalogs:
                edits.append(self._env_edit(bundle, catalogs))
            if bundle.is_csv:
                own = [pair for pair in finals if _belongs(pair[0], bundle)]
                environment = [item for read in catalogs if read.is_environment for item in read.images]
                others = [item for read in catalogs if not read.is_environment for item in read.images]
                images, wrong = needed(own, bundle.operator_path, self.lock, environment)
                edit, shared = _related_edit(bundle, merged(images, others))
                edits.append(edit)
                findings += [*wrong, *shared]
        if not edits or findings:
            return Rebuilt(content, (), tuple(findings))
        try:
            result = edit_lists(Text(file.name, content), edits)
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
        lines = LineMap(content, result)
        return Rebuilt(result, tuple(list_changes(file.name, content, result, lines)), (), lines)

    def outdated(self, collection: Collection) -> Iterator[Finding]:
        """Yield the bundles and Deployments that do not have what their catalogs give (IL128), once each."""
        if not self.catalogs:
            return
        for file in collection.files:
            if self.pinning.is_catalog(file) or file.is_inside_image:
                continue
            if CSV_KIND not in file.text.content and not self._takes_env(file):
                # To compose every Deployment of a product would cost more than all else that is asked of it.
                continue
            for bundle in self.shape(file).bundles:
                catalogs = list(self._for(bundle))
                notes = list(differences(bundle, catalogs)) if catalogs else []
                if notes and not file.ignores.silences("IL128", bundle.line):
                    yield finding(
                        "IL128",
                        f"{len(notes)} variables or related images are not what the catalogs give now",
                        file=file.name,
                        line=bundle.line,
                        notes=notes,
                        hint="run `imagelock pin`",
                    )

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

    def _env_edit(self, bundle: Bundle, catalogs: Sequence[CatalogImages]) -> ListEdit:
        patterns = [olm.generated(read.catalog) for read in catalogs]
        old = [item for item in bundle.variables if any(p.fullmatch(item.name) for p in patterns)]
        place = {item.name: number for number, item in enumerate(old)}
        new = [variable for read in catalogs for variable in _in_order(read, place)]
        return ListEdit(
            document=bundle.document,
            way=bundle.operator or (),
            key="env",
            drop=tuple(item.index for item in old),
            add=tuple(Item((("name", item.name), ("value", item.value))) for item in new),
        )


def _in_order(read: CatalogImages, place: Mapping[str, int]) -> Sequence[Generated]:
    """Return a catalog's variables in its own order; those of files that have no order where they are already."""
    if not read.is_environment:
        return read.variables
    return sorted(read.variables, key=lambda variable: place.get(variable.name, len(place)))


def _belongs(use: Occurrence, bundle: Bundle) -> bool:
    """Whether a place's image must be related: it runs, or the operator starts it."""
    place = use.place
    return place.document == bundle.document and (
        place.path.startswith("spec.install.") or place.path == "metadata.annotations.containerImage"
    )


def _related_edit(bundle: Bundle, images: Sequence[Needed]) -> tuple[ListEdit, list[Finding]]:
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
    return edit, list(shared_names(names, images))
