"""The entry point: run a command, and end with an exit code, never with a traceback."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path and sys.path:
    # `python -m imagelock` puts the folder it runs in first: a module of somebody's tree must not be ours.
    del sys.path[0]

import contextlib
import gc
import io
import os

_ENDED_BY_SIGNAL = (130, 143)
_GC_THRESHOLDS = (50_000, 20, 100)


def main() -> None:
    """Run the command line and exit."""
    _main(sys.argv[1:])


def filter_main() -> None:
    """Pin what comes on stdin: the program ``imagelock-filter``, for tools that start a program without arguments.

    Helm's post-renderers and KRM functions are such tools.  More arguments are options of ``imagelock pin``.
    """
    _main(["pin", "--quiet", *sys.argv[1:], "-"])


def kubectl_main() -> None:
    """Run ``imagelock cluster`` as a plug-in of kubectl: ``kubectl imagelock check``."""
    _main(["cluster", *sys.argv[1:]])


def _main(arguments: list[str]) -> None:
    # A scan makes many values that stay and hardly a cycle: by default a fifth of its time is the collector's.
    gc.set_threshold(*_GC_THRESHOLDS)
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character gets its escape, not an error.
            stream.reconfigure(errors="backslashreplace")
    code = run(arguments)
    if code in _ENDED_BY_SIGNAL:
        # Everything is cleaned up by now; Python would wait for threads that wait for a silent registry.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)
    # All that is left goes with the process: looking for cycles in it would take longer than reading a lock.
    gc.disable()
    gc.freeze()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Open the null device where a standard stream was closed: otherwise the next file would take its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest number that is free is the stream's own.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def run(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    if arguments in (["--version"], ["-V"]):
        # Asked for by scripts and completions: answered before anything is imported.
        from imagelock import __version__  # noqa: PLC0415

        sys.stdout.write(f"imagelock {__version__}\n")
        return 0
    from imagelock.cli.main import run as run_cli  # noqa: PLC0415 - see above

    return run_cli(arguments)


if __name__ == "__main__":
    main()
