"""Keep what the followers of all resources see, and say when it is complete and when it changed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from imagelock.cluster.api import ForbiddenError
from imagelock.cluster.running import UnreadableObject
from imagelock.cluster.watch import Changed, Follower
from imagelock.errors import ClusterError
from imagelock.limits import WATCH_PAUSE_MOST_SECONDS, WATCH_PAUSE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.cluster.api import Server
    from imagelock.cluster.live import ListPath
    from imagelock.cluster.running import Observed
    from imagelock.cluster.watch import Key, Snapshot


class Collector:
    """Follows resources with a thread each; safe for many threads."""

    def __init__(self, server: Server, resources: Sequence[ListPath]) -> None:
        self._objects: dict[str, dict[Key, tuple[Observed, ...]]] = {}
        self._failures: dict[str, UnreadableObject] = {}
        self._followers = [(item, Follower(server, item.path, item.kind)) for item in resources]
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.changed = threading.Event()
        self.events = 0
        self.last_event = time.monotonic()

    def start(self) -> None:
        """Begin to follow everything."""
        for resource, follower in self._followers:
            threading.Thread(
                target=self._follow, args=(resource, follower), name=resource.what, daemon=True
            ).start()

    def stop(self) -> None:
        """End all of it; nobody waits for a silent server."""
        self._ended.set()
        self.changed.set()
        for _, follower in self._followers:
            follower.close()

    @property
    def is_stopped(self) -> bool:
        """Whether it was told to end."""
        return self._ended.is_set()

    @property
    def is_complete(self) -> bool:
        """Whether every resource was listed once, or is known to be unreadable."""
        with self._lock:
            return all(
                item.path in self._objects or item.path in self._failures for item, _ in self._followers
            )

    def observed(self) -> Iterator[Observed]:
        """Yield everything that is known now, and what cannot be read."""
        with self._lock:
            kept = [one for objects in self._objects.values() for found in objects.values() for one in found]
            failures = list(self._failures.values())
        yield from kept
        yield from failures

    def _follow(self, resource: ListPath, follower: Follower) -> None:
        pause = WATCH_PAUSE_SECONDS
        while not self._ended.is_set():
            try:
                for event in follower.events():
                    self._take(resource, event)
                    pause = WATCH_PAUSE_SECONDS
                    if self._ended.is_set():
                        return
            except ForbiddenError as error:
                self._fail(resource, error)
                pause = WATCH_PAUSE_MOST_SECONDS
            except ClusterError as error:
                self._fail(resource, error)
            else:
                pause = WATCH_PAUSE_SECONDS
                if follower.version is None:
                    continue
            if resource.path in self._failures or follower.version is None:
                self._ended.wait(pause)
                pause = min(pause * 2, WATCH_PAUSE_MOST_SECONDS)

    def _take(self, resource: ListPath, event: Snapshot | Changed) -> None:
        with self._lock:
            self._failures.pop(resource.path, None)
            if isinstance(event, Changed):
                objects = self._objects.setdefault(resource.path, {})
                if event.observed:
                    objects[event.key] = event.observed
                else:
                    objects.pop(event.key, None)
            else:
                self._objects[resource.path] = dict(event.objects)
            self.events += 1
            self.last_event = time.monotonic()
        self.changed.set()

    def _fail(self, resource: ListPath, error: ClusterError) -> None:
        """Note what cannot be read; what was seen of it before may be old, so it no longer counts."""
        with self._lock:
            if not resource.is_optional:
                self._failures[resource.path] = UnreadableObject(
                    what=resource.what, reason=error.message, hint=error.hint
                )
            self._objects.setdefault(resource.path, {})
        self.changed.set()
