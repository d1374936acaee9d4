"""What every bill of materials says about an image: its package URL, its name and its version.

Package URLs follow the type ``oci`` of the package-url specification: the last part of the repository is the
name, the digest the version, and ``repository_url`` says where it is.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import uuid
from typing import TYPE_CHECKING
from urllib.parse import quote

from imagelock.errors import UsageError
from imagelock.interchange.base import Option

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock, LockedImage, PlatformImage

PRODUCT = Option(name="product", help="The product the lock belongs to.", metavar="NAME", required=True)
VERSION = Option(name="product-version", help="Its release.", metavar="VERSION")
CREATED = Option(
    name="created",
    help="When the document was made, in RFC 3339; else SOURCE_DATE_EPOCH, else now.",
    metavar="TIME",
)
OPTIONS = (PRODUCT, VERSION, CREATED)
EXTRA = "imagelock[sbom]"

_SPACE = uuid.UUID("5f2b6a0e-7d0f-5c61-9d2e-0f1a7c1f3b52")
"""The name space of the identifiers made here: a random number, fixed once."""


def package_url(image: LockedImage, part: PlatformImage | None = None) -> str:
    """Return the package URL of an entry, or of one of its platforms."""
    version = image.digest if part is None else part.digest
    qualifiers = {"repository_url": image.name, "tag": image.tag}
    if part is not None:
        qualifiers["arch"] = part.platform.architecture
    written = "&".join(
        f"{key}={quote(value, safe='/:')}" for key, value in sorted(qualifiers.items()) if value
    )
    return f"pkg:oci/{image.name.rpartition('/')[2]}@{version}?{written}"


def version_of(image: LockedImage) -> str:
    """Return the version that people read: the tag, or the digest where there is none."""
    return image.tag or str(image.digest)


def identity(lock: Lock, asked: ExportOptions) -> uuid.UUID:
    """Return an identifier of the document: equal locks of one release have equal ones."""
    words = [asked.one(PRODUCT.name) or "", asked.one(VERSION.name) or "", *(i.image_id for i in lock.images)]
    return uuid.uuid5(_SPACE, hashlib.sha256("\n".join(words).encode()).hexdigest())


def created(asked: ExportOptions) -> dt.datetime:
    """Return when the document was made, in UTC and whole seconds; raise :class:`UsageError` for no time."""
    given, epoch = asked.one(CREATED.name), os.environ.get("SOURCE_DATE_EPOCH")
    try:
        if given is not None:
            moment = dt.datetime.fromisoformat(given)
        elif epoch:
            moment = dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC)
        else:
            moment = dt.datetime.now(tz=dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        where = "--created" if given is not None else "SOURCE_DATE_EPOCH"
        raise UsageError(
            f"{where} is not a time: {given or epoch!r}", hint="write it as 2026-01-31T12:00:00Z"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.astimezone(dt.UTC).replace(microsecond=0)


def missing(error: ImportError) -> UsageError:
    """Return the error for a library that is not installed."""
    return UsageError(f"this export needs {EXTRA}", hint=f"pip install '{EXTRA}' ({error.name} is missing)")
