"""Every report that ``--report FORMAT=FILE`` writes, and the one line that adds another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.report.json import outcome_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.model.outcome import Outcome

REPORTS: dict[str, Callable[[Outcome], str]] = {"json": outcome_json}
