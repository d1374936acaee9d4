"""Every report that ``--report FORMAT=FILE`` writes, and the one line that adds another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.report.github import workflow_commands
from imagelock.report.gitlab import code_quality
from imagelock.report.html import html
from imagelock.report.json import outcome_json
from imagelock.report.junit import junit
from imagelock.report.markdown import markdown
from imagelock.report.sarif import sarif

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.model.outcome import Outcome

REPORTS: dict[str, Callable[[Outcome], str]] = {
    "json": outcome_json,
    "sarif": sarif,
    "junit": junit,
    "gitlab": code_quality,
    "github": workflow_commands,
    "markdown": markdown,
    "html": html,
}
