"""CycloneDX 1.6: every image as a component of type container, its platforms inside it.

Written and serialised by cyclonedx-python-lib (the extra ``imagelock[sbom]``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.bills import described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclonedx.model.component import Component

    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock, LockedImage, PlatformImage

name = "cyclonedx"
summary = "a CycloneDX bill of materials, every image a component"
is_marked = False
options: tuple[Option, ...] = described.OPTIONS


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the document as JSON; raise :class:`UsageError` where the library is missing."""
    try:
        from cyclonedx.model.bom import Bom, BomMetaData  # noqa: PLC0415 - an extra that few have installed
        from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415 - the same
        from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415 - the same
    except ImportError as error:
        raise described.missing(error) from error
    product = Component(
        name=asked.one(described.PRODUCT.name) or "",
        version=asked.one(described.VERSION.name),
        type=ComponentType.APPLICATION,
        bom_ref="product",
    )
    images = [_image(image) for image in lock.images]
    bom = Bom(
        serial_number=described.identity(lock, asked),
        metadata=BomMetaData(component=product, timestamp=described.created(asked)),
        components=images,
    )
    bom.register_dependency(product, images)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _image(image: LockedImage) -> Component:
    parts = [_component(image, part) for part in image.platforms if part.digest != image.digest]
    return _component(image, None, parts)


def _component(image: LockedImage, part: PlatformImage | None, inside: Sequence[Component] = ()) -> Component:
    from cyclonedx import model  # noqa: PLC0415 - an extra that few have installed
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415 - the same
    from packageurl import PackageURL  # noqa: PLC0415 - the same

    url = described.package_url(image, part)
    digest = image.digest if part is None else part.digest
    algorithm = {"sha256": model.HashAlgorithm.SHA_256, "sha512": model.HashAlgorithm.SHA_512}[
        digest.algorithm
    ]
    return Component(
        type=ComponentType.CONTAINER,
        name=image.name,
        version=described.version_of(image),
        purl=PackageURL.from_string(url),
        bom_ref=url if part is None else f"{url}#{part.platform}",
        hashes=[model.HashType(alg=algorithm, content=digest.hex)],
        properties=[model.Property(name="imagelock:platform", value=str(part.platform))] if part else [],
        components=inside,
    )
