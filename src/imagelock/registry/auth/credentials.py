"""Stored credentials, found where docker, podman and skopeo keep them.

Follows containers-auth.json(5) (path-scoped keys, most specific first), Docker's config.json
(``auths``, ``credHelpers``, ``credsStore``) and the docker-credential-helpers protocol.  Nothing here
prints a secret: a credential's ``repr`` has only its source.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import ConfigError, InvalidValueError
from imagelock.lazy_regex import lazy_regex
from imagelock.model import strictjson
from imagelock.registry.auth.credential_helpers import ask_helper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.model.strictjson import Json

_HUB = "docker.io"
_HUB_ALIASES = frozenset({_HUB, "index.docker.io", "registry-1.docker.io"})
_HUB_SERVER = "https://index.docker.io/v1/"
"""The key under which docker itself keeps the credentials of docker.io."""
_SCHEME = lazy_regex(r"https?://", re.ASCII | re.IGNORECASE)
_API_PATH = lazy_regex(r"/v[12]$", re.ASCII)
_TOKEN_USER = "<token>"  # noqa: S105  # the protocol's word for "the secret is an identity token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One login: a user and password, or an identity token; ``source`` is where it was found."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    identity_token: str | None = field(default=None, repr=False)
    source: str

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        secret = self.password or self.identity_token or ""
        pair = f"{self.username or _TOKEN_USER}:{secret}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


class Credentials:
    """Look credentials up; files are read once, when the first registry asks for a login."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._files: tuple[_File, ...] | None = None
        self._found: dict[str, Credential | None] = {}
        self._helped: dict[tuple[str, str], Credential | None] = {}

    def lookup(self, name: str) -> Credential | None:
        """Return the credential for ``host/path``, None where there is none.

        Raises :class:`ConfigError` for a file that cannot be read, and
        :class:`~imagelock.errors.AccessDeniedError`, naming it, for a helper that fails.
        """
        with self._lock:
            if name not in self._found:
                self._found[name] = self._search(name)
            return self._found[name]

    def _search(self, name: str) -> Credential | None:
        if self._files is None:
            self._files = tuple(_read_file(path) for path in _paths(self._environ) if path.is_file())
        for file in self._files:
            credential = self._in_file(file, _scoped_keys(name))
            if credential is not None:
                return credential
        return None

    def _in_file(self, file: _File, keys: tuple[str, ...]) -> Credential | None:
        """Ask a helper for exactly this name first, then the entries by path, the store, the host's entry."""
        host = keys[-1]
        for key in keys:
            if key in file.helpers:
                return self._from_helper(file, file.helpers[key], key)
        found = next((file.entries[key] for key in keys[:-1] if key in file.entries), None)
        if found is None and file.store is not None:
            found = self._from_helper(file, file.store, host)
        return found or file.entries.get(host)

    def _from_helper(self, file: _File, helper: str, key: str) -> Credential | None:
        if (helper, key) not in self._helped:
            servers = (_HUB_SERVER, _HUB) if key == _HUB else (key,)
            answers = (ask_helper(helper, server, self._environ, where=file.where) for server in servers)
            pair = next((answer for answer in answers if answer is not None), None)
            source = f"docker-credential-{helper}"
            self._helped[helper, key] = None if pair is None else _credential(*pair, source=source)
        return self._helped[helper, key]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One credential file; keys are normalised to ``host`` or ``host/path``."""

    where: str
    entries: dict[str, Credential] = field(repr=False)
    helpers: dict[str, str]
    store: str | None


def _paths(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files to look into; ``REGISTRY_AUTH_FILE`` replaces all others, as with podman."""
    if chosen := environ.get("REGISTRY_AUTH_FILE"):
        if not Path(chosen).is_file():
            raise ConfigError("no such file", where=chosen, hint="REGISTRY_AUTH_FILE names it")
        yield Path(chosen)
        return
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "containers", "auth.json")
    home = environ.get("HOME")
    if config := environ.get("XDG_CONFIG_HOME") or (home and str(Path(home, ".config"))):
        yield Path(config, "containers", "auth.json")
    if docker := environ.get("DOCKER_CONFIG") or (home and str(Path(home, ".docker"))):
        yield Path(docker, "config.json")


def _scoped_keys(name: str) -> tuple[str, ...]:
    """Return ``host/a/b``, ``host/a``, ``host`` for ``host/a/b``."""
    parts = name.split("/")
    return tuple("/".join(parts[:length]) for length in range(len(parts), 0, -1))


def _normal_key(key: str) -> str:
    """Return the key as ``host[/path]``, the names of Docker Hub made one."""
    bare = _API_PATH.sub("", _SCHEME.sub("", key).rstrip("/"))
    host, slash, path = bare.partition("/")
    host = host.lower()
    return (_HUB if host in _HUB_ALIASES else host) + slash + path


def _read_file(path: Path) -> _File:
    where = str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.CREDENTIAL_FILE_BYTES + 1)
        if len(data) > limits.CREDENTIAL_FILE_BYTES:
            raise ConfigError(f"larger than {limits.CREDENTIAL_FILE_BYTES} bytes", where=where)
        document = strictjson.loads(data) if data.strip() else {}
    except OSError as error:
        raise ConfigError(f"cannot be read: {(error.strerror or 'unknown').lower()}", where=where) from error
    except InvalidValueError as error:
        # The reason may quote the file, so only that there is one is said.
        raise ConfigError("not a credential file: not JSON, or a duplicate key", where=where) from error
    if not isinstance(document, dict):
        raise ConfigError("not a credential file: not a JSON object", where=where)
    entries = {
        _normal_key(key): _entry(value, key, where) for key, value in _table(document, "auths").items()
    }
    store = document.get("credsStore")
    return _File(
        where=where,
        entries={key: entry for key, entry in entries.items() if entry is not None},
        helpers={
            _normal_key(key): helper
            for key, helper in _table(document, "credHelpers").items()
            if isinstance(helper, str) and helper
        },
        store=store if isinstance(store, str) and store else None,
    )


def _table(document: dict[str, Json], key: str) -> dict[str, Json]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _entry(value: Json, key: str, where: str) -> Credential | None:
    """Read one entry of ``auths``; None where it is empty (the secret is in a helper)."""
    if not isinstance(value, dict):
        return None
    fields = {name: text for name, text in value.items() if isinstance(text, str)}
    username, password = fields.get("username", ""), fields.get("password", "")
    if encoded := fields.get("auth"):
        username, password = _decode(encoded, key, where)
    token = fields.get("identitytoken") or None
    if not password and token is None:
        return None
    return Credential(username=username, password=password, identity_token=token, source=where)


def _decode(encoded: str, key: str, where: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    username, colon, password = text.partition(":")
    if not colon:
        # "from None": the chained error would carry the secret.
        raise ConfigError(
            f"the auth of {key} is not base64 of user:password",
            where=where,
            hint=f"log in again: podman login {key}",
        ) from None
    return username, password.strip("\x00")


def _credential(username: str, secret: str, *, source: str) -> Credential:
    if username == _TOKEN_USER:
        return Credential(username="", password="", identity_token=secret, source=source)
    return Credential(username=username, password=secret, source=source)
