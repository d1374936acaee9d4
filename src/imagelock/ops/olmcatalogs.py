"""The catalogs of ``[[olm.catalog]]`` read: lists and trees that name more images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import ConfigError
from imagelock.formats import imagelist
from imagelock.ops.collect import collect
from imagelock.ops.olmimages import CatalogUses
from imagelock.ops.olmpin import OlmPinning

if TYPE_CHECKING:
    from imagelock.model.olm import Catalog
    from imagelock.ops.collect import Collection
    from imagelock.ops.project import Project


def olm_pinning(project: Project) -> OlmPinning | None:
    """Return what ``[olm]`` asks of a run, its catalogs read; None where it asks for nothing."""
    settings = project.config.olm
    if not settings.related_images:
        return None
    read = [(catalog, _collected(project, catalog)) for catalog in settings.catalogs]
    return OlmPinning(
        settings=settings,
        root=project.root,
        catalogs=tuple(CatalogUses(catalog, found.all_uses) for catalog, found in read),
        files=frozenset(file.path for _, found in read for file in found.files if file.path is not None),
    )


def catalog_uses(project: Project, catalog: Catalog) -> CatalogUses:
    """Return what the lists of one catalog name."""
    return CatalogUses(catalog, _collected(project, catalog).all_uses)


def _collected(project: Project, catalog: Catalog) -> Collection:
    """Read a catalog's source; its exemptions count where its images are used."""
    path = project.root / (catalog.source or "")
    paths = [path] if path.exists() else sorted(project.root.glob(catalog.source or ""))
    if not paths:
        where = project.shown(project.config_path) if project.config_path is not None else None
        raise ConfigError(
            f"the catalog {catalog.label} has no source {catalog.source}",
            where=where,
            hint="correct [[olm.catalog]]",
        )
    named = [str(item) for item in paths]
    found = collect(project, named)
    if found.all_uses or path.is_dir():
        return found
    return collect(project, named, imagelist.name)
