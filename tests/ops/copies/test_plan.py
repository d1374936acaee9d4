"""What the one copy promises, between stores that count, lie and break."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.errors import FileError, IntegrityError, PlatformNotFoundError, UnreachableError
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from imagelock.model.platform import Platform
from imagelock.ops.copies.items import CopyItem, CopyOptions, CopyStatus
from imagelock.ops.copies.plan import plan
from imagelock.ops.copies.transfer import apply
from imagelock.ops.copies.tree import CachingSource, read_tree
from imagelock.stores.base import Content
from imagelock.stores.local import permit_all
from imagelock.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from imagelock.model.manifest import Descriptor
    from imagelock.ops.copies.transfer import Done
    from imagelock.stores.local import Permit

MULTI = (LINUX_AMD64, LINUX_ARM64)


class Counting(MemoryStore):
    """A store that counts what it is asked and given, in order, and may flip a byte of one blob."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[str, str]] = []
        self.flip: Digest | None = None
        self.lies = 0
        self.broken: Exception | None = None
        self.shares = False
        self.running = 0
        self.most = Counter[Digest]()
        self._guard = threading.Lock()

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield the blob; hash a flipped one wrongly, as a lying registry is found out."""
        self.done.append(("stream", str(descriptor.digest)))
        pieces = super().open_blob(repository, descriptor)
        if descriptor.digest == self.flip and self.lies:
            self.lies -= 1
            raise IntegrityError("other bytes", where=repository)
        if descriptor.digest == self.flip and self.broken is not None:
            raise self.broken
        yield from pieces

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Know a blob in the repository it was put into, as registries do, unless ``shares``."""
        return super().has_blob(repository, digest) and (
            self.shares or ("blob", f"{repository} {digest}") in self.done
        )

    def mount(self, repository: str, digest: Digest, other: str) -> bool:
        """Mount what ``other`` has."""
        if ("blob", f"{other} {digest}") not in self.done:
            return False
        self.done += [("mount", f"{repository} {digest}"), ("blob", f"{repository} {digest}")]
        return True

    def put_blob(self, repository: str, descriptor: Descriptor, pieces: Iterable[bytes]) -> None:
        """Take a blob, noting whether it is under way twice."""
        with self._guard:
            self.most[descriptor.digest] += 1
            assert self.most[descriptor.digest] == 1, "one blob, two streams at one time"
        try:
            super().put_blob(repository, descriptor, pieces)
        finally:
            self.most[descriptor.digest] -= 1
        self.done.append(("blob", f"{repository} {descriptor.digest}"))

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
        super().put_manifest(repository, content, tag, absent=absent, permit=permit)
        self.done.append(("manifest", f"{repository} {tag or content.digest}"))

    def count(self, kind: str) -> int:
        """Return how often something was done."""
        return sum(1 for done, _ in self.done if done == kind)


@pytest.fixture
def source() -> Counting:
    """Give an empty source."""
    return Counting()


@pytest.fixture
def target() -> Counting:
    """Give an empty target."""
    return Counting()


def give(source: MemoryStore, name: str, seed: str, tag: str | None = "1.0", **how: bool) -> CopyItem:
    image = sample_image(seed, MULTI, **how)
    push_sample(source, name, tag, image)
    return CopyItem(reference=f"{name}:{tag}", source=name, target=f"m/{name}", digest=image.digest, tag=tag)


def copy(
    source: Counting, target: Counting, *items: CopyItem, options: CopyOptions | None = None, jobs: int = 4
) -> Done:
    source.done.clear()
    remembering = CachingSource(source)
    return apply(
        plan(remembering, target, items, options or CopyOptions(), jobs=jobs), remembering, target, jobs=jobs
    )


def verdicts(done: Done) -> list[CopyStatus]:
    return [one.verdict for one in done.results]


def test_children_come_before_parents_and_the_tag_is_last(source: Counting, target: Counting) -> None:
    item = give(source, "a/app", "app", attestation=True)
    assert verdicts(copy(source, target, item)) == [CopyStatus.COPIED]
    kinds = [kind for kind, _ in target.done]
    assert kinds == sorted(kinds)  # blobs, then manifests
    assert target.done[-1] == ("manifest", "m/a/app 1.0")
    assert target.get_manifest("m/a/app", "1.0").body == source.get_manifest("a/app", "1.0").body


def test_a_second_copy_reads_and_writes_nothing(source: Counting, target: Counting) -> None:
    items = [give(source, f"a/app{i}", f"app{i}") for i in range(5)]
    copy(source, target, *items)
    target.done.clear()
    assert verdicts(copy(source, target, *items)) == [CopyStatus.THERE] * 5
    assert source.done == target.done == []


def test_a_shared_blob_is_sent_once_and_mounted_elsewhere(source: Counting, target: Counting) -> None:
    items = [give(source, f"a/app{i}", "same") for i in range(6)]
    done = copy(source, target, *items, jobs=8)
    assert verdicts(done) == [CopyStatus.COPIED] * 6
    blobs = len(sample_image("same", MULTI).blobs)
    assert (source.count("stream"), done.moved.blobs) == (blobs, blobs)
    assert done.moved.mounted == blobs * 5


def test_one_flipped_byte_fails_its_image_and_no_other(source: Counting, target: Counting) -> None:
    good, bad = give(source, "a/good", "good"), give(source, "a/bad", "bad")
    source.flip, source.lies = sample_image("bad", MULTI).blobs[-1][0].digest, 99
    done = copy(source, target, good, bad)
    assert verdicts(done) == [CopyStatus.COPIED, CopyStatus.FAILED]
    assert isinstance(done.results[1].error, IntegrityError)
    assert target.resolve_tag("m/a/bad", "1.0") is None
    assert "m/a/bad" not in target.repositories()


def test_a_wrong_blob_is_asked_for_once_more(source: Counting, target: Counting) -> None:
    item = give(source, "a/app", "app")
    source.flip, source.lies = sample_image("app", MULTI).blobs[0][0].digest, 1
    assert verdicts(copy(source, target, item)) == [CopyStatus.COPIED]


def test_what_cannot_be_told_is_not_a_failure(source: Counting, target: Counting) -> None:
    item = give(source, "a/app", "app")
    source.flip, source.broken = sample_image("app", MULTI).blobs[0][0].digest, UnreachableError("no answer")
    assert verdicts(copy(source, target, item)) == [CopyStatus.UNKNOWN]


def test_a_full_disk_ends_the_whole_copy(source: Counting, target: Counting) -> None:
    items = [give(source, f"a/app{i}", f"app{i}") for i in range(5)]
    source.flip, source.broken = sample_image("app3", MULTI).blobs[0][0].digest, FileError("no space")
    with pytest.raises(FileError):
        copy(source, target, *items)


def test_an_image_that_is_gone_is_a_failure(source: Counting, target: Counting) -> None:
    gone = CopyItem(reference="a/b:1", source="a/b", target="m/a/b", digest=Digest.of(b"gone"), tag="1")
    assert verdicts(copy(source, target, gone, give(source, "a/app", "app"))) == [
        CopyStatus.FAILED,
        CopyStatus.COPIED,
    ]


def test_a_tag_of_another_image_is_never_taken(source: Counting, target: Counting) -> None:
    item = give(source, "a/app", "app")
    other = push_sample(target, "m/a/app", "1.0", sample_image("other"))
    done = copy(source, target, item)
    assert (verdicts(done), done.results[0].now) == ([CopyStatus.CONFLICT], other)
    assert target.resolve_tag("m/a/app", "1.0") == other
    assert source.done == []


def test_a_tag_that_somebody_takes_meanwhile_is_not_taken_back(source: Counting, target: Counting) -> None:
    item = give(source, "a/app", "app")
    remembering = CachingSource(source)
    planned = plan(remembering, target, [item], CopyOptions(), jobs=1)
    other = push_sample(target, "m/a/app", "1.0", sample_image("other"))
    assert verdicts(apply(planned, remembering, target, jobs=1)) == [CopyStatus.CONFLICT]
    assert target.resolve_tag("m/a/app", "1.0") == other


def test_a_tag_is_moved_when_that_is_asked_for(source: Counting, target: Counting) -> None:
    item = give(source, "a/app", "app")
    push_sample(target, "m/a/app", "1.0", sample_image("other"))
    moved = CopyItem(
        reference="x", source=item.source, target=item.target, digest=item.digest, tag="1.0", move=True
    )
    assert verdicts(copy(source, target, moved)) == [CopyStatus.COPIED]
    assert target.resolve_tag("m/a/app", "1.0") == item.digest


def test_a_tag_is_put_beside_content_that_is_there(source: Counting, target: Counting) -> None:
    item = give(source, "a/app", "app")
    copy(source, target, item)
    again = CopyItem(reference="x", source="a/app", target="m/a/app", digest=item.digest, tag="2.0")
    assert verdicts(copy(source, target, again)) == [CopyStatus.COPIED]
    assert source.done == []


def test_a_missing_child_of_a_tagged_index_is_brought(source: Counting, target: Counting) -> None:
    image = sample_image("app", MULTI)
    push_sample(source, "a/app", "1.0", image)
    absent = [one.digest for one in image.children]
    target.put_manifest("m/a/app", image.content, "1.0", absent=absent)
    item = CopyItem(
        reference="x",
        source="a/app",
        target="m/a/app",
        digest=image.digest,
        tag="1.0",
        children=tuple(digest for _, digest in image.platforms),
    )
    assert verdicts(copy(source, target, item)) == [CopyStatus.COPIED]
    assert all(target.has_manifest("m/a/app", digest) for digest in absent)


def test_platforms_keep_the_index_and_their_attestations(source: Counting, target: Counting) -> None:
    item = give(source, "a/app", "app", attestation=True)
    done = copy(source, target, item, options=CopyOptions(platforms=(Platform.parse("linux/arm64"),)))
    assert verdicts(done) == [CopyStatus.COPIED]
    assert target.get_manifest("m/a/app", "1.0").digest == item.digest
    image = sample_image("app", MULTI, attestation=True)
    here = [target.has_manifest("m/a/app", child.digest) for child in image.children]
    assert here == [False, True, False]


def test_an_image_without_the_platform_says_so(source: Counting, target: Counting) -> None:
    item = give(source, "a/app", "app")
    done = copy(source, target, item, options=CopyOptions(platforms=(Platform.parse("linux/s390x"),)))
    assert isinstance(done.results[0].error, PlatformNotFoundError)


def test_every_item_has_one_result_in_order(source: Counting, target: Counting) -> None:
    items = [give(source, f"a/app{i}", f"app{i % 3}") for i in range(9)]
    source.flip, source.lies = sample_image("app1", MULTI).blobs[0][0].digest, 99
    done = copy(source, target, *items)
    assert [one.item for one in done.results] == items
    assert Counter(verdicts(done)) == {CopyStatus.COPIED: 6, CopyStatus.FAILED: 3}


def test_layers_of_a_vendor_stay_there(source: Counting, target: Counting) -> None:
    image = sample_image("windows")
    body = image.content.body.replace(
        b"application/vnd.oci.image.layer.v1.tar+gzip",
        b"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    )
    source.put_blob("a/win", image.blobs[0][0], [image.blobs[0][1]])
    content = Content(body=body, digest=Digest.of(body), media_type=OCI_MANIFEST, host="test")
    source.put_manifest("a/win", content, "1.0")
    tree = read_tree(source, "a/win", content.digest, CopyOptions())
    assert [one.digest for one in tree.foreign] == [image.blobs[-1][0].digest]
    item = CopyItem(reference="x", source="a/win", target="m/a/win", digest=content.digest, tag="1.0")
    assert verdicts(copy(source, target, item)) == [CopyStatus.COPIED]


def index_of(*children: tuple[Digest, int, str]) -> Content:
    parts = ",".join(
        f'{{"mediaType":"{kind}","digest":"{digest}","size":{size}}}' for digest, size, kind in children
    )
    body = f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{parts}]}}'.encode()
    return Content(body=body, digest=Digest.of(body), media_type=OCI_INDEX, host="test")


class Script:
    """A source of manifests as the test wants them."""

    def __init__(self, *contents: Content) -> None:
        self.contents = {one.digest: one for one in contents}

    def get_manifest(self, repository: str, target: Digest) -> Content:
        """Return one, of whatever repository."""
        del repository
        return self.contents[target]


@pytest.mark.parametrize("lie", [-1, 1])
def test_a_child_of_another_size_is_refused(lie: int) -> None:
    child = sample_image("child").content
    index = index_of((child.digest, len(child.body) + lie, OCI_MANIFEST))
    with pytest.raises(IntegrityError, match="bytes, the manifest has"):
        read_tree(Script(child, index), "a/b", index.digest, CopyOptions())  # type: ignore[arg-type]  # the part that is used


def test_indexes_nested_too_deep_are_refused() -> None:
    levels = [sample_image("child").content]
    for _ in range(12):
        below = levels[-1]
        levels.append(index_of((below.digest, len(below.body), below.media_type)))
    with pytest.raises(IntegrityError, match="nested deeper"):
        read_tree(Script(*levels), "a/b", levels[-1].digest, CopyOptions())  # type: ignore[arg-type]  # as above


def test_one_blob_with_two_sizes_is_refused() -> None:
    image = sample_image("two sizes")
    config: Descriptor = image.blobs[0][0]
    body = (
        f'{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":"{OCI_CONFIG}",'
        f'"digest":"{config.digest}","size":{config.size}}},"layers":[{{"mediaType":"a/b",'
        f'"digest":"{config.digest}","size":{config.size + 1}}}]}}'
    ).encode()
    content = Content(body=body, digest=Digest.of(body), media_type=OCI_MANIFEST, host="test")
    with pytest.raises(IntegrityError, match="two sizes"):
        read_tree(Script(content), "a/b", content.digest, CopyOptions())  # type: ignore[arg-type]  # as above
