"""Judge one container of a cluster: what its spec names, and what its node reports.

Both count.  The spec's digest decides what a node pulls; the status tells what it really runs, as a
manifest's digest or, from some runtimes, as the config's.  A digest is content: under a mirror's name
it is the same image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from imagelock.cluster.imageid import parse_image_id
from imagelock.cluster.running import ContainerKind
from imagelock.errors import InvalidValueError
from imagelock.model.identity import DigestRole, identities, identities_of
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelock.cluster.imageid import ImageId
    from imagelock.model.digest import Digest
    from imagelock.model.identity import KnownDigest
    from imagelock.model.lock import Lock, LockedImage

SPEC = "spec digest"


class State(Enum):
    """What is known of a container; each is in exactly one."""

    LOCKED = "locked"
    EXEMPT = "exempt"
    NOT_PINNED = "not pinned"
    COULD_NOT_TELL = "could not tell"
    NOT_LOCKED = "not locked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is judged: the spec's image, and the status as far as there is one.

    ``has_status`` is False for pod templates and pods that have ended, where nothing will ever run.
    """

    image: str
    kind: ContainerKind
    image_id: str | None = None
    reason: str | None = None
    has_status: bool = True


@dataclass(frozen=True, slots=True)
class ContainerResult:
    """A state, how or why, and further facts; ``pinned`` is whether the spec names a digest.

    ``warning`` says how the tag beside the digest contradicts the lock.
    """

    state: State
    detail: str
    notes: tuple[str, ...] = ()
    pinned: bool = True
    hint: str | None = None
    warning: str | None = None


class Judge:
    """Judge containers by every digest of one lock."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._known = identities(lock)

    def judge(self, subject: Subject) -> ContainerResult:
        """Return what is known of one container."""
        reference = reference_of(subject.image)
        if reference is None or reference.digest is None:
            return self._unpinned(subject, reference)
        wanted = self._identities(reference.digest, config=False, name=reference.name)
        if not wanted:
            return ContainerResult(
                State.NOT_LOCKED, "the digest is not in the lock", self._same_name(reference)
            )
        result = self._pinned(subject, reference, wanted)
        return replace(result, warning=_other_tag(wanted, reference))

    def _pinned(
        self, subject: Subject, reference: Reference, wanted: tuple[KnownDigest, ...]
    ) -> ContainerResult:
        """Judge a spec that names a digest of the lock."""
        notes = _other_name(wanted, reference.name)
        if not subject.has_status or (subject.kind is ContainerKind.VOLUME and subject.image_id is None):
            return ContainerResult(State.LOCKED, SPEC, notes)
        if subject.image_id is None:
            return _not_running(subject, notes, pinned=True)
        running = _parsed(subject.image_id)
        if running is None:
            return _unknown_id(subject.image_id, pinned=True)
        role = next((item for item in wanted if _allows(item, running)), None)
        if role is not None:
            return ContainerResult(
                State.LOCKED, _recognised_by(role, running), (*notes, *_mirror(running, reference))
            )
        return self._other_than_named(wanted, running, notes)

    def _other_than_named(
        self, wanted: tuple[KnownDigest, ...], running: ImageId, notes: tuple[str, ...]
    ) -> ContainerResult:
        """Judge a node that reports a digest other than the one in the spec."""
        node_note = f"the node runs {running.digest}"
        images = [item.image for item in wanted]
        is_known = str(running.digest) in self._known
        if not is_known and running.is_config and any(map(_lacks_configs, images)):
            return ContainerResult(
                State.LOCKED, SPEC, (*notes, f"{node_note}, a config digest that the lock does not have")
            )
        if not is_known and not running.is_config and any(map(_lacks_platforms, images)):
            return ContainerResult(
                State.COULD_NOT_TELL,
                "the lock does not know the platforms",
                (node_note,),
                hint="run `imagelock lock -U` against the registry: the list has no platforms",
            )
        return ContainerResult(
            State.NOT_LOCKED, "the node runs an image other than the one in the spec", (node_note,)
        )

    def _unpinned(self, subject: Subject, reference: Reference | None) -> ContainerResult:
        """Judge a spec without a digest: at best its content is locked and it is not pinned."""
        if not subject.has_status or (subject.kind is ContainerKind.VOLUME and subject.image_id is None):
            return ContainerResult(State.NOT_PINNED, "no digest in the spec", pinned=False)
        if subject.image_id is None:
            return _not_running(subject, (), pinned=False)
        running = _parsed(subject.image_id)
        if running is None:
            return _unknown_id(subject.image_id, pinned=False)
        name = running.name or (reference.name if reference else None)
        known = self._identities(running.digest, config=running.is_config, name=name)
        node_note = f"the node runs {running.digest}"
        if known:
            notes = (node_note, *_other_name(known, name))
            return ContainerResult(
                State.NOT_PINNED, f"runs a locked {known[0].role.value}", notes, pinned=False
            )
        entries = self._lock.named(reference.name) if reference else ()
        lacks = _lacks_configs if running.is_config else _lacks_platforms
        if any(map(lacks, entries)):
            what = "config digests" if running.is_config else "platforms"
            return ContainerResult(
                State.COULD_NOT_TELL,
                f"the lock does not know the {what}",
                (node_note,),
                pinned=False,
                hint="run `imagelock lock --full`",
            )
        return ContainerResult(
            State.NOT_LOCKED, "the running image is not in the lock", (node_note,), pinned=False
        )

    def _identities(self, digest: Digest, *, config: bool, name: str | None) -> tuple[KnownDigest, ...]:
        """Return what a digest is in the lock, entries of this name first."""
        found = (
            item for item in self._known.get(str(digest), ()) if (item.role is DigestRole.CONFIG) == config
        )
        return tuple(sorted(found, key=lambda item: item.image.name != name))

    def _same_name(self, reference: Reference) -> tuple[str, ...]:
        entries = self._lock.named(reference.name)
        return tuple(f"the lock has {image.image_id}" for image in entries[:3])


def reference_of(image: str) -> Reference | None:
    """Read what a spec names; None for what is not a reference (a bare ID, nothing at all)."""
    return Reference.parse_or_none(image)


def _parsed(image_id: str) -> ImageId | None:
    try:
        return parse_image_id(image_id)
    except InvalidValueError:
        return None


def _unknown_id(image_id: str, *, pinned: bool) -> ContainerResult:
    return ContainerResult(State.COULD_NOT_TELL, f"imageID {image_id[:160]!r} is not a digest", pinned=pinned)


def _not_running(subject: Subject, notes: tuple[str, ...], *, pinned: bool) -> ContainerResult:
    return ContainerResult(
        State.COULD_NOT_TELL,
        f"no imageID yet ({subject.reason})",
        notes,
        pinned=pinned,
        hint="check again when it runs",
    )


def _allows(wanted: KnownDigest, running: ImageId) -> bool:
    """Whether a node that was told to run ``wanted`` may report ``running``."""
    family: Iterable[KnownDigest] = identities_of(wanted.image)
    if wanted.part is not None:
        family = (item for item in family if item.part == wanted.part)
    return any(
        item.digest == running.digest and (item.role is DigestRole.CONFIG) == running.is_config
        for item in family
    )


def _recognised_by(wanted: KnownDigest, running: ImageId) -> str:
    """Say by which of its digests a running image was recognised."""
    return next(
        item.role.value
        for item in identities_of(wanted.image)
        if item.digest == running.digest and (item.role is DigestRole.CONFIG) == running.is_config
    )


def _lacks_configs(image: LockedImage) -> bool:
    return not image.platforms or any(part.config is None for part in image.platforms)


def _lacks_platforms(image: LockedImage) -> bool:
    """Whether an entry came from a list, which says nothing of what is inside."""
    return image.media_type is None and not image.platforms


def _mirror(running: ImageId, reference: Reference) -> tuple[str, ...]:
    """Note the name under which a node knows the image, when it is another: a mirror's."""
    if running.name is None or running.name == reference.name:
        return ()
    return (f"the node calls it {running.name}",)


def _other_tag(known: tuple[KnownDigest, ...], reference: Reference) -> str | None:
    """Say which tags the lock has for a digest, where the spec writes another one beside it."""
    tags = {item.image.tag for item in known if item.image.name == reference.name}
    if reference.tag is None or not tags or reference.tag in tags or None in tags:
        return None
    return f"the lock has this digest as {', '.join(sorted(tag for tag in tags if tag))}"


def _other_name(known: tuple[KnownDigest, ...], name: str | None) -> tuple[str, ...]:
    if name is None or any(item.image.name == name for item in known):
        return ()
    return (f"locked as {known[0].image.reference}",)
