"""Post what the agent found to a webhook: plain JSON, a message as Slack takes it, or alerts for Alertmanager.

Follows Slack's "Incoming webhooks" and Alertmanager's API v2 (``/api/v2/alerts``), which forgets an alert that is
not repeated.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import urllib3

from imagelock.errors import ClusterError, UsageError
from imagelock.limits import CONNECT_SECONDS, IDLE_SECONDS
from imagelock.ops.cluster.pods import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from imagelock.ops.cluster.check import Report
    from imagelock.ops.cluster.transitions import Subject, Transition

_LISTED = 20
"""Lines of one message for people."""
_FINE = (None, State.LOCKED, State.EXEMPT)


class Poster:
    """Posts JSON to one address; the address may hold a secret, so messages name its host alone."""

    def __init__(self, url: str) -> None:
        try:
            parts = urllib3.util.parse_url(url)
        except urllib3.exceptions.LocationParseError as error:
            raise UsageError("--notify: not an address", hint="write FORMAT=https://…") from error
        if parts.scheme not in ("http", "https") or not parts.host:
            raise UsageError("--notify: not an address", hint="write FORMAT=https://…")
        self.host = parts.host
        self._url = url
        self._pool = urllib3.PoolManager()

    def post(self, document: Any) -> None:
        """Post one document; raise :class:`ClusterError` when it is not taken."""
        try:
            answer = self._pool.request(
                "POST",
                self._url,
                body=msgspec.json.encode(document),
                headers={"Content-Type": "application/json"},
                redirect=False,
                retries=urllib3.Retry(
                    total=2,
                    backoff_factor=0.5,
                    status_forcelist=(429, 502, 503),
                    allowed_methods=None,
                    raise_on_status=False,
                ),
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=IDLE_SECONDS),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(f"{self.host} does not answer") from error
        if answer.status >= 300:
            raise ClusterError(f"{self.host} answers {answer.status}")


class Plain:
    """All transitions of a look as one document, each as ``cluster watch -o json`` prints it."""

    def __init__(self, poster: Poster) -> None:
        self.name = f"notify {poster.host}"
        self._poster = poster

    def hear(self, found: Sequence[Transition], report: Report) -> None:
        """Post the transitions, when there are any."""
        if found:
            lines = [transition_fields(item) for item in found]
            self._poster.post(
                {
                    "schema": "imagelock/cluster-notify/v1",
                    "transitions": lines,
                    "summary": report.outcome.summary,
                }
            )

    def repeat(self) -> None:
        """Do nothing: whoever takes it keeps it."""


class Slack:
    """One message for a look."""

    def __init__(self, poster: Poster) -> None:
        self.name = f"notify {poster.host}"
        self._poster = poster

    def hear(self, found: Sequence[Transition], report: Report) -> None:  # noqa: ARG002 - the protocol's signature
        """Post a line for each transition, as many as people read."""
        if found:
            lines = [_line(item) for item in found[:_LISTED]]
            lines += [f"and {len(found) - _LISTED} more"] if len(found) > _LISTED else []
            self._poster.post({"text": "\n".join(lines)})

    def repeat(self) -> None:
        """Do nothing: whoever takes it keeps it."""


class Alertmanager:
    """An alert for each container that is wrong: fired, repeated while it lasts, and resolved."""

    def __init__(self, poster: Poster) -> None:
        self.name = f"notify {poster.host}"
        self._poster = poster
        self._active: dict[Subject, dict[str, Any]] = {}

    def hear(self, found: Sequence[Transition], report: Report) -> None:  # noqa: ARG002 - the protocol's signature
        """Post what began and what ended."""
        now = _now()
        ended = []
        for item in found:
            before = self._active.pop(item.subject, None)
            if before is not None:
                ended.append({**before, "endsAt": now})
            if item.after not in _FINE:
                self._active[item.subject] = _alert(item, now)
        begun = [self._active[item.subject] for item in found if item.subject in self._active]
        if ended or begun:
            self._poster.post([*ended, *begun])

    def repeat(self) -> None:
        """Post again what is still wrong."""
        if self._active:
            self._poster.post(list(self._active.values()))


_FORMATS: dict[str, Callable[[Poster], Plain | Slack | Alertmanager]] = {
    "json": Plain,
    "slack": Slack,
    "alertmanager": Alertmanager,
}
FORMATS = tuple(_FORMATS)


def notifiers(given: Iterable[str]) -> list[Plain | Slack | Alertmanager]:
    """Return a receiver for each ``FORMAT=URL``; raise :class:`UsageError` for what is none."""
    found = []
    for text in given:
        name, equals, url = text.partition("=")
        if not equals or name not in _FORMATS:
            raise UsageError("--notify: write FORMAT=URL", hint=f"formats: {', '.join(FORMATS)}")
        found.append(_FORMATS[name](Poster(url)))
    return found


def transition_fields(item: Transition) -> dict[str, Any]:
    """Return a transition as JSON has it."""
    namespace, workload, container, kind, image = item.subject
    return {
        "namespace": namespace,
        "workload": str(workload),
        "container": container,
        "kind": kind.value,
        "reference": image,
        "before": None if item.before is None else item.before.value,
        "after": None if item.after is None else item.after.value,
        "detail": None if item.row is None else item.row.result.detail,
    }


def transition_line(item: Transition) -> str:
    """Return a transition as people read it."""
    namespace, workload, container, _, image = item.subject
    state = "gone" if item.row is None else f"{item.row.result.state.value}: {item.row.result.detail}"
    return f"{workload} in {namespace}: {container}: {image or '(none)'}: {state}"


def _line(item: Transition) -> str:
    # Slack reads &, < and > as marks of its own.
    text = transition_line(item).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{':white_check_mark:' if item.after in _FINE else ':warning:'} {text}"


def _alert(item: Transition, now: str) -> dict[str, Any]:
    fields = transition_fields(item)
    names = {"not locked": "ImageNotLocked", "not pinned": "ImageNotPinned"}
    return {
        "labels": {
            "alertname": names.get(fields["after"], "ImageUnknown"),
            "severity": "warning",
            **{key: fields[key] for key in ("namespace", "workload", "container")},
            "image": fields["reference"],
        },
        "annotations": {"summary": transition_line(item)},
        "startsAt": now,
    }


def _now() -> str:
    return dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
