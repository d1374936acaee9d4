"""``cluster learn``: only what runs and can be proved is proposed, and nothing that contradicts the lock."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from imagelock.cluster.objects import decode
from imagelock.cluster.running import UnreadableObject
from imagelock.lockfile.reader import list_lines
from imagelock.model.exemption import Exemption
from imagelock.ops.cluster.learn import learn
from support.kube import API, DB, LISTED, LOCK, WEB, container, digest, pinned, pod, workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.cluster.running import Observed
    from imagelock.ops.cluster.learn import Lesson

TODAY = dt.date(2026, 1, 1)
NEW = digest("operand")


def look(*objects: dict[str, Any], exemptions: tuple[Exemption, ...] = (), whole: bool = True) -> Lesson:
    def observed() -> Iterator[Observed]:
        for item in objects:
            yield from decode(json.dumps(item).encode())
        if not whole:
            yield UnreadableObject(what="pods in edge", reason="forbidden")

    return learn(observed(), LOCK, exemptions, TODAY)


def lines(lesson: Lesson) -> list[str]:
    return [item.line for item in lesson.learned]


def codes(lesson: Lesson) -> list[str]:
    return [item.code for item in lesson.outcome.findings]


def test_an_image_without_a_digest_is_proposed_with_what_its_node_reports() -> None:
    one = pod("a", container("c", "quay.io/op/operand:3", f"quay.io/op/operand@{NEW}"))
    assert lines(look(one)) == [f"quay.io/op/operand:3@{NEW}  # Pod/a in shop"]


def test_a_name_without_tag_is_latest_and_is_written_in_full() -> None:
    one = pod("a", container("c", "operand", f"docker.io/library/operand@{NEW}"))
    assert lines(look(one)) == [f"docker.io/library/operand:latest@{NEW}  # Pod/a in shop"]


def test_a_template_that_names_a_digest_is_proposed_before_it_runs() -> None:
    lesson = look(workload("CronJob", "nightly", f"quay.io/op/operand@{NEW}"))
    assert lines(lesson) == [f"quay.io/op/operand@{NEW}  # CronJob/nightly in shop"]


def test_a_tag_that_nothing_runs_is_never_given_a_digest() -> None:
    lesson = look(workload("CronJob", "nightly", "quay.io/op/operand:3"))
    assert lines(lesson) == []
    assert codes(lesson) == ["IL302"]


def test_a_config_digest_alone_is_no_proposal() -> None:
    lesson = look(pod("a", container("c", "quay.io/op/operand:3", f"docker://{NEW}")))
    assert (lines(lesson), codes(lesson)) == ([], ["IL302"])


def test_the_locks_tag_with_other_content_is_a_finding_and_no_proposal() -> None:
    for named in ("quay.io/acme/api:2", f"quay.io/acme/api:2@{NEW}"):
        lesson = look(pod("a", container("c", named, f"quay.io/acme/api@{NEW}")))
        assert (lines(lesson), codes(lesson)) == ([], ["IL201"])
        assert f"the lock has {API.digest}" in lesson.outcome.findings[0].message


def test_a_node_that_runs_something_else_than_its_pod_names_teaches_nothing() -> None:
    lesson = look(pod("a", container("c", pinned(WEB), f"quay.io/evil/web@{NEW}")))
    assert (lines(lesson), codes(lesson)) == ([], ["IL201"])


def test_a_tag_with_two_contents_is_proposed_without_the_tag() -> None:
    two = [
        pod(name, container("c", "quay.io/op/operand:3", f"quay.io/op/operand@{digest(name)}"))
        for name in ("a", "b")
    ]
    expected = {
        f"quay.io/op/operand@{digest('a')}  # Pod/a in shop",
        f"quay.io/op/operand@{digest('b')}  # Pod/b in shop",
    }
    assert set(lines(look(*two))) == expected


def test_users_are_workloads_and_many_are_counted() -> None:
    pods = [
        pod(f"p{i}", container("c", "quay.io/op/x:1", f"quay.io/op/x@{NEW}"), namespace=f"n{i}")
        for i in range(5)
    ]
    [line] = lines(look(*pods))
    assert line.endswith("# Pod/p0 in n0, Pod/p1 in n1, Pod/p2 in n2, 2 more")


def test_a_name_from_a_dump_cannot_write_a_line_of_its_own() -> None:
    evil = f"x\nquay.io/evil/image:1@{digest('evil')}\r\u2028y"
    one = pod("a", container("c", "quay.io/op/x:1", f"quay.io/op/x@{NEW}"), owner=("StatefulSet", evil))
    [line] = lines(look(one))
    assert len(line.splitlines()) == 1
    assert [str(item) for _, item in list_lines(line, "list")] == [f"quay.io/op/x:1@{NEW}"]


def test_what_is_exempt_is_not_proposed() -> None:
    one = pod("a", container("c", "quay.io/op/operand:3", f"quay.io/op/operand@{NEW}"))
    lesson = look(one, exemptions=(Exemption(image="quay.io/op/*", reason="of the platform team"),))
    assert (lines(lesson), codes(lesson)) == ([], [])


def test_what_is_locked_and_runs_nowhere_is_known_by_any_of_its_digests() -> None:
    lesson = look(
        pod("a", container("c", "nginx:1.27", f"docker://{digest('web arm64 config')}")),
        pod("b", container("c", pinned(DB), f"quay.io/acme/db@{digest('db amd64')}")),
        workload("CronJob", "nightly", "quay.io/acme/api:2"),
    )
    assert lesson.nowhere == (LISTED,)


def test_what_runs_nowhere_is_not_known_of_half_a_cluster() -> None:
    lesson = look(pod("a", container("c", pinned(WEB), f"nginx@{WEB.digest}")), whole=False)
    assert lesson.nowhere is None
    assert codes(lesson) == ["IL302"]
