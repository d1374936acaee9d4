"""What is deployed of a chart where no Application or HelmRelease says it (``[[helm]]``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmRelease:
    """A chart with its values: paths below the project's root."""

    chart: str
    values: tuple[str, ...] = ()
    release: str = "imagelock"
    namespace: str | None = None
    kube_version: str | None = None
    api_versions: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in reports and in the record of traces."""
        return f"{self.chart} ({', '.join((self.release, *self.values))})"

    @property
    def options(self) -> tuple[str, ...]:
        """The further options for ``helm template``."""
        found = [f"--namespace={self.namespace}"] if self.namespace else []
        found += [f"--kube-version={self.kube_version}"] if self.kube_version else []
        return (*found, *(f"--api-versions={item}" for item in self.api_versions))
