"""Share the files of a large tree among processes, because Python's threads cannot read two at once.

Each process takes every n-th batch, and sends what it found at the end; nothing is queued, so one
whose parent was killed ends by itself.  What a process did not finish is read again by the parent: an
error is raised where it can be reported.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import struct
import sys
import threading
from typing import TYPE_CHECKING, TypeAlias

from imagelock.limits import KEPT_BYTES, SHARED_FILES, SHARING_PROCESSES
from imagelock.model.outcome import Finding
from imagelock.ops.scan.serialize import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from imagelock.ops.parallel import Progress
    from imagelock.ops.scan.reader import FileReader
    from imagelock.ops.scan.scanned_file import ScannedFile
    from imagelock.ops.scan.serialize import Packed
    from imagelock.ops.scan.walk import Visited

_BATCH = 64
_COUNT = struct.Struct("=Q")
_LOOK_SECONDS = 0.1
"""How often a parent that waits looks at how far its processes are."""
_ENDING = (signal.SIGINT, signal.SIGTERM)

Read: TypeAlias = "list[ScannedFile] | Finding"
_Sent: TypeAlias = "list[list[Packed] | Finding]"
_Worker: TypeAlias = "tuple[BaseProcess, Connection]"
"""A process and where it sends what it found."""


def read_all(
    reader: FileReader, files: Sequence[Visited], progress: Progress | None = None
) -> Iterator[Read]:
    """Yield what each file holds, in the order given, read by as many processes as are worth it."""
    count = _processes(files)
    if progress is not None:
        progress.expect(len(files))
    if count == 1:
        yield from map(reader.read, files) if progress is None else _counted(reader, files, progress)
        return
    board = None if progress is None else _Board(count, progress)
    shares = [_share(files, i, count) for i in range(count)]
    reader.keep(KEPT_BYTES // count)
    workers: list[_Worker | None] = []
    try:
        for number, share in enumerate(shares[1:], start=1):
            workers.append(_start(reader, share, workers, board.writer(number) if board else None))
        own = shares[0]
        results = [list(map(reader.read, own)) if board is None else list(_on_board(reader, own, board))]
        results += [
            _received(reader, share, worker, board) for share, worker in zip(shares[1:], workers, strict=True)
        ]
    finally:
        # After Ctrl-C, or an error in our own share, no one waits for what the others find.
        for worker in filter(None, workers):
            _end(*worker)
    iterators = [iter(result) for result in results]
    for i in range(len(files)):
        yield next(iterators[i // _BATCH % count])


def _counted(reader: FileReader, files: Sequence[Visited], progress: Progress) -> Iterator[Read]:
    for file in files:
        yield reader.read(file)
        progress.advance()


class _Board:
    """Memory that all processes share, with a count of files read for each; the parent adds them up."""

    def __init__(self, count: int, progress: Progress) -> None:
        import mmap  # noqa: PLC0415 - only large trees need it

        self._memory = mmap.mmap(-1, count * _COUNT.size)
        self._count = count
        self._progress = progress
        self._seen = 0

    def writer(self, number: int) -> Callable[[int], None]:
        """Return what a process says its count with."""
        return functools.partial(_COUNT.pack_into, self._memory, number * _COUNT.size)

    def look(self) -> None:
        """Pass on what was read since the last look."""
        total = sum(
            _COUNT.unpack_from(self._memory, number * _COUNT.size)[0] for number in range(self._count)
        )
        self._progress.advance(total - self._seen)
        self._seen = total


def _on_board(reader: FileReader, files: Sequence[Visited], board: _Board) -> Iterator[Read]:
    write = board.writer(0)
    for number, file in enumerate(files, start=1):
        yield reader.read(file)
        write(number)
        board.look()


def _processes(files: Sequence[Visited]) -> int:
    """Return how many processes are worth their start.

    Only Linux forks safely, and only a process with a single thread does.
    """
    if len(files) < SHARED_FILES or sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return max(1, min(len(os.sched_getaffinity(0)), SHARING_PROCESSES, len(files) // SHARED_FILES + 1))


def _share(files: Sequence[Visited], which: int, count: int) -> list[Visited]:
    """Return every ``count``-th batch: neighbours are often alike, and large ones must not meet."""
    starts = range(which * _BATCH, len(files), count * _BATCH)
    return [file for start in starts for file in files[start : start + _BATCH]]


def _start(
    reader: FileReader,
    share: Sequence[Visited],
    earlier: Sequence[_Worker | None],
    count: Callable[[int], None] | None,
) -> _Worker | None:
    """Start a process that reads a share; None where the system has none left, and the parent reads it."""
    import multiprocessing  # noqa: PLC0415 - only large trees need it

    context = multiprocessing.get_context("fork")
    try:
        ours, theirs = context.Pipe(duplex=False)
    except OSError:
        return None
    not_its_own = [ours, *(worker[1] for worker in earlier if worker is not None)]
    process = context.Process(target=_work, args=(reader, share, theirs, not_its_own, count), daemon=True)
    # A signal must not meet the process before it has said what signals do to it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        process.start()
    except OSError:
        ours.close()
        return None
    finally:
        theirs.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return process, ours


def _work(
    reader: FileReader,
    share: Sequence[Visited],
    to: Connection,
    not_its_own: Sequence[Connection],
    count: Callable[[int], None] | None,
) -> None:
    """Read a share and send it; on any error nothing is sent, and the parent meets it again."""
    # Ctrl-C goes to every process of the terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    # A pipe that this process could read itself would never tell it that the parent is gone.
    for connection in not_its_own:
        connection.close()
    gc.disable()
    try:
        read = (reader.read(file) for file in share)
        sent: _Sent = []
        for item in read:
            sent.append(item if isinstance(item, Finding) else [pack(file) for file in item])
            if count is not None:
                count(len(sent))
        to.send(sent)
    except Exception:  # noqa: BLE001 - see above: the parent reads this share itself
        os._exit(1)
    # Nothing of the parent's is to be flushed or cleaned up here.
    os._exit(0)


def _received(
    reader: FileReader, share: Sequence[Visited], worker: _Worker | None, board: _Board | None
) -> list[Read]:
    if worker is None:
        return list(map(reader.read, share))
    process, sender = worker
    try:
        while board is not None and not sender.poll(_LOOK_SECONDS):
            board.look()
        sent: _Sent = sender.recv()
    except (EOFError, OSError):
        return list(map(reader.read, share))
    process.join()
    return [
        item
        if isinstance(item, Finding)
        else [unpack(packed, reader.rules_of, reader.context_of) for packed in item]
        for item in sent
    ]


def _end(process: BaseProcess, sender: Connection) -> None:
    process.kill()
    process.join()
    sender.close()
