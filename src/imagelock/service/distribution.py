"""The OCI distribution API over a local store: requests in, answers out, no sockets.

Follows the OCI distribution specification 1.1.  Bodies and statuses of errors are those of its section
"Error Codes"; where it leaves a choice, Docker's registry is followed, because clients know it.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from imagelock.errors import ImagelockError
from imagelock.service.blobs import BlobRoutes
from imagelock.service.http import BodyTooLongError, HeadError, MalformedBodyError, Response
from imagelock.service.manifests import ManifestRoutes
from imagelock.service.names import ServedNames
from imagelock.service.refusal import HTTPError, refusal, store_refusal
from imagelock.service.uploads import Uploads
from imagelock.stores.catalog import is_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.service.http import Request
    from imagelock.stores.local import LocalStore

_log = logging.getLogger(__name__)
_READS = frozenset({"GET", "HEAD"})
_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One kind of path, and what answers each method; its groups are the handler's arguments."""

    pattern: re.Pattern[str]
    handlers: dict[str, Callable[..., Response]]


class Distribution:
    """The API of one store; call it with a request."""

    def __init__(self, store: LocalStore, *, writable: bool) -> None:
        self.uploads = Uploads(store.create)
        self._writable = writable
        self._names = ServedNames(store)
        self._others = _routes(ManifestRoutes(store, self._names), BlobRoutes(store, self.uploads))
        self._routes = {
            kind: tuple(route for route in self._others if f"/{kind}/" in route.pattern.pattern)
            for kind in ("manifests", "referrers", "tags")
        }

    def __call__(self, request: Request) -> Response:
        """Answer one request; every error becomes an answer, and what is unexpected is logged."""
        try:
            answer = self._answer(request)
        except HTTPError as error:
            answer = error.answer()
        except BodyTooLongError:
            answer = HTTPError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "SIZE_INVALID", "the body is too long"
            ).answer()
        except ImagelockError as error:
            answer = refusal(error).answer()
        except (ConnectionError, TimeoutError, MalformedBodyError, HeadError):
            raise  # The connection is broken, not the registry.
        except OSError as error:
            _log.warning("%s %.200r: %s", request.method, request.path, error.strerror)
            answer = store_refusal(error).answer()
        except Exception:  # noqa: BLE001 - logged, and one request's fault must not end a server
            _log.exception("%s %s", request.method, request.path)
            answer = HTTPError(HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", "internal error").answer()
        return Response(
            status=answer.status,
            headers={**_VERSION, **answer.headers},
            body=answer.body,
            length=answer.length,
        )

    def close(self) -> None:
        """End every upload session."""
        self.uploads.close()

    def _answer(self, request: Request) -> Response:
        # The last but one part of a path tells nearly all of its kind, and spares trying every pattern.
        kind = request.path.rpartition("/")[0].rpartition("/")[2]
        for route in self._routes.get(kind, self._others):
            match = route.pattern.fullmatch(request.path)
            if match is not None:
                break
        else:
            raise HTTPError(HTTPStatus.NOT_FOUND, "UNSUPPORTED", "nothing is at this path")
        name = match.groupdict().get("name")
        if name is not None and not is_path(name):
            raise HTTPError(HTTPStatus.BAD_REQUEST, "NAME_INVALID", "not a repository name", name[:255])
        allowed = [one for one in route.handlers if self._writable or one in _READS]
        if request.method not in allowed:
            raise HTTPError(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "this registry is read-only" if request.method in route.handlers else "no such operation",
                headers={"Allow": ", ".join(allowed)},
            )
        if request.method not in _READS and "origin" in request.headers:
            # Only browsers say where they come from, and no web page has business writing here.
            raise HTTPError(HTTPStatus.FORBIDDEN, "DENIED", "not allowed from a web page")
        groups = match.groupdict()
        if name is not None:
            groups["name"] = self._names.stored(
                name,
                writing=request.method not in _READS,
                blob="/blobs/" in route.pattern.pattern,
            )
        return route.handlers[request.method](request, **groups)


def _routes(manifests: ManifestRoutes, blobs: BlobRoutes) -> tuple[Route, ...]:
    """Return every route; the session's comes before the blob's, which would match it too."""
    name = "/v2/(?P<name>.+)"
    session = rf"{name}/blobs/uploads/(?P<identifier>[^/]+)"
    table: dict[str, dict[str, Callable[..., Response]]] = {
        r"/v2/?": {"GET": _base},
        r"/v2/_catalog": {"GET": manifests.catalog},
        rf"{name}/tags/list": {"GET": manifests.tags},
        rf"{name}/referrers/(?P<digest>[^/]+)": {"GET": manifests.referrers},
        rf"{name}/manifests/(?P<target>[^/]+)": {
            "GET": manifests.get,
            "PUT": manifests.put,
            "DELETE": manifests.delete,
        },
        rf"{name}/blobs/uploads/?": {"POST": blobs.start},
        session: {
            "GET": blobs.status,
            "PATCH": blobs.append,
            "PUT": blobs.finish,
            "DELETE": blobs.cancel,
        },
        rf"{name}/blobs/(?P<digest>[^/]+)": {
            "GET": blobs.get,
            "HEAD": blobs.head,
            "DELETE": blobs.delete,
        },
    }
    return tuple(
        Route(pattern=re.compile(pattern), handlers=_with_head(handlers))
        for pattern, handlers in table.items()
    )


def _with_head(handlers: dict[str, Callable[..., Response]]) -> dict[str, Callable[..., Response]]:
    """Let what answers GET answer HEAD (RFC 9110, section 9.1); the server sends no body to it."""
    return {"HEAD": handlers["GET"], **handlers} if "GET" in handlers else handlers


def _base(_request: Request) -> Response:
    """Answer that this is a registry ("Determining Support")."""
    return Response(status=HTTPStatus.OK, headers={"Content-Type": "application/json"}, body=b"{}")
