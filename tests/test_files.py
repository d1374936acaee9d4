"""Files: read bounded, written wholly or not at all, and never over somebody else's change."""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelock import files
from imagelock.errors import FileChangedError, FileError, LockError
from imagelock.files import Write, decode, encode, file_lock, read_bytes, write_all
from imagelock.paths import check_inside, split_path

if TYPE_CHECKING:
    from collections.abc import Callable

OLD, NEW = b"old\n", b"new content\n"


def _writes(folder: Path, count: int = 3, after: bytes = NEW) -> list[Write]:
    writes = []
    for i in range(count):
        path = folder / f"file-{i}.yaml"
        path.write_bytes(OLD)
        writes.append(Write(path, OLD, after))
    return writes


def _contents(writes: list[Write]) -> list[bytes]:
    return [write.path.read_bytes() for write in writes]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_bytes_that_are_no_utf8_survive() -> None:
    data = bytes(range(256)) + "é\u20ac\U0001f600".encode() + b"\xed\xb0\x80\xff\xfe\r\n\n\r"
    assert encode(decode(data)) == data


def test_a_file_is_read_whole_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(FileError, match="larger than 4 bytes") as refusal:
        read_bytes(path, 4)
    assert refusal.value.where == str(path)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, message in (
        ("nothing", "no such file"),
        ("pipe", "not a regular file"),
        (".", "a directory, not a file"),
        ("loop", "a loop of symbolic links"),
        ("x" * 300, "name too long"),
    ):
        with pytest.raises(FileError, match=message) as refusal:
            read_bytes(tmp_path / name)
        assert refusal.value.where == str(tmp_path / name)


def test_several_files_are_replaced_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    writes = _writes(tmp_path)
    write_all([*writes, Write(tmp_path / "sub" / "new.yaml", None, NEW)])
    assert _contents(writes) == [NEW] * 3
    assert (tmp_path / "sub" / "new.yaml").read_bytes() == NEW
    assert _names(tmp_path) == ["file-0.yaml", "file-1.yaml", "file-2.yaml", "sub"]
    assert _names(tmp_path / "sub") == ["new.yaml"]


def test_everything_is_prepared_before_the_first_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = _writes(tmp_path)
    seen: list[tuple[list[bytes], int]] = []
    replace = os.replace

    def spy(temporary: str, target: str) -> None:
        prepared = [path for path in tmp_path.iterdir() if path.name.endswith(".imagelock-tmp")]
        seen.append((_contents(writes), sum(path.read_bytes() == NEW for path in prepared)))
        replace(temporary, target)

    monkeypatch.setattr(os, "replace", spy)
    write_all(writes)
    assert seen[0] == ([OLD] * 3, 3)
    assert [left for _, left in seen] == [3, 2, 1]


def test_files_are_renamed_in_the_order_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = _writes(tmp_path)[::-1]
    order: list[str] = []
    replace = os.replace

    def spy(temporary: str, target: str) -> None:
        order.append(Path(target).name)
        replace(temporary, target)

    monkeypatch.setattr(os, "replace", spy)
    write_all(writes)
    assert order == ["file-2.yaml", "file-1.yaml", "file-0.yaml"]


def test_a_file_that_stays_the_same_is_not_touched(tmp_path: Path) -> None:
    (write,) = _writes(tmp_path, 1, OLD)
    before = write.path.stat()
    write_all([write])
    assert write.path.stat().st_ino == before.st_ino
    assert write.path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("change", ["other", "grown", "gone", "appeared"])
def test_a_file_that_somebody_changed_meanwhile_is_refused_and_nothing_is_written(
    tmp_path: Path, change: str
) -> None:
    writes = _writes(tmp_path)
    path = writes[1].path
    if change == "gone":
        path.unlink()
    elif change == "appeared":
        writes[1] = Write(path, None, NEW)
    else:
        path.write_bytes({"other": b"xxx\n", "grown": OLD + b"more"}[change])
    expected = path.read_bytes() if path.exists() else None
    with pytest.raises(FileChangedError, match="nothing was written") as refusal:
        write_all(writes)
    assert refusal.value.where == str(path)
    assert refusal.value.hint
    assert (path.read_bytes() if path.exists() else None) == expected
    assert [writes[i].path.read_bytes() for i in (0, 2)] == [OLD, OLD]
    assert not [name for name in _names(tmp_path) if name.endswith("-tmp")]


def test_mode_and_owner_are_kept(tmp_path: Path) -> None:
    writes = _writes(tmp_path)
    modes = [0o640, 0o755, 0o600]
    for write, mode in zip(writes, modes, strict=True):
        write.path.chmod(mode)
    owner = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(writes[0].path, *owner)
    write_all(writes)
    assert [stat.S_IMODE(write.path.stat().st_mode) for write in writes] == modes
    kept = writes[0].path.stat()
    assert (kept.st_uid, kept.st_gid) == owner


@pytest.mark.parametrize("number", [errno.EPERM, errno.EINVAL, errno.ENOTSUP])
def test_a_file_whose_owner_cannot_be_given_is_written_all_the_same(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fchown", refuse)
    writes = _writes(tmp_path)
    writes[0].path.chmod(0o640)
    write_all(writes)
    assert _contents(writes) == [NEW] * 3
    assert stat.S_IMODE(writes[0].path.stat().st_mode) == 0o640


def test_a_file_in_the_top_folder_has_a_folder() -> None:
    assert split_path("/a.yaml") == ("/", "a.yaml")
    assert split_path("a.yaml") == (".", "a.yaml")
    files._sync_folder(split_path("/a.yaml")[0])


def test_a_file_that_became_a_pipe_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(FileChangedError):
        write_all([Write(tmp_path / "a", OLD, NEW)])
    assert _names(tmp_path) == ["a"]


def test_a_new_file_gets_the_mode_of_the_user(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_all([Write(tmp_path / "new", None, NEW)])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (write,) = _writes(tmp_path, 1)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to("../file-0.yaml")
    write_all([Write(link, OLD, NEW)])
    assert link.is_symlink()
    assert write.path.read_bytes() == NEW
    assert _names(tmp_path / "elsewhere") == ["link"]


def test_two_paths_to_one_file_must_agree(tmp_path: Path) -> None:
    (write,) = _writes(tmp_path, 1)
    link = tmp_path / "link"
    link.symlink_to(write.path)
    with pytest.raises(FileError, match="two different changes to one file"):
        write_all([write, Write(link, OLD, b"another\n")])
    assert write.path.read_bytes() == OLD
    write_all([write, Write(link, OLD, NEW)])
    assert write.path.read_bytes() == NEW


def test_links_that_lead_out_or_in_a_circle_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path / "other")
    (root / "loop").symlink_to("loop")
    (root / "in").symlink_to("inside")
    check_inside([root / "in", root / "nothing" / "yet"], root)
    with pytest.raises(FileError, match="leads out of the project"):
        check_inside([root / "in", root / "out"], root)
    with pytest.raises(FileError, match="a loop of symbolic links"):
        write_all([Write(root / "loop", None, NEW)])


def _stray(folder: Path, name: str, pid: int) -> Path:
    path = folder / f".{name}.{pid}-0123abcd.imagelock-tmp"
    path.write_bytes(b"half")
    return path


def test_what_dead_runs_left_is_removed_and_what_live_ones_hold_stays(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    writes = _writes(tmp_path)
    strays = [_stray(tmp_path, name, dead.pid) for name in ("file-0.yaml", "gone.yaml", "file-2.yaml")]
    own = _stray(tmp_path, "file-1.yaml", os.getpid())
    alive = _stray(tmp_path, "file-0.yaml", os.getppid())
    other = tmp_path / ".file-0.yaml.imagelock-tmp"
    other.write_bytes(b"no name of ours")
    write_all([writes[0], Write(writes[1].path, OLD, OLD)])
    assert not any(path.exists() for path in (*strays, own))
    assert alive.exists()
    assert other.exists()


def test_the_longest_names_can_be_written(tmp_path: Path) -> None:
    for name in ("x" * 255, "é" * 127):
        write_all([Write(tmp_path / name, None, NEW)])
        assert (tmp_path / name).read_bytes() == NEW


@pytest.mark.timeout(120)
def test_many_files_of_one_folder_are_no_square(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = _writes(tmp_path, 300)
    scans: list[object] = []
    scandir = os.scandir

    def spy(path: str) -> object:
        scans.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", spy)
    write_all(writes)
    assert len(scans) == 1


def _failing(name: str, number: int) -> Callable[..., object]:
    """Return a stand-in for a function of ``os`` that has no space left the n-th time."""
    real = getattr(os, name)
    calls = iter(range(1, 1000))

    def fail(*args: object, **more: object) -> object:
        if next(calls) == number:
            raise OSError(28, "No space left on device")
        return real(*args, **more)

    return fail


@pytest.mark.parametrize("name", ["open", "fsync", "fchmod"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failure_while_preparing_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    writes = _writes(tmp_path)
    monkeypatch.setattr(os, name, _failing(name, number))
    with pytest.raises(FileError, match="no space left on the device") as refusal:
        write_all(writes)
    monkeypatch.undo()
    assert refusal.value.where == str(writes[number - 1].path)
    assert _contents(writes) == [OLD] * 3
    assert len(_names(tmp_path)) == 3


_LITTLE_SPACE = """
import resource, sys
from pathlib import Path
from imagelock.errors import FileError
from imagelock.files import Write, write_all

folder, limit = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
paths = [folder / f"file-{i}.yaml" for i in range(3)]
try:
    write_all([Write(path, path.read_bytes(), b"new" * size) for path, size in zip(paths, (1, 3000, 1))])
except FileError as error:
    print(error)
"""


def test_a_system_that_takes_no_more_bytes_leaves_everything_as_it_was(tmp_path: Path) -> None:
    writes = _writes(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _LITTLE_SPACE, str(tmp_path), "4096"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{writes[1].path}: larger than the system allows\n"
    assert _contents(writes) == [OLD] * 3
    assert len(_names(tmp_path)) == 3


def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Permissions do not bind root; a folder that is a file refuses everybody.
        (tmp_path / "closed").write_bytes(b"")
        message = "not a directory|file exists"
    else:
        (tmp_path / "closed").mkdir(mode=0o500)
        message = "no permission"
    target = tmp_path / "closed" / "a.yaml"
    with pytest.raises(FileError, match=message) as refusal:
        write_all([Write(target, None, NEW)])
    assert refusal.value.where == str(target)


def test_a_held_file_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "images.lock"
    with file_lock(path):
        with pytest.raises(LockError, match=f"process {os.getpid()}") as refusal, file_lock(path):
            pass
        assert refusal.value.where == str(path)
        assert refusal.value.hint
    with file_lock(path):
        pass
    assert _names(tmp_path) == []


def test_a_failure_inside_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "images.lock"
    with pytest.raises(KeyboardInterrupt), file_lock(path):
        raise KeyboardInterrupt
    assert _names(tmp_path) == []
    with file_lock(path):
        pass


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "images.lock"
    code = "import os,sys;from pathlib import Path;from imagelock.files import file_lock\nwith file_lock(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert _names(tmp_path) == [".images.lock.held"]
    with file_lock(path):
        pass
    assert _names(tmp_path) == []


def test_two_holders_never_hold_at_once(tmp_path: Path) -> None:
    path = tmp_path / "images.lock"
    inside: list[int] = []
    most: list[int] = []

    def hold() -> None:
        for _ in range(200):
            try:
                with file_lock(path):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
            except LockError:
                continue

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most
    assert set(most) == {1}


def test_a_holder_that_goes_between_open_and_lock_leaves_no_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "images.lock"
    holder = tmp_path / ".images.lock.held"
    real = files._flock
    calls: list[int] = []

    def late(descriptor: int) -> str | None:
        calls.append(descriptor)
        if len(calls) == 1:
            # The run before lets go just now: what we opened is no file of the folder any more.
            holder.unlink()
        return real(descriptor)

    monkeypatch.setattr(files, "_flock", late)
    with file_lock(path):
        assert holder.exists()
        with pytest.raises(LockError), file_lock(path):
            pass
    assert len(calls) == 3


def test_a_folder_that_is_not_there_cannot_be_held(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"), file_lock(tmp_path / "nothing" / "images.lock"):
        pass


_SWEPT = """
import sys
from pathlib import Path
from imagelock.files import Write, write_all
folder = Path(sys.argv[1])
(folder / "started").touch()
paths = [folder / f"file-{i}.yaml" for i in range(5)]
write_all([Write(path, path.read_bytes(), b"new content\\n") for path in paths])
"""
_SYSCALLS = "openat,write,fsync,fchmod,fchown,rename,renameat,renameat2,unlink,unlinkat"


def _calls(folder: Path, *inject: str) -> tuple[int, str]:
    """Run the writing under strace; return its exit code and what it called once it had started."""
    log = folder.parent / "log"
    # Isolated and without bytecode: the only files that are written are those in question.
    command = [
        "strace",
        "-f",
        "-qq",
        "-o",
        str(log),
        *inject,
        sys.executable,
        "-B",
        "-X",
        "frozen_modules=on",
        "-c",
        _SWEPT,
        str(folder),
    ]
    code = subprocess.run(command, check=False, capture_output=True).returncode
    return code, log.read_text("utf-8", "replace")


@pytest.mark.timeout(120)
def test_a_run_killed_at_any_system_call_leaves_each_file_old_or_new(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    writes = _writes(folder, 5)
    code, log = _calls(folder, "-e", f"trace={_SYSCALLS}")
    assert code == 0
    kills = halfway = 0
    for name, first in _first_calls(log).items():
        for number in range(first, first + 100):
            for write in writes:
                write.path.write_bytes(OLD)
            code, _ = _calls(
                folder, "-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={number}"
            )
            found = _contents(writes)
            assert set(found) <= {OLD, NEW}
            write_all([Write(write.path, now, NEW) for write, now in zip(writes, found, strict=True)])
            assert _contents(writes) == [NEW] * 5
            assert len(_names(folder)) == 6, f"{name} {number} left something behind"
            if code == 0:
                break
            kills += 1
            halfway += len(set(found)) == 2
    # Five files are opened, written, synced, given their mode and owner, and renamed.
    assert kills >= 5 * 6
    assert halfway >= 4


def _first_calls(log: str) -> dict[str, int]:
    """Return the calls made once the writing has started, each with the number of its first one."""
    counts: dict[str, int] = {}
    first: dict[str, int] = {}
    has_started = False
    for line in log.splitlines():
        match = re.match(r"(?:[0-9]+ +)?([a-z0-9]+)\(", line)
        if match is None:
            continue
        counts[match[1]] = counts.get(match[1], 0) + 1
        if has_started:
            first.setdefault(match[1], counts[match[1]])
        has_started = has_started or '/started"' in line
    return first
