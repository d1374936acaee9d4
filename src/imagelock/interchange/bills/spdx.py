"""SPDX 2.3: every image as a package that the product contains.

Written by spdx-tools (the extra ``imagelock[sbom]``), which checks the document before it writes it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from imagelock.interchange.bills import described

if TYPE_CHECKING:
    from spdx_tools.spdx.model import Package

    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock, LockedImage

name = "spdx"
summary = "an SPDX bill of materials, every image a package"
is_marked = False
options: tuple[Option, ...] = described.OPTIONS

_DOCUMENT, _PRODUCT = "SPDXRef-DOCUMENT", "SPDXRef-product"


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the document as JSON; raise :class:`UsageError` where the library is missing."""
    try:
        from spdx_tools.spdx import model  # noqa: PLC0415 - an extra that few have installed
        from spdx_tools.spdx.writer.json.json_writer import write_document_to_stream  # noqa: PLC0415 - the same
    except ImportError as error:
        raise described.missing(error) from error
    product = model.Package(
        spdx_id=_PRODUCT,
        name=asked.one(described.PRODUCT.name) or "",
        version=asked.one(described.VERSION.name),
        download_location=model.SpdxNoAssertion(),
        files_analyzed=False,
    )
    images = [_package(image, number) for number, image in enumerate(lock.images)]
    info = model.CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id=_DOCUMENT,
        name=product.name,
        document_namespace=f"urn:uuid:{described.identity(lock, asked)}",
        creators=[model.Actor(model.ActorType.TOOL, "imagelock")],
        created=described.created(asked).replace(tzinfo=None),
    )
    document = model.Document(
        info,
        packages=[product, *images],
        relationships=[
            model.Relationship(_DOCUMENT, model.RelationshipType.DESCRIBES, _PRODUCT),
            *(model.Relationship(_PRODUCT, model.RelationshipType.CONTAINS, item.spdx_id) for item in images),
        ],
    )
    text = io.StringIO()
    write_document_to_stream(document, text)
    return text.getvalue() + "\n"


def _package(image: LockedImage, number: int) -> Package:
    from spdx_tools.spdx import model  # noqa: PLC0415 - an extra that few have installed

    url = described.package_url(image)
    algorithm = model.ChecksumAlgorithm[image.digest.algorithm.upper()]
    return model.Package(
        spdx_id=f"SPDXRef-image-{number}",
        name=image.name,
        version=described.version_of(image),
        download_location=model.SpdxNoAssertion(),
        files_analyzed=False,
        checksums=[model.Checksum(algorithm, image.digest.hex)],
        primary_package_purpose=model.PackagePurpose.CONTAINER,
        external_references=[
            model.ExternalPackageRef(model.ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", url)
        ],
    )
