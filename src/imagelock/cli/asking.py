"""How commands ask registries: one client for the run, made only when something is asked."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagelock.cli.quota import keep_quota
from imagelock.cli.terminal import progress, stderr_style
from imagelock.ops.asking import Asking, Offline
from imagelock.report.text import advice_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.cli.common import Run
    from imagelock.ops.project import Project
    from imagelock.registry.store import ManifestReader


@contextmanager
def asking(run: Run, project: Project, title: str, *, everyone: bool = False) -> Iterator[Asking]:
    """Yield how to ask, with a progress that people see.

    ``everyone``: what a tag means now is asked of every source that may say so, not of the first (ADR 0008).
    """

    @contextmanager
    def reader() -> Iterator[ManifestReader]:
        if run.settings.offline:
            yield Offline()
            return
        from imagelock.registry.client import RegistryClient  # noqa: PLC0415 - offline runs must not pay for it

        settings = project.settings
        with RegistryClient(
            project.config.hosts,
            jobs=settings.jobs,
            retry_time=settings.retry_time,
            keep_quota=keep_quota(),
            everyone=everyone,
        ) as client:
            yield client
        run.say(advice_text(client.warnings, stderr_style()))

    with progress(title, quiet=run.quiet) as shown:
        yield Asking(open_reader=reader, jobs=run.settings.jobs, progress=shown)
