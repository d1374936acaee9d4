"""Read the catalogs of ``[[olm.catalog]]``: lists and trees that name more images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.configured_regex import configured_regex
from imagelock.errors import ConfigError
from imagelock.formats.lists import plain as image_list
from imagelock.formats.olm.related_images import bundles
from imagelock.model.lock import LATEST, LockedImage
from imagelock.ops.olm.images import CatalogUses
from imagelock.ops.olm.pin import OlmPinning
from imagelock.ops.scan.collect import collect
from imagelock.ops.scan.scanned_file import IMAGE_SCHEME

if TYPE_CHECKING:
    from imagelock.model.lock import Lock
    from imagelock.model.olm import Catalog
    from imagelock.model.reference import Reference
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection, Occurrence


def olm_pinning(project: Project, collection: Collection, lock: Lock | None = None) -> OlmPinning | None:
    """Return what ``[olm]`` asks of a run, its catalogs read; None where it asks for nothing.

    Catalogs inside images are read from the registry by the digest that ``lock`` has; without a lock they
    are left out, because checking is offline.
    """
    settings = project.config.olm
    if not settings.related_images:
        return None
    read = [
        (catalog, _collected(project, source))
        for catalog in settings.catalogs
        if (source := _source(project, catalog, collection, lock)) is not None
    ]
    return OlmPinning(
        settings=settings,
        root=project.root,
        catalogs=tuple(CatalogUses(catalog, found.all_uses) for catalog, found in read),
        files=frozenset(file.path for _, found in read for file in found.files if file.path is not None),
    )


def with_catalogs(project: Project, collection: Collection, lock: Lock | None = None) -> Collection:
    """Return a collection that also holds what the catalogs of the project list, so that it is locked."""
    if not collection.whole or not project.config.olm.catalogs:
        return collection
    files = [*collection.files]
    known = {file.name for file in files}
    for catalog in project.config.olm.catalogs:
        source = _source(project, catalog, collection, lock)
        if source is not None:
            files += [file for file in _collected(project, source).files if file.name not in known]
    return replace(collection, files=tuple(files))


def catalog_uses(project: Project, catalog: Catalog, lock: Lock) -> CatalogUses:
    """Return what the lists of one catalog name; raise :class:`ConfigError` when nothing names its image."""
    source = catalog.source
    if source is None:
        source = _source(project, catalog, collect(project), lock)
    if source is None:
        raise ConfigError(f"there is no variable with the image of the catalog {catalog.label}")
    return CatalogUses(catalog, _collected(project, source).all_uses)


def _source(project: Project, catalog: Catalog, collection: Collection, lock: Lock | None) -> str | None:
    """Return where a catalog's lists are; None for a list inside an image that is not known or not asked for."""
    if catalog.source is not None:
        return _path(project, catalog, catalog.source)
    if lock is None:
        return None
    for use in collection.uses:
        if "RELATED_IMAGE_" not in use.file.text.content:
            continue
        for bundle in bundles(use.file.text):
            for variable in bundle.variables:
                if (
                    variable.value
                    and (variable.path, bundle.document) == (use.place.path, use.place.document)
                    and configured_regex(catalog.env or "").fullmatch(variable.name)
                ):
                    return f"{IMAGE_SCHEME}{_pinned(use, lock)}/{catalog.files}"
    return None


def _pinned(use: Occurrence, lock: Lock) -> Reference:
    """Return the image of a catalog by its locked digest; as it is written, while it is not locked."""
    reference = use.reference
    match = lock.match(reference)
    if isinstance(match, LockedImage):
        return reference.with_digest(match.digest, keep_tag=False)
    return reference if reference.tag or reference.digest else reference.with_tag(LATEST)


def _path(project: Project, catalog: Catalog, source: str) -> str:
    """Return a source beside the configuration; a glob that means nothing is an error."""
    if not source.startswith(IMAGE_SCHEME):
        project.configured(source)
    if source.startswith(IMAGE_SCHEME) or (project.root / source).exists() or any(project.root.glob(source)):
        return source
    where = project.shown(project.config_path) if project.config_path is not None else None
    raise ConfigError(
        f"the catalog {catalog.label} names a source that does not exist: {source}",
        where=where,
        hint="correct [[olm.catalog]]",
    )


def _collected(project: Project, source: str) -> Collection:
    """Read a catalog's source; its exemptions count where its images are used."""
    path = project.root / source
    if source.startswith(IMAGE_SCHEME):
        named = [source]
    else:
        named = [str(item) for item in ([path] if path.exists() else sorted(project.root.glob(source)))]
    found = collect(project, named)
    if found.all_uses or path.is_dir():
        return found
    return collect(project, named, image_list.name)
