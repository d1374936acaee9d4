"""What is traced: charts, Applications, HelmReleases, helmfile releases, ``[[helm]]`` tables, kustomizations.

A target is put together from the texts of files, so that editing a file and asking again gives what the
edited project would deploy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.formats.syntax.text import Text
from imagelock.ops.trace.helmfile import helmfile_targets, is_helmfile
from imagelock.ops.verify.render_targets import Target, Unproven, document_targets, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from imagelock.config import Config
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection


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
    for item in (*_plain(collection, root), *_helmfiles(collection, root), *_configured(project.config)):
        if item.name not in seen:
            seen.add(item.name)
            yield item


def _plain(collection: Collection, root: Path) -> Iterator[TraceTarget | Untraceable]:
    numbers: dict[str, int] = {}
    for item in targets(collection, root, {}):
        if isinstance(item, Unproven):
            file, document = item.origin
            numbers[file] = numbers.get(file, -1) + 1
            yield Untraceable(f"{file} (document {document + 1})", item.reason)
            continue
        origins = [origin for origin in item.covers if origin[1] >= 0]
        if not origins:
            yield TraceTarget(target=item)
            continue
        file, document = origins[0]
        number = numbers[file] = numbers.get(file, -1) + 1
        yield TraceTarget(
            target=item if number == 0 else replace(item, name=f"{item.name} #{number + 1}"),
            source=file,
            number=number,
            document=document,
            rederive=lambda text: list(document_targets(text, root)),
        )


def _helmfiles(collection: Collection, root: Path) -> Iterator[TraceTarget | Untraceable]:
    for visited in collection.visited:
        if not is_helmfile(visited.name):
            continue
        path = root / visited.path
        if not path.is_file():
            continue
        text = Text(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8", errors="replace"))
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
