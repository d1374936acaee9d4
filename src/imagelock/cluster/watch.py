"""Follow one resource of an API server: list it, then watch it, and begin again when the server forgot.

Follows the Kubernetes API concepts, "Efficient detection of changes" and "Watch bookmarks".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

import msgspec

from imagelock.cluster.api import AnswerBody, GoneError
from imagelock.cluster.jsonstream import JsonStream
from imagelock.cluster.objects import decode
from imagelock.errors import ClusterError, FormatError
from imagelock.limits import CLUSTER_PAGE, WATCH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.cluster.api import Server
    from imagelock.cluster.running import Observed

Key: TypeAlias = tuple[str, str]
"""Namespace and name of an object within its resource."""


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""


class _Object(msgspec.Struct):
    metadata: _Metadata


class _ListMetadata(msgspec.Struct, rename={"next": "continue", "version": "resourceVersion"}):
    next: str | None = None
    version: str = ""


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Failure(msgspec.Struct):
    code: int = 0
    message: str = ""


_object = msgspec.json.Decoder(_Object)
_event = msgspec.json.Decoder(_Event)
_failure = msgspec.json.Decoder(_Failure)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a resource held when it was listed; what was known before and is not in it is gone."""

    objects: Mapping[Key, tuple[Observed, ...]]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object as it is now; nothing observed means that it is gone."""

    key: Key
    observed: tuple[Observed, ...]


@dataclass(slots=True)
class Follower:
    """Follows one list path (``/api/v1/pods``) of a server; ``kind`` is that of its items.

    A watch that the server ends is taken up where it was; after a 410 the resource is listed again.
    """

    server: Server
    path: str
    kind: str
    version: str | None = None
    _body: AnswerBody | None = field(default=None, repr=False)

    def events(self) -> Iterator[Snapshot | Changed]:
        """Yield what a list holds, then each change, until the server ends the watch.

        Call it again to go on.  Raises :class:`ClusterError` for what cannot be read.
        """
        try:
            if self.version is None:
                yield self._listed()
            yield from self._watched()
        except GoneError:
            self.version = None

    def close(self) -> None:
        """Give up a watch that is under way, from another thread."""
        body = self._body
        if body is not None:
            body.interrupt()

    def _listed(self) -> Snapshot:
        objects: dict[Key, tuple[Observed, ...]] = {}
        token: str | None = None
        while True:
            query = {"limit": str(CLUSTER_PAGE)} | ({"continue": token} if token else {})
            stream = JsonStream(AnswerBody(self.server, f"{self.path}?{urlencode(query)}"))
            try:
                for piece in stream.pieces():
                    objects[_key(piece.data)] = decode(piece.data, piece.of or self.kind)
                metadata = msgspec.json.decode(stream.members.get("metadata", b"{}"), type=_ListMetadata)
            except (FormatError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise ClusterError(f"the answer {getattr(error, 'message', error)}") from error
            if not metadata.next:
                self.version = metadata.version
                return Snapshot(objects)
            token = metadata.next

    def _watched(self) -> Iterator[Changed]:
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
            "resourceVersion": self.version or "",
        }
        self._body = AnswerBody(self.server, f"{self.path}?{urlencode(query)}", is_watch=True)
        try:
            for line in self._body.lines():
                if line.strip():
                    change = self._change(line)
                    if change is not None:
                        yield change
        finally:
            self._body.close()
            self._body = None

    def _change(self, line: bytes) -> Changed | None:
        try:
            event = _event.decode(line)
            data = bytes(event.object)
            if event.type == "ERROR":
                failure = _failure.decode(data)
                if failure.code == 410:
                    raise GoneError("410 Gone")
                raise ClusterError(f"the watch failed: {failure.message or failure.code}")
            metadata = _object.decode(data).metadata
            self.version = metadata.resource_version or self.version
            if event.type == "BOOKMARK":
                return None
            gone = event.type == "DELETED"
            return Changed((metadata.namespace, metadata.name), () if gone else decode(data, self.kind))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ClusterError(f"an event of the watch cannot be read: {error}") from error


def _key(data: bytes | memoryview) -> Key:
    metadata = _object.decode(data).metadata
    return metadata.namespace, metadata.name
