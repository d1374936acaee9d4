"""HTTP as it is on the wire, for tests of what a registry answers: nothing is followed or retried."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from imagelock.model.digest import Digest
    from imagelock.model.strictjson import Json


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body, as JSON."""
        value: Json = json.loads(self.body)
        return value

    @property
    def code(self) -> str:
        """The first error code of the OCI distribution specification."""
        return str(json.loads(self.body)["errors"][0]["code"])


class Wire:
    """One kept connection to ``host:port``."""

    def __init__(self, address: str, context: ssl.SSLContext | None = None) -> None:
        host, _, port = address.rpartition(":")
        self.where = (host, int(port))
        if context is None:
            self._connection = http.client.HTTPConnection(host, int(port), timeout=60)
        else:
            self._connection = http.client.HTTPSConnection(host, int(port), timeout=60, context=context)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request; an iterable body is sent chunked."""
        chunked = body is not None and not isinstance(body, bytes)
        self._connection.request(method, path, body=body, headers=dict(headers or {}), encode_chunked=chunked)
        answer = self._connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())

    def get_blob(self, repository: str, digest: Digest, data: bytes) -> None:
        """Push a blob in one request."""
        reply = self.ask("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", data)
        assert reply.status == 201, reply

    def raw(self, data: bytes) -> bytes:
        """Send bytes over a connection of their own and return all that comes back."""
        with socket.create_connection(self.where, timeout=60) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
