"""Show each request to who wants to see it, as it ends."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from imagelock.errors import RegistryError
from imagelock.lazy_regex import lazy_regex
from imagelock.registry.http.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

_OWN_PATH = lazy_regex(
    r"/v2/(?=\Z|\?)|/v2/[a-z0-9._/-]+/(?:manifests/[A-Za-z0-9_.:-]+|blobs/(?:uploads/|sha(?:256|512):[0-9a-f]+)"
    r"|tags/list|referrers/[a-z0-9:]+)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as an observer sees it: ``what`` is method and URL as far as it can hold no signature.

    ``status`` is None where no answer came that counts, ``earlier`` the number of tries before.
    """

    what: str
    status: int | None
    seconds: float
    earlier: int


Observer: TypeAlias = "Callable[[Exchange], None]"


def shown_target(target: str) -> str:
    """Return what may be shown of a request's target: the paths of the distribution specification, without a query.

    Where a redirect or an upload's ``Location`` leads, the path may be the secret.
    """
    match = _OWN_PATH.match(target)
    return match[0] if match else "/…"


def observed(request: Callable[[], R], shown: str, earlier: int, observer: Observer) -> R:
    """Send a request and pass on what came of it; ``shown`` is method and URL."""
    begun = time.monotonic()
    try:
        result = request()
    except RegistryError:
        observer(Exchange(shown, None, time.monotonic() - begun, earlier))
        raise
    status = result.status if isinstance(result, Response) else None
    observer(Exchange(shown, status, time.monotonic() - begun, earlier))
    return result
