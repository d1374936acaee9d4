"""Show each request to who wants to see it, as it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from imagelock.errors import RegistryError
from imagelock.registry.http.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as an observer sees it: ``what`` is method and URL, without the query that may hold a signature.

    ``status`` is None where no answer came that counts, ``earlier`` the number of tries before.
    """

    what: str
    status: int | None
    seconds: float
    earlier: int


Observer: TypeAlias = "Callable[[Exchange], None]"


def observed(request: Callable[[], R], what: str, earlier: int, observer: Observer) -> R:
    """Send a request and pass on what came of it."""
    begun = time.monotonic()
    shown = what.partition("?")[0]
    try:
        result = request()
    except RegistryError:
        observer(Exchange(shown, None, time.monotonic() - begun, earlier))
        raise
    status = result.status if isinstance(result, Response) else None
    observer(Exchange(shown, status, time.monotonic() - begun, earlier))
    return result
