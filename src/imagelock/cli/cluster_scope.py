"""What the commands about a cluster share: which cluster, what of it, and how it is read."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.cli.common import Command
    from imagelock.cluster.api import Access
    from imagelock.cluster.live import Scope
    from imagelock.cluster.running import Observed
    from imagelock.ops.project import Project

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("-n", "--namespace", "namespaces", multiple=True, help="Only this namespace (repeatable)."),
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        metavar="RESOURCE",
        help="Also this kind, as kubectl names it: rollouts.argoproj.io (repeatable).",
    ),
    click.option("--all-kinds", is_flag=True, help="Look for pod templates in every kind the cluster has."),
    click.option("--context", metavar="NAME", help="The kubeconfig context to use."),
    click.option("--kubeconfig", metavar="FILE", help="The kubeconfig file.  [default: kubectl's]"),
)
KINDS_ADVICE = "only built-in kinds were looked at: --all-kinds looks for pod templates in the others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Which cluster is looked at, and what of it; with ``dumps`` those instead of a live one."""

    kubeconfig: str | None = None
    context: str | None = None
    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    all_kinds: bool = False
    dumps: tuple[str, ...] = ()

    @property
    def access(self) -> Access:
        """The way to the cluster."""
        from imagelock.cluster.api import Access

        return Access(kubeconfig=self.kubeconfig, context=self.context)

    @property
    def scope(self) -> Scope:
        """What of a live cluster is read."""
        from imagelock.cluster.live import Scope

        return Scope(namespaces=self.namespaces, kinds=self.kinds, all_kinds=self.all_kinds)

    @contextmanager
    def observed(self, project: Project) -> Iterator[Iterator[Observed]]:
        """Open the dumps, relative to the directory of the command, or the live cluster."""
        from imagelock.cluster.api import connect
        from imagelock.cluster.live import read_cluster

        if self.dumps:
            yield self._read(project)
            return
        with connect(self.access) as server:
            yield read_cluster(server, self.scope)

    @property
    def advice(self) -> tuple[str, ...]:
        """What was not looked at, and how to."""
        is_whole = self.dumps or self.all_kinds or self.kinds
        return () if is_whole else (KINDS_ADVICE,)

    def _read(self, project: Project) -> Iterator[Observed]:
        from imagelock.cluster.dump import read_dump

        for name in self.dumps:
            yield from read_dump(project.directory / name, name)


def today() -> dt.date:
    """Return the day by which exemptions end."""
    return dt.datetime.now(tz=dt.UTC).date()


def scope_options(function: Command) -> Command:
    """Add the options that choose a cluster and what of it is read."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def looked(options: dict[str, Any], dumps: tuple[str, ...] = ()) -> Looked:
    """Return what a command's options choose."""
    return Looked(
        **{name: options[name] for name in ("kubeconfig", "context", "namespaces", "kinds", "all_kinds")},
        dumps=dumps,
    )
