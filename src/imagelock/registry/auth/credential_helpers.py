"""Credential helpers: programs named ``docker-credential-NAME``, run without a shell and bounded.

Follows the docker-credential-helpers protocol: the server's address on stdin, JSON on stdout.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import AccessDeniedError, InvalidValueError
from imagelock.lazy_regex import lazy_regex
from imagelock.model import strictjson
from imagelock.program_path import find_program

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = lazy_regex(r"[A-Za-z0-9._-]+", re.ASCII)
_NOTHING_STORED = (b"credentials not found", b"no credentials server", b"no credentials username")


def ask_helper(name: str, server: str, environ: Mapping[str, str], *, where: str) -> tuple[str, str] | None:
    """Return user name and secret that the helper has for ``server``; None where it has none.

    ``where`` is the file that names the helper.  Raises :class:`AccessDeniedError`, naming the helper, when
    it is missing, fails, takes longer than ``limits.HELPER_SECONDS`` or says more than
    ``limits.HELPER_BYTES``.
    """
    if not _NAME.fullmatch(name):
        raise AccessDeniedError(
            f"{name[:60]!r} is not the name of a credential helper", hint=f"named in {where}"
        )
    program = f"docker-credential-{name}"
    path = find_program(program, environ.get("PATH"))
    if path is None:
        raise _failure(program, "is not on PATH", where)
    code, output = _run(path, server, environ, program, where)
    if code != 0:
        if any(phrase in output.lower() for phrase in _NOTHING_STORED):
            return None
        raise _failure(program, f"failed with exit code {code}", where)
    return _read_answer(output, program, where)


def _run(path: str, server: str, environ: Mapping[str, str], program: str, where: str) -> tuple[int, bytes]:
    """Run the helper in a session of its own, so that nothing it started outlives its time."""
    try:
        process = subprocess.Popen(
            [path, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        raise _failure(program, "cannot be started", where) from error
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(limits.HELPER_SECONDS, stop)
    timer.start()
    try:
        output = _exchange(process, server)
        code = process.wait() if len(output) <= limits.HELPER_BYTES else 0
    finally:
        timer.cancel()
        _kill(process)
    if late.is_set():
        raise _failure(program, f"did not answer within {limits.HELPER_SECONDS:g} s", where)
    if len(output) > limits.HELPER_BYTES:
        raise _failure(program, f"wrote more than {limits.HELPER_BYTES} bytes", where)
    return code, output


def _exchange(process: subprocess.Popen[bytes], server: str) -> bytes:
    """Write the server's address and read the answer, at most one byte more than is allowed."""
    with process:
        assert process.stdin is not None  # noqa: S101  # both are pipes, as asked for
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(f"{server}\n".encode())
            process.stdin.close()
        except BrokenPipeError:
            pass  # a helper that fails before it reads is judged by its exit code
        output = process.stdout.read(limits.HELPER_BYTES + 1)
        if len(output) > limits.HELPER_BYTES:
            _kill(process)
        return output


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the helper and whatever it started in its own session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _read_answer(output: bytes, program: str, where: str) -> tuple[str, str] | None:
    try:
        document = strictjson.loads(output)
    except InvalidValueError:
        document = None
    fields = document if isinstance(document, dict) else {}
    username, secret = fields.get("Username"), fields.get("Secret")
    if not isinstance(username, str) or not isinstance(secret, str):
        # "from None" above all: what a helper says may hold the secret.
        raise _failure(program, "did not return a user name and secret", where) from None
    return (username, secret) if secret else None


def _failure(program: str, what: str, where: str) -> AccessDeniedError:
    return AccessDeniedError(
        f"the credential helper {program} {what}",
        hint=f"named in {where}; try it: echo HOST | {program} get",
    )
