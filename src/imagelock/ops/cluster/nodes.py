"""Judge nodes: platforms that the lock's images lack, and images that a node holds and the lock does not know."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from imagelock.cluster.imageid import parse_image_id
from imagelock.errors import InvalidValueError
from imagelock.model.identity import identities
from imagelock.model.outcome import finding
from imagelock.model.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.cluster.running import Node
    from imagelock.model.digest import Digest
    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Finding

_LISTED = 5


def judge_nodes(nodes: Sequence[Node], used: Iterable[LockedImage]) -> Iterator[Finding]:
    """Yield the entries that pods name and that lack the platform of some node (IL106, a warning).

    An entry without platforms came from a list, which says nothing of what is inside.
    """
    counts = Counter(node.platform for node in nodes if node.platform is not None)
    for image in sorted(used, key=lambda image: image.reference):
        for text, count in sorted(counts.items()) if image.platforms else ():
            wanted = Platform.parse(text)
            if not any(part.platform.satisfies(wanted) for part in image.platforms):
                yield finding(
                    "IL106",
                    f"{image.reference} has no {text}, which {_nodes(count)} of the cluster",
                    reference=image.reference,
                    hint="keep its pods off these nodes, or build the image for them",
                )


def _nodes(count: int) -> str:
    return "1 node is" if count == 1 else f"{count} nodes are"


def unknown_images(nodes: Sequence[Node], lock: Lock) -> tuple[str, ...]:
    """Return remarks on what nodes hold and the lock does not know: it may have run, or may yet."""
    known = identities(lock)
    unknown: dict[str, None] = {}
    for node in nodes:
        for name in node.images:
            digest = _digest(name)
            if digest is not None and str(digest) not in known:
                unknown[name] = None
    if not unknown:
        return ()
    names = sorted(unknown)
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (f"on nodes and not in the lock: {', '.join(names[:_LISTED])}{more}",)


def _digest(name: str) -> Digest | None:
    if "@" not in name:
        return None
    try:
        return parse_image_id(name).digest
    except InvalidValueError:
        return None
