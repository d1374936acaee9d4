"""List what can be rendered in a project: charts, kustomizations, and the charts of Applications and releases.

Pinned texts that are not on disk yet are rendered in a copy of the project in a temporary folder; a
project that is pinned is rendered where it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from imagelock.errors import FileError, FormatError
from imagelock.files import encode, read_bytes
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.limits import GIB, MIB
from imagelock.ops.scan.charts import CHART_FILE
from imagelock.paths import LEADS_OUT, is_below
from imagelock.subprocesses import helm_template, kustomize_build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.ops.scan.collect import Collection

Origin: TypeAlias = tuple[str, int]
"""A file by its name, and the document in it."""

_LOADED_NODES = 200_000
_LIBRARY = re.compile(rb"^type:[ \t]*[\"']?library[\"']?[ \t\r]*(?:#|$)", re.MULTILINE)
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
REMOTE_CHART = "its chart is not in this project"
REMOTE_VALUES = "one of its values files is not in this project"
IMAGES_OF_ARGO = "Argo CD itself sets these images when it builds the kustomization"
IS_TEMPLATE = "a template builds its source"
VALUES_FROM = "valuesFrom takes values from a cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to render: a folder below the tree, by Helm (with values) or by Kustomize.

    ``covers`` are the files below ``folder`` (``prefix``) and the documents whose values are used.
    """

    name: str
    folder: str
    kind: str = "helm"
    values: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    release: str = "imagelock"
    origin_document: int = -1
    covers: frozenset[Origin] = frozenset()

    def render(self, tree: Path, more: Sequence[str] = (), switches: Sequence[str] = ()) -> bytes:
        """Return what the program makes of it; ``more`` are further ``--set-string``, ``switches`` ``--set``."""
        _refuse_links(tree, self.folder)
        if self.kind == "kustomize":
            return kustomize_build(tree / self.folder)
        with tempfile.TemporaryDirectory(prefix="imagelock-") as scratch:
            files = [tree / name for name in self.values]
            for i, words in enumerate(self.inline):
                file = Path(scratch, f"values-{i}.yaml")
                file.write_bytes(encode(words))
                files.append(file)
            return helm_template(
                tree / self.folder,
                files,
                (*self.sets, *switches),
                (*self.texts, *more),
                self.options,
                self.release,
            )


def _refuse_links(tree: Path, folder: str) -> None:
    """Refuse to render what a link leads out of the tree: ``.Files.Get`` would put it into the output.

    A copied tree reaches the charts that others depend on by links of our own.
    """
    top = os.path.realpath(tree)
    for parent, folders, names in os.walk(tree / folder):
        for name in (*folders, *names):
            path = f"{parent}/{name}"
            if name != "charts" and os.path.islink(path) and not is_below(os.path.realpath(path), top):  # noqa: PTH114 - thousands of files
                raise FileError(LEADS_OUT, where=os.path.relpath(path, tree))


@dataclass(frozen=True, slots=True)
class Unproven:
    """Documents whose references cannot be rendered, and why."""

    origin: Origin
    reason: str


@contextlib.contextmanager
def tree_with(collection: Collection, root: Path, texts: Mapping[str, str]) -> Iterator[Path]:
    """Give a folder that is the project with other texts: the project itself when there are none."""
    if not texts:
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="imagelock-") as scratch:
        top = Path(scratch, "project")
        top.mkdir()
        for name, path in _paths(collection):
            if path.is_relative_to(root):
                copy = top / path.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                changed = texts.get(name)
                copy.write_bytes(read_bytes(path, GIB) if changed is None else encode(changed))
        _link_dependencies(root, top)
        yield top


def _link_dependencies(root: Path, top: Path) -> None:
    """Make the charts that others depend on reachable; they are often ignored by git."""
    for file in top.rglob(CHART_FILE):
        charts = root / file.parent.relative_to(top) / "charts"
        if charts.is_dir() and not (file.parent / "charts").exists():
            (file.parent / "charts").symlink_to(charts)


def targets(collection: Collection, root: Path, texts: Mapping[str, str]) -> Iterator[Target | Unproven]:
    """Yield all that can be rendered, and the documents of which it is known that they cannot."""
    names = {
        path.relative_to(root).as_posix(): name
        for name, path in _paths(collection)
        if path.is_relative_to(root)
    }
    for relative, name in names.items():
        folder, _, file = relative.rpartition("/")
        # A chart inside another one is rendered with it.
        above, is_inside, _ = f"/{folder}".rpartition("/charts/")
        if file == CHART_FILE and _is_library(root / relative):
            continue
        if file == CHART_FILE and not (is_inside and f"{above}/{CHART_FILE}".removeprefix("/") in names):
            yield from _chart(folder, name, names, collection)
        elif file in KUSTOMIZATIONS and not _is_flux(root / relative):
            yield Target(name=name, folder=folder, kind="kustomize", covers=frozenset({(name, -1)}))
    for item in collection.files:
        if any(place.format in ("argocd", "flux") for place in item.places):
            content = texts.get(item.name, item.text.content)
            yield from document_targets(Text(item.name, content), root)


def _paths(collection: Collection) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of every file of the run, those behind links out of the project apart."""
    return ((file.name, Path(file.path)) for file in collection.visited if not file.is_outside)


def _is_library(file: Path) -> bool:
    """Whether a chart only holds what other charts include: Helm does not render it by itself."""
    try:
        return _LIBRARY.search(read_bytes(file, MIB)) is not None
    except FileError:
        return False


def _is_flux(file: Path) -> bool:
    """Whether a file is Flux's object of the same kind, which Kustomize does not read."""
    try:
        return b"kustomize.toolkit.fluxcd.io" in read_bytes(file, MIB)
    except FileError:
        return False


def _chart(folder: str, name: str, names: Mapping[str, str], collection: Collection) -> Iterator[Target]:
    """Yield a chart with its own values, and once more with each further values file in its folder."""
    start = f"{folder}/" if folder else ""
    inside = {name for relative, name in names.items() if relative.startswith(start)}
    relatives = {name: relative for relative, name in names.items()}
    others = [
        file.name
        for file in collection.files
        if file.name in inside
        and file.places
        and all(place.format == "helm-values" for place in file.places)
        and not relatives[file.name].endswith(("/values.yaml", "/values.yml"))
        and relatives[file.name] not in ("values.yaml", "values.yml")
    ]
    covers = frozenset((item, -1) for item in inside if item not in others)
    yield Target(name=name, folder=folder, covers=covers)
    for other in others:
        yield Target(
            name=f"{name} with {other}",
            folder=folder,
            values=(relatives[other],),
            covers=frozenset({(other, -1)}),
        )


def document_targets(text: Text, root: Path) -> Iterator[Target | Unproven]:
    """Yield what the Applications and releases of a text render."""
    for chunk in chunks(text):
        try:
            if compose(text, chunk) is None:
                continue
            loaded = yaml.load(text.content[chunk.start : chunk.end], Loader=yaml.CSafeLoader)
        except (FormatError, yaml.YAMLError, ValueError):
            continue
        for item in _objects(loaded) if _is_small(loaded) else ():
            yield from _object(item, (text.path, chunk.index), root)


def _is_small(loaded: object) -> bool:
    """Whether a document stays small when its aliases are written out, as JSON does."""
    stack, seen = [loaded], 0
    while stack and seen < _LOADED_NODES:
        node = stack.pop()
        seen += 1
        stack += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return not stack


def _objects(loaded: object) -> Iterator[dict[str, Any]]:
    if isinstance(loaded, dict):
        items = loaded.get("items") if str(loaded.get("kind", "")).endswith("List") else None
        yield from (item for item in (items or [loaded]) if isinstance(item, dict))


def _object(item: dict[str, Any], origin: Origin, root: Path) -> Iterator[Target | Unproven]:
    spec = item.get("spec")
    if not isinstance(spec, dict):
        return
    kind = item.get("kind")
    if kind == "HelmRelease":
        yield _release(spec, origin, root)
    elif kind in ("Application", "ApplicationSet"):
        inner = _at(spec, "template", "spec") if kind == "ApplicationSet" else spec
        inner = inner if isinstance(inner, dict) else {}
        for source in [inner.get("source"), *(inner.get("sources") or [])]:
            if isinstance(source, dict) and (source.get("helm") or source.get("kustomize")):
                yield _source(source, origin, root)
    else:
        return


def _release(spec: dict[str, Any], origin: Origin, root: Path) -> Target | Unproven:
    chart = _at(spec, "chart", "spec", "chart")
    if spec.get("valuesFrom"):
        return Unproven(origin, VALUES_FROM)
    if _at(spec, "chart", "spec", "sourceRef", "kind") != "GitRepository" or not is_chart(root, chart):
        return Unproven(origin, REMOTE_CHART)
    return Target(
        name=f"{origin[0]} ({chart})",
        folder=os.path.normpath(str(chart)),
        inline=(json.dumps(spec.get("values") or {}, default=str),),
        covers=frozenset({origin}),
    )


def _source(source: dict[str, Any], origin: Origin, root: Path) -> Target | Unproven:
    path, helm = source.get("path"), source.get("helm")
    if "{{" in json.dumps(source, default=str):
        return Unproven(origin, IS_TEMPLATE)
    if not isinstance(helm, dict):
        return Unproven(origin, IMAGES_OF_ARGO)
    if source.get("chart") or not is_chart(root, path):
        return Unproven(origin, REMOTE_CHART)
    folder = os.path.normpath(str(path))
    files = [_values_file(str(name), folder) for name in helm.get("valueFiles") or []]
    if not all(is_inside(root, name) for name in files):
        return Unproven(origin, REMOTE_VALUES)
    tree = helm.get("valuesObject")
    inline = json.dumps(tree, default=str) if tree else str(helm.get("values") or "")
    parameters = [item for item in helm.get("parameters") or [] if isinstance(item, dict)]
    written = [
        (f"{item.get('name')}={str(item.get('value', '')).replace(',', chr(92) + ',')}", item)
        for item in parameters
    ]
    return Target(
        name=f"{origin[0]} ({folder})",
        folder=folder,
        values=tuple(files),
        inline=(inline,) if inline else (),
        sets=tuple(words for words, item in written if not item.get("forceString")),
        texts=tuple(words for words, item in written if item.get("forceString")),
        covers=frozenset({origin}),
    )


def _values_file(name: str, folder: str) -> str:
    """Return a values file's path in the project: beside the chart, or below another source's ``$ref``."""
    if name.startswith("$"):
        return os.path.normpath(name.partition("/")[2])
    return os.path.normpath(name.lstrip("/") if name.startswith("/") else f"{folder}/{name}")


def is_inside(root: Path, name: str) -> bool:
    """Whether a path below the root is a file that no link leads out of the project."""
    path = (root / name).resolve()
    return path.is_relative_to(root.resolve()) and path.is_file()


def is_chart(root: Path, path: object) -> bool:
    """Whether a folder below the root is a chart."""
    return isinstance(path, str) and is_inside(root, f"{os.path.normpath(path)}/{CHART_FILE}")


def _at(node: object, *keys: str) -> object:
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def say(error: FileError) -> str:
    """Return a program's words in one line."""
    return " ".join(error.message.split())[:300]
