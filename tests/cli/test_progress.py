"""What people see while a command works: totals, what is under way, and what an interrupt leaves."""

from __future__ import annotations

import re
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from imagelock.cli import progress as module
from imagelock.cli.progress import Counter, clock, line, progress
from imagelock.ops.project import Settings, open_project
from imagelock.ops.scan import workers
from imagelock.ops.scan.collect import collect

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"


class Clock:
    """A clock that moves when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_says_counts_bytes_rate_time_left_and_the_largest_under_way() -> None:
    watch = Clock()
    counter = Counter("mirroring", "images", watch)
    counter.expect(3, 100_000_000)
    counter.words()

    enough = threading.Event()

    def send() -> None:
        counter.start("small", 10_000_000)
        enough.wait(10)

    thread = threading.Thread(target=send)
    thread.start()
    while not counter.under_way():
        time.sleep(0.001)
    watch.now += 10
    counter.start("large", 90_000_000)
    counter.reach(40_000_000)
    counter.advance()
    shown = line(counter)
    enough.set()
    thread.join()
    assert shown == (
        "imagelock: mirroring: 1 of 3 images, 40.0 MB of 100.0 MB, 4.0 MB/s, 0:10 so far, about 0:15 left; "
        "large (40.0 MB of 90.0 MB), small (10.0 MB, 0:10)"
    )


def test_bytes_that_are_sent_again_are_not_counted_twice() -> None:
    counter = Counter("loading", "images")
    counter.expect(1, 100)
    counter.start("blob", 100)
    for position in (60, 100, 0, 30):
        counter.reach(position)
    assert counter.moved == 30
    counter.end()
    assert (counter.moved, counter.under_way()) == (100, [])


def test_without_bytes_the_items_give_the_time_left() -> None:
    watch = Clock()
    counter = Counter("asking", "images", watch)
    counter.expect(40)
    assert counter.words() == "0 of 40 images, 0:00 so far"
    watch.now += 10
    counter.advance(10)
    assert counter.words() == "10 of 40 images, 0:10 so far, about 0:30 left"


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, "0:00"), (67, "1:07"), (3723, "1:02:03")])
def test_times_read_as_on_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_log_gets_a_line_from_time_to_time(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module._Log, "first", 0.01)
    monkeypatch.setattr(module._Log, "every", 0.01)
    with progress("asking registries", quiet=False) as shown:
        assert shown is not None
        shown.expect(2)
        shown.start(A)
        deadline = time.monotonic() + 10
        printed = ""
        while A not in printed and time.monotonic() < deadline:
            time.sleep(0.01)
            printed += capfd.readouterr().err
    assert re.search(rf"imagelock: asking registries: 0 of 2 images, 0:00 so far; {A} \(0:00\)\n", printed)


def test_a_fast_command_shows_nothing_and_quiet_shows_nothing_ever(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with progress("asking", quiet=False) as shown:
        assert shown is not None
        shown.expect(1)
        shown.advance()
    with progress("asking", quiet=True) as shown:
        assert shown is None
    assert capfd.readouterr().err == ""


def test_an_interrupt_says_what_is_done_and_how_to_go_on(capfd: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        with progress("mirroring", quiet=False, onward="go on like this") as shown:
            assert shown is not None
            shown.expect(4, 1000)
            shown.start("blob", 250)
            shown.end()
            shown.advance()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    err = capfd.readouterr().err
    assert (
        err
        == "imagelock: stopped while mirroring: 1 of 4 images, 250 B of 1.0 kB, 0:00 so far; go on like this\n"
    )


def test_a_terminal_gets_a_live_display_that_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(module._Live, "first", 0.0)
    with progress("mirroring", quiet=False) as shown:
        assert shown is not None
        shown.expect(4, 1000)
        shown.start("quay.io/acme/a-name-that-is-longer-than-a-terminal-is-wide-and-wider", 250)
        shown.advance()
        printed = ""
        deadline = time.monotonic() + 20
        while "1 of 4 images" not in printed and time.monotonic() < deadline:
            time.sleep(0.02)
            printed += capfd.readouterr().err
        module.say("a word meanwhile\n")
    assert "1 of 4 images, 0 B of 1.0 kB" in printed
    assert "…" in printed
    after = capfd.readouterr()
    assert "a word meanwhile" in after.err
    assert after.out == ""


def test_the_files_of_a_large_tree_are_counted_across_processes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "SHARED_FILES", 4)
    for number in range(200):
        world.write(f"f{number}.yaml", f"image: {A}\n")
    counter = Counter("reading", "files")
    project = open_project(Settings(directory=world.root))
    collect(project, progress=counter)
    assert counter.total >= 200
    assert counter.items == counter.total
