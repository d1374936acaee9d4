"""``cluster learn``: what a cluster runs and the lock does not know, and what is locked and runs nowhere.

This is how the images are found that no file of the project names: what operators bury in their code.  Only
what really runs, or is named with a digest, is proposed: a digest is never guessed from a tag.  What
contradicts the lock (its tag with other content, a node that runs something else than its pod names) is a
finding and never a proposal, so that nothing foreign gets into the lock this way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from imagelock.cluster.imageid import parse_image_id
from imagelock.errors import InvalidValueError
from imagelock.model.identity import identities
from imagelock.model.outcome import Outcome, finding
from imagelock.model.reference import Reference
from imagelock.ops.cluster.check import ExemptingJudge, not_seen
from imagelock.ops.cluster.nodes import unknown_images
from imagelock.ops.cluster.pods import Judge, State, reference_of
from imagelock.ops.cluster.seen import see

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from imagelock.cluster.imageid import ImageId
    from imagelock.cluster.running import Observed
    from imagelock.model.exemption import Exemption
    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Finding
    from imagelock.ops.cluster.seen import Seen, Use

_LISTED = 3
_Content: TypeAlias = "tuple[str, str | None, str]"
"""Canonical name, tag and digest of an image that runs."""
_AGAIN = "run `imagelock lock -P {0}` if this is right, or deploy the pinned files again"


@dataclass(frozen=True, slots=True)
class Learned:
    """One image that the lock does not know: ``name[:tag]@digest``, and who runs it."""

    reference: Reference
    users: tuple[str, ...]

    def __str__(self) -> str:
        return str(self.reference)

    @property
    def line(self) -> str:
        """The line of a list: the reference, and as its comment who runs it."""
        more = f", {len(self.users) - _LISTED} more" if len(self.users) > _LISTED else ""
        return f"{self.reference}  # {', '.join(self.users[:_LISTED])}{more}"


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned: proposals by name, entries that run nowhere (None: not known), and findings."""

    learned: tuple[Learned, ...]
    nowhere: tuple[LockedImage, ...] | None
    outcome: Outcome


@dataclass(slots=True)
class _Notes:
    """What is gathered while looking at one use after the other."""

    users: dict[_Content, dict[str, None]] = field(default_factory=dict)
    used: set[LockedImage] = field(default_factory=set)
    untold: dict[str, Use] = field(default_factory=dict)
    wrong: list[Finding] = field(default_factory=list)


def learn(
    observed: Iterable[Observed],
    lock: Lock,
    exemptions: Sequence[Exemption],
    today: dt.date,
    namespaces: Sequence[str] = (),
) -> Lesson:
    """Return what the lock does not know of everything observed."""
    seen = see(observed, namespaces)
    pupil = _Pupil(lock, ExemptingJudge(Judge(lock), exemptions, today))
    for use in seen.uses():
        pupil.look(use)
    return pupil.lesson(seen)


class _Pupil:
    """Looks at each use, and keeps what the lock does not know of it."""

    def __init__(self, lock: Lock, judge: ExemptingJudge) -> None:
        self._lock = lock
        self._judge = judge
        self._known = identities(lock)
        self._notes = _Notes()

    def look(self, use: Use) -> None:
        """Take one use into account."""
        spec = reference_of(use.subject.image)
        running = _running(use)
        self._count_used(spec, running)
        result = self._judge.judge(use.subject, use.namespace, use.owners)
        if result.state in (State.LOCKED, State.EXEMPT):
            return
        if spec is not None and spec.digest is not None:
            self._named_by_digest(use, spec, result.detail)
        elif running is not None:
            self._named_by_tag(use, spec, running)
        elif spec is None or not self._is_locked_by_tag(spec):
            self._notes.untold.setdefault(use.subject.image, use)

    def _named_by_digest(self, use: Use, spec: Reference, detail: str) -> None:
        if str(spec.digest) not in self._known:
            self._propose(use, spec.name, spec.tag, str(spec.digest))
        elif use.subject.image_id is not None:
            # The pod names a locked image and its node reports another: nothing to learn, but to look into.
            self._notes.wrong.append(_wrong(use, detail, None))

    def _named_by_tag(self, use: Use, spec: Reference | None, running: ImageId) -> None:
        if str(running.digest) in self._known:
            return
        if running.name is None:
            self._notes.untold.setdefault(use.subject.image, use)
        elif spec is None:
            self._propose(use, running.name, None, str(running.digest))
        else:
            self._propose(use, spec.name, spec.pulled_tag, str(running.digest))

    def _propose(self, use: Use, name: str, tag: str | None, digest: str) -> None:
        locked = self._lock.tagged(name, tag) if tag is not None else None
        if locked is None:
            self._notes.users.setdefault((name, tag, digest), {})[_user(use)] = None
        else:
            self._notes.wrong.append(
                _wrong(use, f"runs {digest}, the lock has {locked.digest}", locked.reference)
            )

    def _is_locked_by_tag(self, spec: Reference) -> bool:
        return spec.pulled_tag is not None and self._lock.tagged(spec.name, spec.pulled_tag) is not None

    def _count_used(self, spec: Reference | None, running: ImageId | None) -> None:
        for digest in (spec.digest if spec else None, running.digest if running else None):
            self._notes.used.update(item.image for item in self._known.get(str(digest), ()))
        if spec is not None and spec.digest is None and spec.pulled_tag is not None:
            entry = self._lock.tagged(spec.name, spec.pulled_tag)
            if entry is not None:
                self._notes.used.add(entry)

    def lesson(self, seen: Seen) -> Lesson:
        """Return everything learned; what runs nowhere is known only when all of the cluster was read."""
        notes = self._notes
        learned = _unambiguous(notes.users)
        running = {item.reference.name for item in learned}
        untold = [
            _untold(image, use)
            for image, use in notes.untold.items()
            if (reference := reference_of(image)) is None or reference.name not in running
        ]
        nowhere = tuple(sorted(set(self._lock.images) - notes.used, key=lambda image: image.image_id))
        outcome = Outcome(
            command="cluster-learn",
            findings=(*map(_unknown, learned), *notes.wrong, *untold, *map(not_seen, seen.unseen)),
            summary={
                "pods": len(seen.pods),
                "workloads": len(seen.workloads),
                "learned": len(learned),
                "contradicting": len(notes.wrong),
                "untold": len(untold) + len(seen.unseen),
                "nowhere": 0 if seen.unseen else len(nowhere),
            },
            advice=(*self._judge.remarks(), *unknown_images(tuple(seen.nodes.values()), self._lock)),
        )
        return Lesson(learned, None if seen.unseen else nowhere, outcome)


def _unambiguous(users: Mapping[_Content, Mapping[str, None]]) -> tuple[Learned, ...]:
    """Return the proposals, without the tag where one tag runs with two contents: no list may say both."""
    contents = Counter((name, tag) for name, tag, _ in users)
    joined: dict[str, dict[str, None]] = {}
    for (name, tag, digest), who in users.items():
        written = f":{tag}" if tag is not None and contents[name, tag] == 1 else ""
        joined.setdefault(f"{name}{written}@{digest}", {}).update(who)
    return tuple(Learned(Reference.parse(text), tuple(sorted(who))) for text, who in sorted(joined.items()))


def _running(use: Use) -> ImageId | None:
    try:
        return parse_image_id(use.subject.image_id) if use.subject.image_id else None
    except InvalidValueError:
        return None


def _user(use: Use) -> str:
    """Return who runs it, as one line: a dump's names are not checked, and must not write lines of their own."""
    name = f"{use.workload} in {use.namespace}"
    return "".join(char if char.isprintable() else "?" for char in name)


def _unknown(item: Learned) -> Finding:
    return finding(
        "IL201",
        f"{item.reference}: the lock does not know it",
        reference=str(item.reference),
        notes=[f"{user} runs it" for user in item.users[:_LISTED]],
        hint="--write LIST proposes it for the lock, or exempt it with a reason",
    )


def _wrong(use: Use, what: str, entry: str | None) -> Finding:
    return finding(
        "IL201",
        f"{_user(use)}: {use.subject.image}: {what}",
        reference=use.subject.image,
        hint=_AGAIN.format(entry) if entry else "find out why, and deploy the pinned files again",
    )


def _untold(image: str, use: Use) -> Finding:
    if use.subject.image_id is not None:
        reason = f"its node reports no manifest's digest: {use.subject.image_id[:100]}"
    elif use.subject.has_status:
        reason = f"it does not run yet ({use.subject.reason})"
    else:
        reason = "nothing runs it, and it names no digest"
    return finding(
        "IL302",
        f"{_user(use)}: {image or '(none)'}: {reason}",
        reference=image,
        hint="write it into a list without a digest and run `imagelock lock --from LIST --resolve-external`",
    )
