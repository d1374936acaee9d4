"""Show requests to registries: counted by host with ``-v``, each one with ``-vv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.report.style import printable

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.registry.client import RegistryClient
    from imagelock.registry.http.observed import Exchange, Observer


def observer(run: Run) -> Observer | None:
    """Return what prints each request, where the user asked for that."""
    if run.verbose < 2:
        return None
    return lambda exchange: run.remark(request_line(exchange))


def request_line(exchange: Exchange) -> str:
    """Return a request as one line: method, URL, status, time, and which try it was."""
    status = "no answer to use" if exchange.status is None else str(exchange.status)
    again = f", try {exchange.earlier + 1}" if exchange.earlier else ""
    return f"{printable(exchange.what)}: {status}, {exchange.seconds * 1000:.0f} ms{again}"


def say_requests(run: Run, client: RegistryClient) -> None:
    """Print how many requests went to each host."""
    if not run.verbose:
        return
    hosts: dict[str, list[str]] = {}
    for (host, method), count in sorted(client.requests.items()):
        hosts.setdefault(host, []).append(f"{count} {method}")
    for host, counts in hosts.items():
        run.remark(f"requests to {host}: {', '.join(counts)}")
