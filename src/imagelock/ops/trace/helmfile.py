"""Releases of helmfile whose chart is in the project: values files, values written in place, and ``set``.

A helmfile is a template of its own; one that is not plain YAML is reported, not guessed at.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import yaml

from imagelock.formats.syntax.yaml_text import chunks
from imagelock.ops.verify.render_targets import (
    REMOTE_CHART,
    REMOTE_VALUES,
    Target,
    Unproven,
    is_chart,
    is_inside,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelock.formats.syntax.text import Text

NAMES = ("helmfile.yaml", "helmfile.yml")
TEMPLATE = "helmfile's own templates are not expanded here"


def is_helmfile(name: str) -> bool:
    """Whether a file is a helmfile by its name."""
    return name.rpartition("/")[2] in NAMES or "/helmfile.d/" in f"/{name}"


def helmfile_targets(text: Text, root: Path) -> Iterator[Target | Unproven]:
    """Yield the releases of a helmfile, in the order of the file."""
    folder = text.path.rpartition("/")[0]
    for chunk in chunks(text):
        raw = text.content[chunk.start : chunk.end]
        try:
            loaded = yaml.load(raw, Loader=yaml.CSafeLoader)
        except yaml.YAMLError:
            yield Unproven((text.path, chunk.index), TEMPLATE)
            continue
        releases = loaded.get("releases") if isinstance(loaded, dict) else None
        for release in releases if isinstance(releases, list) else ():
            if isinstance(release, dict):
                yield _release(release, (text.path, chunk.index), folder, root)


def _release(release: dict[str, Any], origin: tuple[str, int], folder: str, root: Path) -> Target | Unproven:
    chart = os.path.normpath(f"{folder}/{release.get('chart')}" if folder else str(release.get("chart")))
    if not is_chart(root, chart):
        return Unproven(origin, REMOTE_CHART)
    files, inline = [], []
    for item in release.get("values") or []:
        if isinstance(item, dict):
            inline.append(json.dumps(item, default=str))
        else:
            files.append(os.path.normpath(f"{folder}/{item}" if folder else str(item)))
    if any("{{" in words for words in (*files, *inline)):
        return Unproven(origin, TEMPLATE)
    if not all(is_inside(root, name) for name in files):
        return Unproven(origin, REMOTE_VALUES)
    sets = [
        f"{item.get('name')}={str(item.get('value', '')).replace(',', chr(92) + ',')}"
        for item in release.get("set") or []
        if isinstance(item, dict)
    ]
    namespace = release.get("namespace")
    return Target(
        name=f"{origin[0]} ({release.get('name')})",
        folder=chart,
        values=tuple(files),
        inline=tuple(inline),
        sets=tuple(sets),
        options=(f"--namespace={namespace}",) if isinstance(namespace, str) else (),
        release=str(release.get("name") or "imagelock"),
        origin_document=origin[1],
        covers=frozenset({origin}),
    )
