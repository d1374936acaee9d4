"""Give commands access to registries: one client per run, created only when it is needed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagelock.cli.progress import SAME_AGAIN, progress
from imagelock.cli.quota import keep_quota
from imagelock.cli.requests import observer, say_requests
from imagelock.cli.terminal import stderr_style
from imagelock.ops.registry_access import OfflineReader, RegistryAccess
from imagelock.report.text import advice_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.cli.common import Run
    from imagelock.ops.project import Project
    from imagelock.ops.registry_access import RegistryReader


@contextmanager
def registry_access(
    run: Run, project: Project, title: str, *, everyone: bool = False, onward: str = SAME_AGAIN
) -> Iterator[RegistryAccess]:
    """Yield access to the registries, with a progress display.

    With ``everyone``, every source that may resolve a tag is asked, not just the first (ADR 0008).
    """

    @contextmanager
    def reader() -> Iterator[RegistryReader]:
        if run.settings.offline:
            yield OfflineReader()
            return
        from imagelock.registry.client import RegistryClient

        settings = project.settings
        with RegistryClient(
            project.config.hosts,
            jobs=settings.jobs,
            retry_time=settings.retry_time,
            keep_quota=keep_quota(),
            everyone=everyone,
            observer=observer(run),
        ) as client:
            yield client
            say_requests(run, client)
        run.say(advice_text(client.warnings, stderr_style()))

    with progress(title, quiet=run.quiet, onward=onward) as shown:
        yield RegistryAccess(open_reader=reader, jobs=run.settings.jobs, progress=shown)
