"""Read the catalogs of ``[[olm.catalog]]``: lists and trees that name more images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.configured_regex import configured_regex
from imagelock.errors import ConfigError
from imagelock.formats.lists import plain as image_list
from imagelock.formats.olm.related_images import bundles
from imagelock.model import olm
from imagelock.model.lock import LATEST, Lock, LockedImage
from imagelock.model.olm import BASE32, EDITOR, SAMPLE
from imagelock.model.reference import Reference
from imagelock.ops.compare import matches_image
from imagelock.ops.lock.apply import apply
from imagelock.ops.lock.plan import LockRequest, plan
from imagelock.ops.olm.catalog_images import CatalogUses
from imagelock.ops.olm.pin import OlmPinning
from imagelock.ops.olm.samples import index_of, sample_files
from imagelock.ops.scan.collect import collect
from imagelock.ops.scan.image_source import split_source
from imagelock.ops.scan.occurrence import Occurrence
from imagelock.ops.scan.scanned_file import IMAGE_SCHEME
from imagelock.ops.usage import recorded_entries

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from pathlib import Path

    from imagelock.model.olm import Catalog
    from imagelock.model.place import Place
    from imagelock.ops.project import Project
    from imagelock.ops.registry_access import RegistryAccess
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.scanned_file import ScannedFile


def lock_of_catalogs(
    project: Project, collection: Collection, lock: Lock, request: LockRequest, access: RegistryAccess
) -> Lock:
    """Return the lock with what this very run will lock for the images that hold catalogs.

    Their lists are read at that digest, so that one round of lock, pin and check is right.
    """
    uses = [use for catalog in project.config.olm.catalogs if (use := _image_of(catalog, collection))]
    if not uses or project.settings.offline:
        return lock
    names = {use.reference.name for use in uses}
    mine = Lock(tuple(image for image in lock.images if image.name in names and _is_meant(image, uses)))
    is_asked = request.upgrade or any(
        matches_image(text, image.name, image.tag) for text in request.upgrade_images for image in mine.images
    )
    places = {(use.file.name, use.place) for use in uses}
    files = {use.file.name: replace(use.file, found=tuple(_kept(use.file, places))) for use in uses}
    part = replace(collection, files=tuple(files.values()), whole=False)
    asked = LockRequest(upgrade=is_asked, adopt=request.adopt, platforms=request.platforms)
    with access.open_reader() as reader:
        result = apply(
            plan(part, mine, asked), mine, asked, reader, jobs=access.jobs, progress=access.progress
        )
    others = (image for image in lock.images if image not in mine.images)
    return Lock((*others, *result.lock.images))


def _is_meant(image: LockedImage, uses: Sequence[Occurrence]) -> bool:
    one = Lock((image,))
    return any(image in recorded_entries(use, one) or one.match(use.reference) is image for use in uses)


def _kept(file: ScannedFile, places: Container[tuple[str, Place]]) -> Iterator[Place]:
    return (place for place in file.places if (file.name, place) in places)


def olm_pinning(project: Project, collection: Collection, lock: Lock | None = None) -> OlmPinning | None:
    """Return what ``[olm]`` asks of a run, its catalogs read; None where it asks for nothing.

    Catalogs inside images are read from the registry by the digest that ``lock`` has; offline they are what
    the lock and the files know of them.  Without a lock they are left out, because checking is offline.
    """
    settings = project.config.olm
    if not settings.related_images:
        return None
    read: list[CatalogUses] = []
    paths: set[Path] = set()
    for catalog in settings.catalogs:
        source = _source(project, catalog, collection, lock)
        if source is None or (lock is None and source.startswith(IMAGE_SCHEME)):
            continue
        if lock is not None and project.settings.offline and source.startswith(IMAGE_SCHEME):
            read.append(CatalogUses(catalog, tuple(_known_uses(catalog, collection, lock))))
            continue
        found = _collected(project, catalog, source)
        read.append(CatalogUses(catalog, tuple(found.all_uses)))
        paths |= {file.path for file in found.files if file.path is not None}
    return OlmPinning(settings=settings, root=project.root, catalogs=tuple(read), files=frozenset(paths))


def _known_uses(catalog: Catalog, collection: Collection, lock: Lock) -> Iterator[Occurrence]:
    """Yield what a catalog inside an image lists, as far as generated variables and the lock tell it."""
    use = _image_of(catalog, collection)
    if use is None or catalog.naming == EDITOR:
        # Nothing here says what the list has, and an empty one would remove every variable.
        raise ConfigError(
            f"the catalog {catalog.label} is inside an image, which --offline does not read",
            hint="pin without --offline, or keep its files in the project",
        )
    known = dict.fromkeys([*_generated(catalog, collection), *_locked_from(use, lock)])
    for reference in known:
        if reference.digest is not None or isinstance(lock.match(reference), LockedImage):
            yield Occurrence(use.file, replace(use.place, reference=reference, slots=()))


def _generated(catalog: Catalog, collection: Collection) -> Iterator[Reference]:
    """Yield the images of the variables that were generated for a catalog, as the catalog lists them."""
    pattern = olm.generated(catalog)
    for file in collection.files:
        for bundle in bundles(file.text) if olm.PREFIX in file.text.content else ():
            for variable in bundle.variables:
                decoded = olm.decode_name(variable.name) if pattern.fullmatch(variable.name) else None
                value = Reference.parse_or_none(variable.value or "")
                if decoded is not None and value is not None:
                    yield value if decoded.digest is not None else value.with_tag(decoded.tag or None)


def _locked_from(use: Occurrence, lock: Lock) -> Iterator[Reference]:
    """Yield the images of the lock that files of an image named."""
    for image in lock.images:
        origin = image.source.origin if image.source is not None else ""
        if origin.startswith(IMAGE_SCHEME) and split_source(origin)[0].name == use.reference.name:
            # The list may have named it without a tag, which is what `latest` most often means.
            yield Reference.parse(image.name if image.tag == LATEST else image.reference)


def with_catalogs(project: Project, collection: Collection, lock: Lock | None = None) -> Collection:
    """Return a collection that also holds what the catalogs of the project list, so that it is locked."""
    if not collection.whole or not project.config.olm.catalogs:
        return collection
    # A list that the scan does not know by its name is there with what it could not read.
    files = {file.name: file for file in collection.files}
    for catalog in project.config.olm.catalogs:
        source = _source(project, catalog, collection, None if project.settings.offline else lock)
        if source is not None:
            for file in _collected(project, catalog, source).files:
                known = files.get(file.name)
                if known is None or not known.places:
                    files[file.name] = file
    return replace(collection, files=tuple(files.values()))


def catalog_uses(project: Project, catalog: Catalog, lock: Lock) -> CatalogUses:
    """Return what the lists of one catalog name; raise :class:`ConfigError` when nothing names its image."""
    source = catalog.source
    if source is None:
        source = _source(project, catalog, collect(project), lock)
    if source is None:
        raise ConfigError(f"there is no variable with the image of the catalog {catalog.label}")
    return CatalogUses(catalog, tuple(_collected(project, catalog, source).all_uses))


def _source(project: Project, catalog: Catalog, collection: Collection, lock: Lock | None) -> str | None:
    """Return where a catalog's lists are; None for a list inside an image that is not known or not asked for."""
    if catalog.source is not None:
        return _path(project, catalog, catalog.source)
    use = None if lock is None else _image_of(catalog, collection)
    if lock is None or use is None:
        return None
    return f"{IMAGE_SCHEME}{_pinned(use, lock)}/{catalog.files}"


def _image_of(catalog: Catalog, collection: Collection) -> Occurrence | None:
    """Return the place that names the image in which a catalog's lists are."""
    for use in collection.uses if catalog.source is None else ():
        if not use.file.has_variables:
            continue
        for bundle in bundles(use.file.text):
            for variable in bundle.variables:
                if (
                    variable.value
                    and (variable.path, bundle.document) == (use.place.path, use.place.document)
                    and configured_regex(catalog.env or "").fullmatch(variable.name)
                ):
                    return use
    return None


def _pinned(use: Occurrence, lock: Lock) -> Reference:
    """Return the image of a catalog by its locked digest; as it is written, while it is not locked."""
    reference = use.reference
    match = next(iter(recorded_entries(use, lock)), None) or lock.match(reference)
    if match is None and len(only := lock.named(reference.name)) == 1:
        # Written by an old digest alone: this run has moved the only entry of that name.
        match = only[0]
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


def _collected(project: Project, catalog: Catalog, source: str) -> Collection:
    """Read a catalog's source; its exemptions count where its images are used."""
    path = project.root / source
    if source.startswith(IMAGE_SCHEME):
        named = [source]
    else:
        named = [str(item) for item in ([path] if path.exists() else sorted(project.root.glob(source)))]
        index = index_of(path) if catalog.naming == SAMPLE else None
        if index is not None:
            return _samples(project, index)
    found = collect(project, named)
    if found.all_uses or path.is_dir() or catalog.naming != BASE32:
        return found
    return collect(project, named, image_list.name)


def _samples(project: Project, index: Path) -> Collection:
    """Read the devfiles of an index of samples, in its order."""
    paths = sample_files(index, project.root, project.shown(index))
    found = collect(project, [str(path) for path in paths])
    order = {path.resolve(): number for number, path in enumerate(paths)}
    files = sorted(
        found.files, key=lambda file: order.get(file.path.resolve(), len(order)) if file.path else len(order)
    )
    return replace(found, files=tuple(files))
