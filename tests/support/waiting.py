"""Wait for what another thread does, and give up in the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_for(is_true: Callable[[], bool]) -> None:
    """Return as soon as something is true."""
    deadline = time.monotonic() + 90
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
