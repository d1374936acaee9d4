"""Planning and setting release tags, over a store that can be made to fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.errors import AccessDeniedError, UnreachableError, UsageError
from imagelock.model.digest import Digest
from imagelock.ops.tags.release import Action, TagRequest, apply, outcome, plan
from imagelock.ops.tags.rules import Linted
from imagelock.stores.local import permit_all
from imagelock.stores.memory import MemoryStore
from support.tagged import BUILD, entry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from imagelock.model.tagfile import TagEntry
    from imagelock.ops.tags.release import TagResult
    from imagelock.stores.base import Content, HeadResult
    from imagelock.stores.local import Permit

DEX, RVMC = "docker.io/acme/dex", "docker.io/acme/rvmc"
PLATFORMS = (LINUX_AMD64, LINUX_ARM64)
NOTHING = Linted(entries=(), findings=(), items=0, invalid=0)


class Registry(MemoryStore):
    """A store that counts what is asked, is silent about digests if told to, and fails where told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[tuple[str, str]] = Counter()
        self.silent = False
        self.closed: set[str] = set()
        self.down = False
        self.meanwhile: Callable[[], object] | None = None

    def push(self, name: str, tag: str, seed: str) -> Digest:
        """Give it a multi-platform image."""
        return push_sample(self, name, tag, sample_image(seed, PLATFORMS, attestation=True))

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        """Answer a HEAD."""
        if self.down:
            raise UnreachableError("no connection", where=repository)
        self.asked[repository, str(target)] += 1
        claim = super().head(repository, target)
        return replace(claim, digest=None) if self.silent else claim

    def get_manifest(self, repository: str, target: str | Digest) -> Content:
        """Give a manifest; the one to be put is read by digest, and then what happens meanwhile happens."""
        if isinstance(target, Digest) and self.meanwhile is not None:
            self.meanwhile()
        return super().get_manifest(repository, target)

    def put_manifest(
        self,
        repository: str,
        content: Content,
        tag: str | None = None,
        *,
        absent: Collection[Digest] = (),
        permit: Permit = permit_all,
    ) -> None:
        """Take a manifest."""
        if tag is not None and repository in self.closed:
            raise AccessDeniedError("access denied")
        super().put_manifest(repository, content, tag, absent=absent, permit=permit)


@pytest.fixture
def registry() -> Registry:
    return Registry()


def planned(
    registry: Registry, entries: Sequence[TagEntry], **request: tuple[str, ...]
) -> tuple[TagResult, ...]:
    return plan(entries, registry, TagRequest(**request), jobs=4)


def applied(
    registry: Registry, entries: Sequence[TagEntry], **request: tuple[str, ...]
) -> tuple[TagResult, ...]:
    return apply(entries, registry, registry, TagRequest(**request), jobs=4)


def actions(results: Sequence[TagResult]) -> list[str]:
    return [result.action.value for result in results]


def code(results: Sequence[TagResult], *, done: bool = False) -> int:
    return outcome("tags-plan", NOTHING, results, done=done).exit_code()


def test_a_missing_tag_is_created_with_the_digest_of_its_source(registry: Registry) -> None:
    digest = registry.push(DEX, BUILD, "dex")
    results = planned(registry, [entry(DEX, "v1")])
    assert actions(results) == ["create"]
    assert registry.resolve_tag(DEX, "v1") is None

    done = applied(registry, [entry(DEX, "v1")])

    assert registry.resolve_tag(DEX, "v1") == digest
    assert code(done, done=True) == 0
    assert actions(planned(registry, [entry(DEX, "v1")])) == ["keep"]


def test_planning_asks_each_tag_once_and_reads_nothing(registry: Registry) -> None:
    for name in (DEX, RVMC):
        registry.push(name, BUILD, name)
    registry.push(DEX, "v1", DEX)

    planned(registry, [entry(DEX, "v1"), entry(RVMC, "v1")])

    assert set(registry.asked.values()) == {1}
    assert len(registry.asked) == 4


def test_a_tag_with_another_digest_is_a_conflict_and_stays(registry: Registry) -> None:
    registry.push(DEX, BUILD, "new")
    old = registry.push(DEX, "v1", "old")
    done = applied(registry, [entry(DEX, "v1")])

    assert actions(done) == ["conflict"]
    assert done[0].finding is not None
    assert done[0].finding.code == "IL401"
    assert code(done) == 1
    assert registry.resolve_tag(DEX, "v1") == old


@pytest.mark.parametrize("name", [DEX, "dex", "dex:v1", f"{DEX}:v1"])
def test_move_takes_the_tag_to_its_source(registry: Registry, name: str) -> None:
    new = registry.push(DEX, BUILD, "new")
    registry.push(DEX, "v1", "old")

    done = applied(registry, [entry(DEX, "v1")], move=(name,))

    assert actions(done) == ["move"]
    assert registry.resolve_tag(DEX, "v1") == new
    assert code(done, done=True) == 0


def test_move_leaves_a_tag_alone_that_somebody_else_moved_meanwhile(registry: Registry) -> None:
    registry.push(DEX, BUILD, "new")
    registry.push(DEX, "v1", "old")
    registry.meanwhile = lambda: registry.push(DEX, "v1", "somebody else's")

    done = applied(registry, [entry(DEX, "v1")], move=("dex",))

    assert actions(done) == ["conflict"]
    assert code(done, done=True) == 1
    assert (
        registry.resolve_tag(DEX, "v1") == sample_image("somebody else's", PLATFORMS, attestation=True).digest
    )


def test_move_of_one_image_moves_no_other(registry: Registry) -> None:
    for name in (DEX, RVMC):
        registry.push(name, BUILD, "new")
        registry.push(name, "v1", "old")

    assert actions(planned(registry, [entry(DEX, "v1"), entry(RVMC, "v1")], move=("dex",))) == [
        "move",
        "conflict",
    ]


def test_a_name_that_nothing_has_and_one_that_several_have_are_refused(registry: Registry) -> None:
    entries = [entry("quay.io/a/dex", "v1"), entry("quay.io/b/dex", "v1")]

    with pytest.raises(UsageError, match="no tag file has this image"):
        planned(registry, entries, move=("rvmc",))
    with pytest.raises(UsageError, match="several images"):
        planned(registry, entries, repush=("dex",))
    assert actions(planned(registry, entries, repush=("quay.io/a/dex",))) == ["no source", "no source"]


def test_repush_puts_a_right_tag_again_and_overwrites_no_other(registry: Registry) -> None:
    for name in (DEX, RVMC):
        registry.push(name, BUILD, name)
    registry.push(DEX, "v1", DEX)
    registry.push(RVMC, "v1", "another")
    entries = [entry(DEX, "v1"), entry(RVMC, "v1")]

    assert actions(planned(registry, entries, repush=("dex", "rvmc"))) == ["repush", "conflict"]


def test_a_missing_source_is_an_error_where_the_tag_is_missing_too(registry: Registry) -> None:
    results = planned(registry, [entry(DEX, "v1")])

    assert actions(results) == ["no source"]
    assert code(results) == 1


def test_a_missing_source_is_a_warning_where_the_tag_exists(registry: Registry) -> None:
    registry.push(DEX, "v1", "dex")
    results = planned(registry, [entry(DEX, "v1")])

    assert actions(results) == ["no source"]
    assert code(results) == 0
    assert outcome("tags-plan", NOTHING, results, done=False).exit_code(strict=True) == 1


def test_a_digest_that_the_file_gives_is_enforced_on_the_source(registry: Registry) -> None:
    registry.push(DEX, BUILD, "moved")
    wanted = replace(entry(DEX, "v1"), digest=Digest.of(b"what was reviewed"))
    done = applied(registry, [wanted])

    assert actions(done) == ["source differs"]
    assert done[0].finding is not None
    assert done[0].finding.code == "IL404"
    assert registry.resolve_tag(DEX, "v1") is None


def test_a_digest_that_the_file_gives_is_enforced_on_the_tag(registry: Registry) -> None:
    wanted = replace(entry(DEX, "v1"), digest=registry.push(DEX, "elsewhere", "reviewed"))
    registry.push(DEX, "v1", "another")

    assert actions(planned(registry, [wanted])) == ["conflict"]


def test_a_digest_that_the_file_gives_proves_a_tag_whose_source_is_gone(registry: Registry) -> None:
    wanted = replace(entry(DEX, "v1"), digest=registry.push(DEX, "v1", "reviewed"))

    assert actions(planned(registry, [wanted])) == ["keep"]


def test_a_digest_of_another_algorithm_is_proved_by_hashing(registry: Registry) -> None:
    registry.push(DEX, BUILD, "dex")
    registry.push(DEX, "v1", "dex")
    body = registry.get_manifest(DEX, "v1").body
    same = replace(entry(DEX, "v1"), digest=Digest.of(body, "sha512"))

    assert actions(planned(registry, [same])) == ["keep"]


def test_a_registry_that_says_nothing_of_digests_is_read(registry: Registry) -> None:
    registry.push(DEX, BUILD, "dex")
    registry.push(DEX, "v1", "dex")
    registry.push(RVMC, BUILD, "new")
    registry.push(RVMC, "v1", "old")
    registry.silent = True

    assert actions(planned(registry, [entry(DEX, "v1"), entry(RVMC, "v1")])) == ["keep", "conflict"]


def test_what_cannot_be_asked_is_neither_missing_nor_conflict(registry: Registry) -> None:
    registry.push(DEX, BUILD, "dex")
    registry.down = True
    results = planned(registry, [entry(DEX, "v1")])

    assert actions(results) == ["could not tell"]
    assert code(results) == 3


def test_a_failure_stops_no_other_entry_and_shows_in_sums_and_code(registry: Registry) -> None:
    for name in (DEX, RVMC):
        registry.push(name, BUILD, name)
    entries = [entry(DEX, "v1"), entry(RVMC, "v1"), entry("docker.io/acme/gone", "v1")]
    registry.closed = {DEX}

    done = applied(registry, entries)
    told = outcome("tags-apply", NOTHING, done, done=True)

    assert actions(done) == ["could not tell", "create", "no source"]
    assert registry.resolve_tag(RVMC, "v1") is not None
    assert (told.summary["created"], told.summary["could_not_tell"], told.summary["no_source"]) == (1, 1, 1)
    assert [change.reference for change in told.changes] == [f"{RVMC}:v1"]
    assert told.exit_code() == 3

    registry.closed = set()
    again = applied(registry, entries[:2])
    assert actions(again) == ["create", "keep"]


def test_a_plan_never_says_created(registry: Registry) -> None:
    registry.push(DEX, BUILD, "dex")
    told = outcome("tags-plan", NOTHING, planned(registry, [entry(DEX, "v1")]), done=False)

    assert told.summary["to_create"] == 1
    assert "created" not in told.summary


def test_a_tag_that_is_its_own_source_is_kept(registry: Registry) -> None:
    registry.push(DEX, "v1", "dex")

    assert actions(planned(registry, [entry(DEX, "v1", build="v1")])) == ["keep"]
    assert sum(registry.asked.values()) == 1


def test_only_what_writes_is_carried_out() -> None:
    assert {action for action in Action if action.writes} == {Action.CREATE, Action.MOVE, Action.REPUSH}
