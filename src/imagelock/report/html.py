"""An outcome as one HTML page that needs nothing else: no script, no style sheet, no image of another host."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from imagelock import __version__
from imagelock.model.finding_codes import FINDING_CODES, Level
from imagelock.report.facts import exempt_place, help_command, help_url
from imagelock.report.style import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagelock.model.outcome import Change, Finding, Outcome

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; margin: 0 0 2rem; width: 100%; }}
caption {{ font-weight: bold; padding: .5rem 0; text-align: left; }}
td, th {{ border-top: 1px solid #8886; overflow-wrap: anywhere; padding: .3rem .6rem; text-align: left; vertical-align: top; }}
code {{ font-family: ui-monospace, monospace; font-size: .92em; }}
.error {{ color: #b3261e; }}
.warning {{ color: #8a5a00; }}
@media print {{
  body {{ margin: 0; max-width: none; }}
  tr {{ break-inside: avoid; }}
}}
@media (prefers-color-scheme: dark) {{
  body {{ background: #16181c; color: #e3e5e8; }}
  a {{ color: #8ab4f8; }}
  .error {{ color: #ff8a80; }}
  .warning {{ color: #ffcc66; }}
}}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{counts}</p>
{tables}
<footer><p>imagelock {version}</p></footer>
</body>
</html>
"""


def html(outcome: Outcome) -> str:
    """Return the page: findings with errors first, changes, what is exempt, and all images that were looked at."""
    findings = sorted(outcome.findings, key=lambda item: (item.level is Level.WARNING, item.code))
    tables = [
        _table("Findings", ("code", "place", "what", "what to do"), [_finding(item) for item in findings]),
        _table("Changes", ("image", "before", "after"), [_change(item) for item in outcome.changes]),
        _table(
            "Exempt",
            ("image", "place", "reason"),
            [
                (_code(item.reference), _code(exempt_place(item)), _text(item.reason))
                for item in outcome.exempt
            ],
        ),
        _table("Images that were looked at", ("image",), [(_code(image),) for image in outcome.images]),
    ]
    counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in outcome.summary.items() if n)
    return _PAGE.format(
        title=_text(f"imagelock {outcome.command}"),
        counts=_text(counts or "nothing"),
        tables="\n".join(
            ([] if outcome.findings else ["<p>No findings.</p>"]) + [table for table in tables if table]
        ),
        version=_text(__version__),
    )


def _finding(item: Finding) -> tuple[str, str, str, str]:
    name = f"{item.level.value} {item.code} {item.name}"
    what = "<br>".join(_code(line) for line in (item.message, *item.notes))
    return (
        _link(item, name),
        _code(item.where or ""),
        what,
        _text(item.hint or FINDING_CODES[item.code].remedy),
    )


def _link(item: Finding, name: str) -> str:
    """Return the finding's name, leading to its page in the docs or to the command that explains it."""
    url = help_url(item.code)
    if url is None:
        return f'<span class="{item.level.value}" title="{help_command(item.code)}">{_text(name)}</span>'
    return f'<a class="{item.level.value}" href="{_text(url)}">{_text(name)}</a>'


def _change(item: Change) -> tuple[str, str, str]:
    where = "" if item.file is None else f" {_code(f'{item.file}:{item.line}')}"
    return _code(item.reference) + where, _code(item.before or ""), _code(item.after or "")


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return ""
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    return f"<table>\n<caption>{title}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>" if text else ""


def _text(text: str) -> str:
    return escape(printable(text))
