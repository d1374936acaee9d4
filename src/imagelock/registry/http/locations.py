"""Where a ``Location`` leads: scheme, host and port, and a target whose characters stay as they are."""

from __future__ import annotations

from urllib.parse import urljoin

from imagelock.errors import UnreachableError
from imagelock.registry.hosts.endpoints import DEFAULT_PORTS
from imagelock.registry.http.web_address import split_web_address


def split_location(base: str, location: str) -> tuple[str, str, str]:
    """Return scheme, authority and target of a ``Location``, every character of the target kept."""
    try:
        url = location if location.startswith(("https://", "http://")) else urljoin(base, location)
        parts = split_web_address(url)
    except ValueError as error:
        raise UnreachableError(f"a redirect to something that is {error}") from error
    port = parts.port
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    authority = host if port in {None, DEFAULT_PORTS[parts.scheme]} else f"{host}:{port}"
    target = url.partition("://")[2].removeprefix(parts.netloc).partition("#")[0]
    return parts.scheme, authority, target if target.startswith("/") else f"/{target}"
