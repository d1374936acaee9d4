"""Read what lists are compared with: lists to load, templates of roles, the manifest of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import FileError, UsageError
from imagelock.files import decode, read_bytes
from imagelock.formats.lists import epiphany
from imagelock.formats.lists.epiphany_manifest import is_manifest, read_manifest
from imagelock.formats.lists.epiphany_template import template_images
from imagelock.formats.syntax.text import Text
from imagelock.interchange.epiphany_against import judge_features, judge_templates, unneeded
from imagelock.model.requirement import Requirement
from imagelock.ops.scan.scanned_file import ScannedFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.model.outcome import Finding
    from imagelock.model.requirement import Manifest
    from imagelock.ops.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The names of lists, and the templates and the manifest as read; ``files`` are theirs, for reports."""

    lists: tuple[str, ...]
    templates: tuple[Requirement, ...] = ()
    manifest: Manifest | None = None
    files: tuple[ScannedFile, ...] = ()

    def findings(self, required: Sequence[Requirement], loaded: Sequence[Requirement]) -> Iterator[Finding]:
        """Yield where the lists do not agree with templates and manifest."""
        yield from judge_templates(required, self.templates)
        if self.manifest is not None:
            yield from judge_features(required, loaded, self.manifest)

    def remarks(self, chosen: Sequence[Requirement]) -> tuple[str, ...]:
        """Return what the cluster does not need of the images that were asked for."""
        remark = None if self.manifest is None else unneeded(chosen, self.manifest)
        return () if remark is None else (remark,)


def sorted_out(project: Project, names: Sequence[str]) -> Against:
    """Read the files and tell what each is; whatever is neither list nor manifest is a template.

    Raises :class:`FileError` for one that cannot be read or a template without images, and :class:`UsageError` for a
    manifest that does not say which features its components have.
    """
    lists: list[str] = []
    templates: list[Requirement] = []
    manifests: list[Text] = []
    files: list[ScannedFile] = []
    for name in names:
        path = project.directory / name
        shown = project.shown(path)
        try:
            data = read_bytes(path)
        except FileError as error:
            raise FileError(error.message, where=shown, hint=error.hint) from error
        text = Text(shown, decode(data))
        is_list = any(_is_of_list(item, name) for item in epiphany.requirements(text))
        if is_manifest(text):
            manifests.append(text)
        elif not is_list:
            found = list(template_images(text))
            if not found:
                raise FileError(
                    "neither a list of images, nor a manifest of a cluster, nor a template that names images",
                    where=shown,
                )
            templates += found
        if is_list:
            # A manifest may hold the list of images to load as well; the scan reads it for reports.
            lists.append(name)
        else:
            files.append(ScannedFile.of(text, str(path), data, ()))
    return Against(
        lists=tuple(lists), templates=tuple(templates), manifest=_manifest(manifests), files=tuple(files)
    )


def _is_of_list(item: object, name: str) -> bool:
    """Whether what was read shows a list: an image, or something broken where a list would be."""
    return isinstance(item, Requirement) or name.endswith((".yml", ".yaml", ".txt"))


def _manifest(texts: Sequence[Text]) -> Manifest | None:
    manifest = read_manifest(texts)
    if texts and (manifest is None or not manifest.is_mapped):
        missing = "epiphany-cluster" if manifest is None else "configuration/feature-mappings"
        raise UsageError(
            f"the manifest has no {missing}",
            where=texts[0].path,
            hint="give the manifest.yml that epicli made, or a second --against with the document",
        )
    return manifest
