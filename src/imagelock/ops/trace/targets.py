"""What is traced: charts, Applications, HelmReleases, helmfile releases, ``[[helm]]`` tables, kustomizations.

A target is put together from the texts of files, so that editing a file and asking again gives what the
edited project would deploy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.files import decode, read_bytes
from imagelock.formats.syntax.text import Text
from imagelock.ops.trace.helmfile import helmfile_targets, is_helmfile
from imagelock.ops.verify.render_targets import Target, Unproven, document_targets, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imagelock.config import Config
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection

_MARKS = ("argoproj.io/", "HelmRelease")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceTarget:
    """One target as its files say it; ``source`` is the file its values stand in, beside the chart's own."""

    target: Target
    source: str | None = None
    number: int = 0
    document: int = -1
    rederive: Callable[[Text], list[Target | Unproven]] | None = None

    @property
    def name(self) -> str:
        """The name in the record."""
        return self.target.name

    def derive(self, texts: Mapping[str, str]) -> Target:
        """Return the target that edited files would give; ``texts`` are by path below the project's root."""
        if self.source is None or self.source not in texts or self.rederive is None:
            return self.target
        found = self.rederive(Text(self.source, texts[self.source]))
        item = found[self.number] if self.number < len(found) else None
        return replace(item, name=self.name) if isinstance(item, Target) else self.target


@dataclass(frozen=True, slots=True)
class Untraceable:
    """What is known not to be renderable, and why."""

    name: str
    reason: str


def trace_targets(project: Project, collection: Collection) -> Iterator[TraceTarget | Untraceable]:
    """Yield everything in the project that can be rendered, and what is known not to be."""
    root = project.root
    seen: set[str] = set()
    for item in (
        *_plain(collection, root),
        *_documents(collection, root),
        *_helmfiles(collection, root),
        *_configured(project.config),
    ):
        if item.name not in seen:
            seen.add(item.name)
            yield item


def _plain(collection: Collection, root: Path) -> Iterator[TraceTarget]:
    """Yield charts and kustomizations."""
    for item in targets(collection, root, {}):
        if isinstance(item, Target) and all(document < 0 for _, document in item.covers):
            yield TraceTarget(target=item)


def _documents(collection: Collection, root: Path) -> Iterator[TraceTarget | Untraceable]:
    """Yield what Applications and HelmReleases deploy, also those that name no image themselves."""
    for visited in collection.visited:
        text = _text(root, visited.path) if visited.path.endswith((".yaml", ".yml", ".json")) else None
        if text is None or not any(mark in text.content for mark in _MARKS):
            continue
        for number, item in enumerate(document_targets(text, root)):
            if isinstance(item, Unproven):
                yield Untraceable(f"{text.path} (document {item.origin[1] + 1})", item.reason)
                continue
            yield TraceTarget(
                target=item if number == 0 else replace(item, name=f"{item.name} #{number + 1}"),
                source=text.path,
                number=number,
                document=next(iter(item.covers))[1],
                rederive=lambda text: list(document_targets(text, root)),
            )


def _text(root: Path, path: str) -> Text | None:
    """Return a visited file by its path below the root; None for one that is elsewhere or cannot be read."""
    file = Path(path)
    if not file.is_relative_to(root):
        return None
    try:
        return Text(file.relative_to(root).as_posix(), decode(read_bytes(file)))
    except FileError:
        return None


def _helmfiles(collection: Collection, root: Path) -> Iterator[TraceTarget | Untraceable]:
    for visited in collection.visited:
        if not is_helmfile(visited.name):
            continue
        text = _text(root, visited.path)
        if text is None:
            continue
        for number, item in enumerate(helmfile_targets(text, root)):
            if isinstance(item, Unproven):
                yield Untraceable(f"{item.origin[0]} (release {number + 1})", item.reason)
            else:
                yield TraceTarget(
                    target=item,
                    source=text.path,
                    number=number,
                    document=item.origin_document,
                    rederive=lambda text: list(helmfile_targets(text, root)),
                )


def _configured(config: Config) -> Iterator[TraceTarget | Untraceable]:
    for item in config.helm:
        yield TraceTarget(
            target=Target(
                name=item.name,
                folder=item.chart,
                values=item.values,
                sets=item.sets,
                options=item.options,
                release=item.release,
                covers=frozenset((name, -1) for name in item.values),
            )
        )
