"""A copy of what one target renders, in which files are edited and rendered again and again.

Links that lead out of the project are refused before anything is rendered: a chart's ``.Files.Get`` follows
them.  Packaged sub-charts are unpacked in the copy, so that their leaves can be marked.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from imagelock.errors import FileError
from imagelock.files import decode, encode
from imagelock.formats.edit.edits import Edit, applied
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import TRACE_CHART_BYTES, TRACE_CHART_FILES, TRACE_RENDERS, YAML_BYTES
from imagelock.ops.scan.charts import CHART_FILE, PACKAGE_SUFFIX
from imagelock.ops.trace.leaves import value_nodes
from imagelock.ops.trace.outputs import Output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.model.trace import TracedEdit, TracedTarget
    from imagelock.ops.trace.targets import TraceTarget
    from imagelock.ops.verify.render_targets import Target

_TEXTS = (".yaml", ".yml", ".tpl", ".json", ".txt", ".toml")
_DIGESTS = lazy_regex(r"@?(?:sha256:)?(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_DEPTH = 30
_UNUSED = ("README.md", ".git")
INSECURE_IMAGES = "allowInsecureImages"


class TooManyRendersError(Exception):
    """A target needs more renders than :data:`~imagelock.limits.TRACE_RENDERS`."""


class Workspace:
    """The copy of one target; a context manager that removes it.

    Without ``writes`` the texts are only read, which is enough for their hash.
    """

    def __init__(self, root: Path, item: TraceTarget, *, writes: bool = True) -> None:
        self._root = root
        self._writes = writes
        self._item = item
        self._scratch = tempfile.TemporaryDirectory(prefix="imagelock-")
        self._tree = Path(self._scratch.name, "project")
        self._left = TRACE_CHART_BYTES
        self.texts: dict[str, str] = {}
        """The texts that a render depends on, by path below the root."""
        self.unpacked: set[str] = set()
        """Folders that are packaged charts in the project: nothing in them can be edited."""
        self.renders = 0

    def __enter__(self) -> Self:
        """Copy the files."""
        try:
            self._copy_all()
        except BaseException:
            self._scratch.cleanup()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the copy."""
        self._scratch.cleanup()

    @property
    def folder(self) -> str:
        """The folder that is rendered, below the root."""
        return self._item.target.folder

    def render(self, texts: Mapping[str, str] | None = None, *, lenient: bool = False) -> Output:
        """Render with other texts in place; ``lenient`` switches off a chart's check of its registry.

        Raises :class:`FileError` with the renderer's words.
        """
        if self.renders >= TRACE_RENDERS:
            raise TooManyRendersError
        self.renders += 1
        changed = {name: text for name, text in (texts or {}).items() if text != self.texts.get(name)}
        target = self._item.derive(changed)
        more = ("global.security.allowInsecureImages=true",) if lenient and self._checks_registry else ()
        written = [name for name in changed if (self._tree / name).is_file()]
        try:
            for name in written:
                (self._tree / name).write_bytes(encode(changed[name]))
            return Output(decode(target.render(self._tree, switches=more)))
        finally:
            for name in written:
                (self._tree / name).write_bytes(encode(self.texts[name]))

    @property
    def _checks_registry(self) -> bool:
        return any(INSECURE_IMAGES in text for text in self.texts.values())

    def inputs(self, known: TracedTarget | None = None) -> str:
        """Return the hash of all that is rendered, digests apart: pinning does not make a record stale.

        Nor do the tags that pinning wrote into empty keys, as ``known`` has them.
        """
        edits = [image.edit for image in known.images if image.edit is not None] if known else []
        frozen = [edit for edit in edits if edit.kind == "empty-tag" and edit.file in self.texts]
        texts = dict(self.texts)
        for name in {edit.file for edit in frozen}:
            texts[name] = _thawed(texts[name], name, [edit for edit in frozen if edit.file == name])
        return input_hash(
            self._item, self._item.derive({k: v for k, v in texts.items() if v != self.texts[k]}), texts
        )

    def _copy_all(self) -> None:
        if self._item.target.kind == "kustomize":
            self._copy_folder("", 0)
        else:
            self._copy_folder(self.folder, 0)
        for name in (*self._item.target.values, self._item.source):
            if name is not None and name not in self.texts:
                self._copy_file(name)

    def _copy_folder(self, folder: str, depth: int) -> None:
        path = self._root / folder
        if depth > _DEPTH:
            raise FileError(f"folders nested deeper than {_DEPTH}", where=folder)
        if self._writes:
            (self._tree / folder).mkdir(parents=True, exist_ok=True)
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            name = f"{folder}/{entry.name}" if folder not in ("", ".") else entry.name
            if entry.name in _UNUSED or entry.name.endswith(".imagelock-tmp"):
                continue
            self._refuse_link(Path(entry.path), name)
            if entry.is_dir():
                self._copy_folder(name, depth + 1)
            elif entry.is_file() and self._is_needed(entry.name):
                if name.endswith(PACKAGE_SUFFIX) and f"/{name}".rpartition("/")[0].endswith("/charts"):
                    self._unpack(name)
                else:
                    self._copy_file(name)

    def _is_needed(self, name: str) -> bool:
        return (
            self._item.target.kind != "kustomize"
            or name.endswith((*_TEXTS, ".env", ".properties"))
            or "." not in name
        )

    def _refuse_link(self, path: Path, name: str) -> None:
        if path.is_symlink() and not path.resolve().is_relative_to(self._root.resolve()):
            raise FileError(
                "a link leads out of the project", where=name, hint="replace the link by what it names"
            )

    def _copy_file(self, name: str) -> None:
        source, copy = self._root / name, self._tree / name
        self._refuse_link(source, name)
        data = source.read_bytes()
        self._put(name, data, copy)

    def _put(self, name: str, data: bytes, copy: Path) -> None:
        self._left -= len(data)
        if self._left < 0 or len(self.texts) > TRACE_CHART_FILES:
            raise FileError(
                f"larger than {TRACE_CHART_BYTES} bytes or {TRACE_CHART_FILES} files", where=self.folder
            )
        if self._writes:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)
        if len(data) <= YAML_BYTES and b"\0" not in data[:8192]:
            self.texts[name] = decode(data)

    def _unpack(self, name: str) -> None:
        """Unpack a packaged chart beside where it is in the project."""
        above = name.rpartition("/")[0]
        try:
            with tarfile.open(self._root / name, "r:gz") as archive:
                for member, data in _members(archive):
                    self._put(f"{above}/{member}", data, self._tree / above / member)
                    if member.endswith(f"/{CHART_FILE}") and member.count("/") == 1:
                        self.unpacked.add(f"{above}/{member.partition('/')[0]}/")
        except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
            raise FileError("not a whole archive", where=name) from error


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    left = TRACE_CHART_BYTES
    for member in archive:
        name = member.name.removeprefix("./")
        if not member.isreg() or name.startswith("/") or ".." in name.split("/") or "/" not in name:
            continue
        left -= member.size
        file = archive.extractfile(member) if left >= 0 else None
        if file is None:
            raise FileError(f"larger than {TRACE_CHART_BYTES} bytes when unpacked")
        yield name, file.read(member.size)


def _thawed(content: str, name: str, edits: Sequence[TracedEdit]) -> str:
    """Return a file with the tags taken out that pinning wrote for these edits."""
    tags = {(edit.document, edit.path): edit.tag for edit in edits}
    cuts = []
    for node in value_nodes(content, name):
        tag = tags.get((node.document.index, node.path))
        span = node.span()
        is_empty = node.is_null or (node.scalar or "").partition("@")[0] == tag
        if tag is not None and span is not None and len(span) and is_empty:
            cuts.append(Edit(span.offset(0), span.offset(len(span)), ""))
    return applied(content, sorted(cuts))


def input_hash(item: TraceTarget, target: Target, texts: Mapping[str, str]) -> str:
    """Return a hash of texts and of how they are rendered, digests apart."""
    hasher = hashlib.sha256()
    said = (
        target.folder,
        *target.values,
        "",
        *target.inline,
        "",
        *target.sets,
        "",
        *target.texts,
        *target.options,
        target.release,
    )
    for words in said:
        hasher.update(encode(_DIGESTS.sub("", words)) + b"\0")
    for name in sorted(texts):
        if name == item.source and target.kind != "kustomize":
            continue
        lines = "\n".join(line.rstrip() for line in _DIGESTS.sub("", texts[name]).split("\n"))
        hasher.update(encode(name) + b"\0" + encode(lines) + b"\0")
    return f"sha256:{hasher.hexdigest()}"
