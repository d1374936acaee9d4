"""``imagelock serve``."""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from imagelock.cli.common import common, verb
from imagelock.limits import GRACE_SECONDS, UPLOAD_IDLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.cli.common import Run
    from imagelock.service.access import KnownUsers
    from imagelock.service.embedded import EmbeddedRegistry, Metering, Site
    from imagelock.stores.local import LocalStore


_FILE = click.Path(path_type=Path, dir_okay=False)


class _Ended(BaseException):
    """Raised when SIGTERM asks the server to end: not an error, and no handler of errors may swallow it."""


@verb("serve")
@click.argument("path", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    help="Port to listen on; 0 for any free port.",
)
@click.option(
    "--writable",
    is_flag=True,
    help="Accept pushes and deletions; beyond this machine only with TLS and users.",
)
@click.option(
    "--tls-cert",
    type=_FILE,
    metavar="FILE",
    help="Certificate with its chain, PEM; read again when it changes.",
)
@click.option(
    "--tls-key", type=_FILE, metavar="FILE", help="The certificate's key, PEM, without a passphrase."
)
@click.option(
    "--htpasswd",
    type=_FILE,
    metavar="FILE",
    help="Users who may log in: htpasswd -B; read again when it changes.",
)
@click.option(
    "--writer",
    "writers",
    multiple=True,
    metavar="USER",
    help="Only these users push and delete (repeatable; default: all of --htpasswd).",
)
@click.option(
    "--access-log",
    type=_FILE,
    metavar="FILE",
    help="Write a line for each answer, in the combined log format.",
)
@click.option("--prune", is_flag=True, help="Remove what nothing needs, and end; serve nothing.")
@click.option(
    "--keep",
    "keeps",
    type=_FILE,
    multiple=True,
    metavar="LOCK",
    help="With --prune: remove all that this lock, list or bundle does not name (repeatable).",
)
@click.option(
    "--prune-after",
    type=click.FloatRange(min=0),
    default=UPLOAD_IDLE_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="With --prune: leave blobs without a manifest that are younger; a push may be under way.",
)
@click.option("--dry-run", is_flag=True, help="With --prune: show what would be removed, remove nothing.")
@common()
def command(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    path: Path,
    *,
    host: str,
    port: int,
    writable: bool,
    prune: bool,
    keeps: tuple[Path, ...],
    prune_after: float,
    dry_run: bool,
    **site: Any,
) -> None:
    r"""Serve a bundle or an OCI layout as a registry, until Ctrl-C.

    Read-only by default: DIR is an OCI image layout, as a directory or a tar file, and is not changed.
    With --writable, a missing or empty DIR becomes a layout, and tools such as skopeo, crane and docker can push
    into it. Beyond this machine that needs --tls-cert, --tls-key and --htpasswd. Content that is damaged on disk is
    never served as good.

    The address is printed on stderr (as JSON on stdout with -o json); -v logs every request. /healthz says
    whether the store can be read, /metrics what was asked (Prometheus). SIGTERM lets running responses finish and exits with 0, Ctrl-C with 130.

    --prune removes what nothing needs from DIR, also while another process serves it, and ends. With --keep LOCK only
    what the locks name stays, with its platforms and all that refers to it, such as signatures.

    \b
    Examples:
      imagelock serve ./bundle
      imagelock serve --writable ./store --port 0
      imagelock serve --writable ./store --host 0.0.0.0 --tls-cert c.pem --tls-key k.pem --htpasswd u
      imagelock serve ./store --prune --keep release-7.lock --keep release-8.lock
      skopeo inspect --tls-verify=false docker://127.0.0.1:5000/REPOSITORY:TAG
    """
    if prune:
        _prune(run, path, keeps, prune_after, dry_run=dry_run)
    if keeps or dry_run:
        raise click.UsageError("--keep and --dry-run go with --prune")
    from imagelock.service.embedded import EmbeddedRegistry

    store = _open_store(run.settings.directory / path, writable=writable)
    observer = _tell_request if run.verbose else None
    _allow_many_files()
    settings = _site(run, **site)
    registry = EmbeddedRegistry(
        store, host=host, port=port, writable=writable, observer=observer, site=settings
    )
    try:
        with _ended_by_sigterm():
            _tell_address(run, registry, path, writable=writable)
            registry.run()
    finally:
        registry.close(GRACE_SECONDS)
        if settings.log is not None:
            settings.log.close()
    raise click.exceptions.Exit(0)


def _prune(run: Run, path: Path, keeps: tuple[Path, ...], age: float, *, dry_run: bool) -> NoReturn:
    import time

    from imagelock.errors import IntegrityError
    from imagelock.ops.copies.deliveries import lock_of
    from imagelock.ops.copies.inspect import damaged
    from imagelock.ops.copies.retention import prune
    from imagelock.stores.oci_layout import LayoutStore

    where = run.settings.directory
    locks = [lock_of(where, keep) for keep in keeps]
    store = LayoutStore(where / path, create=False)
    try:
        run.finish(prune(store, locks, orphans_before=time.time() - age, dry_run=dry_run))
    except IntegrityError as error:
        run.finish(damaged("serve-prune", path, error))


def _site(
    run: Run,
    *,
    tls_cert: Path | None,
    tls_key: Path | None,
    htpasswd: Path | None,
    writers: tuple[str, ...],
    access_log: Path | None,
) -> Site:
    from imagelock.errors import UsageError
    from imagelock.service.embedded import Site
    from imagelock.service.exchange import AccessLog
    from imagelock.service.tls import Certificate

    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    if writers and htpasswd is None:
        raise UsageError("--writer names users of --htpasswd")
    where = run.settings.directory
    return Site(
        certificate=None
        if tls_cert is None or tls_key is None
        else Certificate(where / tls_cert, where / tls_key),
        users=None if htpasswd is None else _users(where / htpasswd, writers),
        log=None if access_log is None else AccessLog(where / access_log),
        metering=_metering(),
    )


def _users(path: Path, writers: tuple[str, ...]) -> KnownUsers:
    from imagelock.errors import UsageError

    try:
        from imagelock.service.users import Users
    except ImportError as error:
        raise UsageError(
            "--htpasswd needs the package bcrypt", hint="pip install 'imagelock[serve]'"
        ) from error
    return Users(path, writers or None)


def _metering() -> Metering:
    try:
        from imagelock.service.metrics import Metrics
    except ImportError:  # The registry works without; its answer to /metrics says what is missing.
        from imagelock.service.probes import Unmeasured

        return Unmeasured
    return Metrics


def _open_store(path: Path, *, writable: bool) -> LocalStore:
    from imagelock.stores.volumes import parts_of, whole_path

    if writable or not parts_of(whole_path(path)):
        from imagelock.stores.oci_layout import LayoutStore

        return LayoutStore(path, create=writable)
    from imagelock.stores.oci_tar import TarStore

    return TarStore(path)


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """End the block quietly when SIGTERM comes."""

    def end(_signal: int, _frame: Any) -> None:
        raise _Ended

    before = signal.signal(signal.SIGTERM, end)
    try:
        with contextlib.suppress(_Ended):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _allow_many_files() -> None:
    """Raise the limit of open files to the maximum: each client and each upload needs some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))


def _tell_address(run: Run, registry: EmbeddedRegistry, path: Path, *, writable: bool) -> None:
    count = len(registry.store.repositories())
    if run.is_json:
        import msgspec

        summary = {"address": registry.address, "url": registry.url, "repositories": count}
        document = {"schema": "imagelock/serve/v1", "changes": [], "findings": [], "summary": summary}
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
        sys.stdout.flush()
    kind = "writable" if writable else "read-only"
    is_plain = registry.url.startswith("http:")
    run.say(
        f"serving {path} ({kind}, repositories: {count}) on {registry.url}\n"
        f"  list   curl {registry.url}/v2/_catalog\n"
        f"  pull   skopeo copy {'--src-tls-verify=false ' if is_plain else ''}"
        f"docker://{registry.address}/REPOSITORY:TAG …\n"
    )
    if writable:
        run.say(
            f"  push   skopeo copy {'--dest-tls-verify=false ' if is_plain else ''}"
            f"… docker://{registry.address}/REPOSITORY:TAG\n"
        )
    run.say("  Ctrl-C ends it\n")
    sys.stderr.flush()


def _tell_request(method: str, path: str, status: int) -> None:
    """Write one line of the access log; what a client sent cannot break out of its line."""
    shown = path if path.isascii() and path.isprintable() else ascii(path)
    sys.stderr.write(f"{method} {shown} {status}\n")
