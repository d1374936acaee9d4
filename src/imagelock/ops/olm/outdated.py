"""Compare what a bundle has with what its catalogs give: variables, and related images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.model import olm
from imagelock.model.digest import same_digest
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.olm.related_images import Bundle
    from imagelock.ops.olm.catalog_images import CatalogImages


def differences(bundle: Bundle, catalogs: Sequence[CatalogImages]) -> Iterator[str]:
    """Yield each variable that is missing, too many or another, and each image that is not related."""
    if bundle.operator is not None:
        yield from _variables(bundle, catalogs)
    if bundle.is_csv:
        yield from _related(bundle, catalogs)


def _variables(bundle: Bundle, catalogs: Sequence[CatalogImages]) -> Iterator[str]:
    patterns = [olm.generated(read.catalog) for read in catalogs]
    has = {
        item.name: item.value or ""
        for item in bundle.variables
        if any(pattern.fullmatch(item.name) for pattern in patterns)
    }
    wanted = {item.name: item.value for read in catalogs for item in read.variables}
    for name, value in wanted.items():
        if name not in has:
            yield f"{name} is missing"
        elif not _is_same(has[name], value):
            yield f"{name} is {has[name] or 'empty'}, and the catalog gives {value}"
    for name in has.keys() - wanted.keys():
        yield f"{name} is in no catalog"


def _related(bundle: Bundle, catalogs: Sequence[CatalogImages]) -> Iterator[str]:
    known = [
        reference for item in bundle.related if (reference := Reference.parse_or_none(item.image)) is not None
    ]
    for read in catalogs:
        for item in read.images:
            image = item.image
            if not any(
                other.name == image.name
                and (other.digest is None or image.digest is None or same_digest(other.digest, image.digest))
                for other in known
            ):
                yield f"{item.origin} is no related image"


def _is_same(written: str, wanted: str) -> bool:
    """Whether two values are one image: a tag beside the digest makes no difference."""
    one, other = Reference.parse_or_none(written), Reference.parse_or_none(wanted)
    if one is None or other is None or one.digest is None or other.digest is None:
        return written == wanted
    return one.name == other.name and same_digest(one.digest, other.digest)
