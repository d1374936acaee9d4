"""How imagelock recognises what it wrote itself.

An export is made from the lock and is never a source of it; a report quotes what was found elsewhere.
"""

from __future__ import annotations

from imagelock.lazy_regex import lazy_regex

_START = "# Written by `imagelock export "
_HEAD_CHARS = 1024


def mark(export: str) -> str:
    """Return the comment line that an export begins with."""
    return f"{_START}{export}` from the lock: change the lock and export again.\n"


def is_export(content: str) -> bool:
    """Whether a text begins with that line, perhaps below other comments and the start of a document."""
    at = content.find(_START, 0, _HEAD_CHARS)
    if at < 0:
        return False
    above = content[:at].removeprefix("\ufeff")
    if above and not above.endswith("\n"):
        return False
    return all(not line.strip() or line.startswith(("#", "---")) for line in above.splitlines())


_REPORT = lazy_regex(
    r"\s*(?:"
    r"\{\s*\"schema\": \"imagelock/"
    r"|\{\s*\"\$schema\": \"[^\"]*sarif[^\"]*\",[^\]]{0,200}?\"driver\": \{\s*\"name\": \"imagelock\""
    r"|<\?xml[^>]*>\s*<testsuites[^>]*>\s*<testsuite name=\"imagelock "
    r"|\[\s*\{\s*\"description\": \"[^\n]*\n\s*\"check_name\": \"imagelock "
    r"|## imagelock [a-z-]+: "
    r"|<!DOCTYPE html>[^\0]{0,300}?<title>imagelock "
    r"|::(?:error|warning) file=[^\n]{0,2000}title=IL[0-9]{3} )"
)
"""How each report begins: JSON, SARIF, JUnit, GitLab code quality, Markdown, HTML, annotations."""


def is_report(content: str) -> bool:
    """Whether a text begins as one of imagelock's own reports does."""
    return ("imagelock" in content[:_HEAD_CHARS] or content.startswith("::")) and _REPORT.match(
        content
    ) is not None
