"""Where the agent has its lock from: a file, a ConfigMap object, or an OCI artifact by digest."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from imagelock.cluster.api import read_answer
from imagelock.errors import ClusterError, IntegrityError, InvalidValueError, LockError, UsageError
from imagelock.files import decode
from imagelock.limits import LOCK_BYTES
from imagelock.lockfile.reader import parse
from imagelock.model.manifest import Index, parse_manifest
from imagelock.model.reference import Reference
from imagelock.service.agent.run import CurrentLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.cluster.api import Server
    from imagelock.stores.base import ManifestReader

CONFIG_MAP, ARTIFACT = "configmap:", "oci:"
_HINT = "write configmap:NAMESPACE/NAME[/KEY], or oci:NAME@sha256:…"


class _ConfigMap(msgspec.Struct):
    data: dict[str, str] = msgspec.field(default_factory=dict)


def lock_source(text: str, server: Server, reader: ManifestReader) -> Callable[[], CurrentLock]:
    """Return what reads the lock that ``text`` names; it raises :class:`ImagelockError` while it cannot.

    Raises :class:`UsageError` for what names none.
    """
    if text.startswith(CONFIG_MAP):
        namespace, slash, rest = text.removeprefix(CONFIG_MAP).partition("/")
        name, _, key = rest.partition("/")
        if not (namespace and slash and name):
            raise UsageError(f"--lock-from {text}: no ConfigMap", hint=_HINT)
        return lambda: _from_config_map(server, namespace, name, key or None)
    if text.startswith(ARTIFACT):
        try:
            reference = Reference.parse(text.removeprefix(ARTIFACT))
        except InvalidValueError as error:
            raise UsageError(f"--lock-from {text}: {error.message}", hint=_HINT) from error
        if reference.digest is None:
            raise UsageError(
                f"--lock-from {text}: an artifact is named by its digest, which says what the lock is",
                hint=_HINT,
            )
        return _Once(reference, reader)
    raise UsageError(f"--lock-from {text}: neither a ConfigMap nor an artifact", hint=_HINT)


def _from_config_map(server: Server, namespace: str, name: str, key: str | None) -> CurrentLock:
    where = f"configmap:{namespace}/{name}"
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{quote(name, safe='')}"
    try:
        data = msgspec.json.decode(read_answer(server, path), type=_ConfigMap).data
    except msgspec.DecodeError as error:
        raise ClusterError(f"{where} cannot be read: {error}") from error
    if key is None and len(data) != 1:
        keys = ", ".join(sorted(data)) or "none"
        raise LockError(f"it has the keys {keys}", where=where, hint=f"name one: {where}/KEY")
    text = data.get(key) if key is not None else next(iter(data.values()))
    if text is None:
        raise LockError(f"it has no key {key}", where=where, hint=f"its keys: {', '.join(sorted(data))}")
    return _parsed(text.encode(), where)


def _parsed(data: bytes, where: str) -> CurrentLock:
    lock = parse(decode(data), where)
    if not lock.images:
        raise LockError(
            "names no image", where=where, hint="write the lock, or `imagelock export list`, into it"
        )
    return CurrentLock.of(lock, data)


class _Once:
    """Reads an artifact until it has it: what a digest names never changes."""

    def __init__(self, reference: Reference, reader: ManifestReader) -> None:
        self._reference = reference
        self._reader = reader
        self._lock: CurrentLock | None = None

    def __call__(self) -> CurrentLock:
        if self._lock is None:
            self._lock = self._read()
        return self._lock

    def _read(self) -> CurrentLock:
        reference = self._reference
        where = f"oci:{reference}"
        if reference.digest is None:
            raise LockError("no digest", where=where)
        content = self._reader.get_manifest(reference.name, reference.digest)
        try:
            manifest = parse_manifest(content.body, content.media_type)
        except InvalidValueError as error:
            raise IntegrityError(error.message, where=where) from error
        if isinstance(manifest, Index) or len(manifest.layers) != 1:
            raise LockError(
                "it is no artifact of one file", where=where, hint="push one: `oras push NAME images.lock`"
            )
        return _parsed(self._reader.get_blob(reference.name, manifest.layers[0].digest, LOCK_BYTES), where)
