"""Shared by the fast readers: decide which documents are plain enough, and refuse all others."""

from __future__ import annotations

from imagelock.lazy_regex import lazy_regex

KINDS = frozenset(
    [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "CronJob",
        "CustomResourceDefinition",
        "DaemonSet",
        "Deployment",
        "Ingress",
        "Job",
        "Namespace",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Pod",
        "PodDisruptionBudget",
        "ReplicaSet",
        "ReplicationController",
        "Role",
        "RoleBinding",
        "Secret",
        "Service",
        "ServiceAccount",
        "StatefulSet",
        "ValidatingWebhookConfiguration",
    ]
)
"""Built-in kinds that no other format than Kubernetes' own reads."""
_LINE_CHARS = 8192
"""Of a longer line every word on it would be read to its begin and end."""
_KIND_LINE = lazy_regex(r"kind: +([A-Za-z]+) *(?=\n|\Z)")
_VERSION_LINE = lazy_regex(r"apiVersion: +([A-Za-z0-9./-]+) *(?=\n|\Z)")
HOST = r"[A-Za-z0-9-]{1,63}\.[A-Za-z0-9.:-]{1,255}/[^\s\"',]{1,1000}[:@]"
"""A reference that begins with a registry's host and has a tag or a digest, bounded for the sake of long words."""
_BEGINS_KEY = lazy_regex(r" *(?:- +)*[\w.-]+")
"""A key that only ends with ``image``."""
_BLANKS = lazy_regex(" *")


class NeedsParser(Exception):  # noqa: N818 - no error: the parser is asked instead
    """Something is not of the plainest shape."""


def built_in_kind(content: str, start: int, end: int) -> str | None:
    """Return the kind of a document with one kind and one apiVersion at its root, if it is a built-in one."""
    kind = _only_kind(content, start, end)
    return kind if kind in KINDS else None


def line_around(content: str, start: int, end: int, at: int) -> tuple[int, int]:
    """Return where the line at an offset begins and ends; raises for a long one."""
    line = content.rfind("\n", max(start, at - _LINE_CHARS), at) + 1
    stop = content.find("\n", at, min(end, at + _LINE_CHARS))
    if (not line and at - start > _LINE_CHARS) or (stop < 0 and end - at > _LINE_CHARS):
        raise NeedsParser
    return line or start, end if stop < 0 else stop


def depth_of(content: str, line: int) -> int:
    """Return how many blanks a line begins with."""
    blanks = _BLANKS.match(content, line)
    return blanks.end() - line if blanks else 0


def refuse_unless_harmless(content: str, line: int, at: int, stop: int) -> None:
    """Raise unless what is before ``image`` on its line is a comment, another key, or prose."""
    before = content[line:at]
    if before.lstrip().startswith("#"):
        return
    if _BEGINS_KEY.fullmatch(before):
        raise NeedsParser
    if (
        before.lstrip(" -")[0] in "&!"
        or before[-1] in "\"'{[,\\"
        or "{" in before
        or "[" in before
        or "\\" in content[line:stop]
    ):
        raise NeedsParser


def _only_kind(content: str, start: int, end: int) -> str | None:
    """Return the kind of a document with one kind and one apiVersion at its root, else None."""
    if _roots(content, "kind:", start, end) != 1 or _roots(content, "apiVersion:", start, end) != 1:
        return None
    at = start if content.startswith("kind:", start) else content.find("\nkind:", start, end) + 1
    match = _KIND_LINE.match(content, at, end)
    if match is None:
        return None
    begin = "apiVersion:"
    at = start if content.startswith(begin, start) else content.find(f"\n{begin}", start, end) + 1
    version = _VERSION_LINE.match(content, at, end)
    return match[1] if version and is_built_in_version(version[1]) else None


def is_built_in_version(version: str) -> bool:
    """Whether an ``apiVersion`` is of a built-in group: those of others have a dot, and rules of their own."""
    group, slash, _ = version.partition("/")
    return not slash or "." not in group or group.endswith(".k8s.io")


def _roots(content: str, key: str, start: int, end: int) -> int:
    return content.count(f"\n{key}", start, end) + content.startswith(key, start)
