"""Look up a name and connect to it within one deadline.

``getaddrinfo`` has no deadline and nothing can break it off, so it runs in a thread that no one has to wait
for: not the caller past its deadline, not Ctrl-C, not the end of the process.  A name has one such thread
at a time, however many ask.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Place: TypeAlias = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
    """The family and the address of one socket to connect to."""


class LookupTimeoutError(TimeoutError):
    """A name was not resolved in time."""


def connect_to(
    host: str,
    port: int,
    *,
    seconds: float,
    admit: Callable[[str], None] | None = None,
    options: Iterable[tuple[int, int, int | bytes]] = (),
) -> socket.socket:
    """Connect to the first address of ``host`` that takes it, and leave ``seconds`` as the socket's timeout.

    ``admit`` sees every address before any is tried, and raises for what must not be.  The deadline is for
    the lookup and all addresses together; each gets its share of what is left, so that one that is silent
    leaves time for the next.  Raises :class:`LookupTimeoutError`, and what sockets raise.
    """
    until = time.monotonic() + seconds
    places = _places(host.strip("[]"), port, seconds)
    if admit is not None:
        for _, address in places:
            admit(address[0])
    for number, place in enumerate(places):
        share = max(until - time.monotonic(), 0.001) / (len(places) - number)
        try:
            plain = _connected(place, share, options)
        except OSError:
            if number + 1 == len(places):
                raise
        else:
            plain.settimeout(seconds)
            return plain
    raise OSError("the name has no address")


def _connected(
    place: Place, seconds: float, options: Iterable[tuple[int, int, int | bytes]]
) -> socket.socket:
    family, address = place
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        for option in options:
            plain.setsockopt(*option)
        plain.settimeout(seconds)
        plain.connect(address)
    except BaseException:
        plain.close()
        raise
    return plain


def _places(host: str, port: int, seconds: float) -> list[Place]:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return _lookup(host, port, seconds)
    if version == 6:
        # The resolver reads a scope (fe80::1%eth0); no name server is asked for an address.
        return _looked_up(host, port)
    return [(socket.AF_INET, (host, port))]


class _Lookup:
    """One question that is under way, and its answer once ``done`` is set."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.places: list[Place] = []
        self.error: OSError | UnicodeError | None = None


_under_way: dict[tuple[str, int], _Lookup] = {}
_guard = threading.Lock()


def _lookup(host: str, port: int, seconds: float) -> list[Place]:
    """Join the lookup of this name that is under way, or begin one."""
    key = (host, port)
    with _guard:
        lookup = _under_way.get(key)
        if lookup is None:
            lookup = _Lookup()
            thread = threading.Thread(target=_run, args=(key, lookup), name=f"lookup {host}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise OSError("no free thread to look up a host name") from error
            _under_way[key] = lookup
    if not lookup.done.wait(seconds):
        raise LookupTimeoutError("the host name was not resolved in time")
    if lookup.error is not None:
        # A new one: an exception raised in several threads would collect all their tracebacks.
        raise type(lookup.error)(*lookup.error.args)
    return lookup.places


def _run(key: tuple[str, int], lookup: _Lookup) -> None:
    try:
        lookup.places = _looked_up(*key)
    except (OSError, UnicodeError) as error:
        lookup.error = error
    finally:
        with _guard:
            _under_way.pop(key, None)
        lookup.done.set()


def _looked_up(host: str, port: int) -> list[Place]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((each[0], each[4]) for each in found if isinstance(each[4][0], str)))
