"""Show what is here, what is pinned and what to do next: the command without a name, offline and fast."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from imagelock.cli.common import common, verb
from imagelock.cli.reading import read
from imagelock.cli.terminal import stdout_style
from imagelock.ops.verify.summary import summarize
from imagelock.report.text import plural

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.ops.verify.summary import Summary
    from imagelock.report.style import Style


@verb("overview")
@common()
def command(run: Run) -> None:
    """Print the summary of the project; the common options come from the environment alone."""
    project = run.open()
    seen = summarize(project, read(run, project))
    sys.stdout.write(_text(seen, stdout_style()))


def _text(seen: Summary, style: Style) -> str:
    references = f"{seen.references} {plural(seen.references, 'reference')}"
    images, files = (
        f"{seen.images} {plural(seen.images, 'image')}",
        f"{seen.files} {plural(seen.files, 'file')}",
    )
    lines = [
        f"{style.bold('found')}       {references} to {images} in {files}",
        f"{style.bold('pinned')}      {seen.pinned} of {seen.references}",
        f"{style.bold('lock')}        {_lock(seen)}",
    ]
    if seen.problems:
        lines.append(
            f"{style.bold('problems')}    {style.red(str(seen.problems))} (`imagelock scan` shows them)"
        )
    lines.append(
        f"{style.bold('next')}        {style.cyan(seen.next_command)}  {style.dim(seen.next_reason)}"
    )
    return "".join(f"{line}\n" for line in lines)


def _lock(seen: Summary) -> str:
    if seen.entries is None:
        return f"none ({seen.lock_name})"
    return f"{seen.entries} {'entry' if seen.entries == 1 else 'entries'} in {seen.lock_name}"
