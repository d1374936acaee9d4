"""Mirrors that other tools' files name, by those tools' rules: ``registries.conf`` and ``hosts.toml``.

Follows containers-registries.conf(5), version 2, and containerd's "Registry Configuration".  They count
where imagelock's own configuration says nothing of a host's mirrors; ``unqualified-search-registries`` and
short names are not taken from them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from imagelock import limits
from imagelock.errors import ConfigError
from imagelock.lazy_regex import lazy_regex
from imagelock.model import toml_text
from imagelock.model.hosts import HostSettings
from imagelock.model.toml_table import Table, TableError
from imagelock.registry.hosts.certs_d import roots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_RULES = {"all": (True, True), "digest-only": (False, True), "tag-only": (True, False)}
"""``pull-from-mirror``: whether tags are asked of it, and whether content by digest is."""


_FIELD_NAME = lazy_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_FIELD_VALUE = lazy_regex(r"[\t\x20-\x7e\xa0-\xff]*")
_OURS = frozenset(
    {"host", "accept", "accept-encoding", "range", "if-range", "content-length", "content-type", "connection",
     "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
     "expect"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorEntry:
    """One place that another tool would ask: ``name`` is the full name of the repository there.

    ``scheme`` is None where the host has to tell.  ``resolves``: tags are asked of it; ``serves``: content
    by digest is.  ``root``, ``query`` and ``headers`` are those of an endpoint.
    """

    name: str
    scheme: str | None = None
    insecure: bool = False
    settings: HostSettings | None = None
    resolves: bool = True
    serves: bool = True
    root: str = "/v2"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class _Registry:
    """One ``[[registry]]``."""

    where: str
    prefix: str
    location: str
    insecure: bool
    mirrors: tuple[MirrorEntry, ...]
    blocked: bool

    def part(self, name: str) -> str | None:
        """Return the part of a repository's name that the prefix stands for; None where it is another."""
        host = name.partition("/")[0]
        if self.prefix.startswith("*."):
            return host if host.endswith(self.prefix[1:]) else None
        return self.prefix if name == self.prefix or name.startswith(f"{self.prefix}/") else None


class MirrorFiles:
    """The files of other tools, read when the first repository is looked up."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._registries: tuple[_Registry, ...] | None = None

    def places(self, name: str) -> tuple[MirrorEntry, ...] | None:
        """Return where to ask for the canonical ``name``, in order; None where no file speaks of it.

        Raises :class:`ConfigError` for a file that cannot be read, and for a name that one blocks.
        """
        if self._registries is None:
            self._registries = tuple(_registries(self._environ))
        found = [(one.prefix, part, one) for one in self._registries if (part := one.part(name)) is not None]
        if not found:
            return _containerd(name, self._environ)
        _, part, registry = max(found, key=lambda each: len(each[0]))
        if registry.blocked:
            raise ConfigError(f"{name} is blocked", where=registry.where)
        rest = name.removeprefix(part)
        mirrors = tuple(replace(mirror, name=mirror.name + rest) for mirror in registry.mirrors)
        own = (registry.location + rest) if registry.location else name
        return (*mirrors, MirrorEntry(name=own, insecure=registry.insecure))


def _registries(environ: Mapping[str, str]) -> Iterator[_Registry]:
    """Read the file and the pieces beside it; of two tables with one prefix the later one counts."""
    found = {}
    for path in _paths(environ):
        document = _document(path)
        try:
            for table in Table(document).tables("registry"):
                registry = _registry(table, str(path))
                found[registry.prefix] = registry
        except TableError as error:
            raise ConfigError(str(error), where=str(path)) from error
    yield from found.values()


def _paths(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files that podman and skopeo read, the one that counts more later.

    ``CONTAINERS_REGISTRIES_CONF`` replaces all of them; a user's own file replaces the system's.
    """
    if chosen := environ.get("CONTAINERS_REGISTRIES_CONF"):
        if Path(chosen) != Path("/dev/null"):
            yield Path(chosen)
        return
    base = environ.get("XDG_CONFIG_HOME") or (environ.get("HOME") and f"{environ['HOME']}/.config")
    own = Path(base, "containers") if base else None
    system = Path("/etc/containers")
    if own is not None and (own / "registries.conf").is_file():
        folders, main = [own], own / "registries.conf"
    else:
        folders, main = [system, *([own] if own else [])], system / "registries.conf"
    if main.is_file():
        yield main
    for folder in folders:
        yield from sorted((folder / "registries.conf.d").glob("*.conf"))


def _document(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.CREDENTIAL_FILE_BYTES + 1)
        if len(data) > limits.CREDENTIAL_FILE_BYTES:
            raise ConfigError(f"larger than {limits.CREDENTIAL_FILE_BYTES} bytes", where=str(path))
        return toml_text.loads(data.decode())
    except OSError as error:
        raise ConfigError((error.strerror or "cannot be read").lower(), where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not TOML: {error}", where=str(path)) from error


def _registry(table: Table, where: str) -> _Registry:
    location = (table.optional("location", str) or "").rstrip("/")
    prefix = (table.optional("prefix", str) or location).rstrip("/")
    if not prefix:
        raise TableError(table.path, "a registry needs a prefix or a location")
    digests = table.optional("mirror-by-digest-only", bool) is True
    return _Registry(
        where=where,
        prefix=prefix,
        location=location,
        insecure=table.optional("insecure", bool) is True,
        mirrors=tuple(_mirror(each, digests_only=digests) for each in table.tables("mirror")),
        blocked=table.optional("blocked", bool) is True,
    )


def _mirror(table: Table, *, digests_only: bool) -> MirrorEntry:
    rule = table.optional("pull-from-mirror", str) or "all"
    if rule not in _RULES:
        raise TableError(
            table.key("pull-from-mirror"), f"expected one of {', '.join(_RULES)}, found {rule!r}"
        )
    resolves, serves = _RULES["digest-only" if digests_only else rule]
    return MirrorEntry(
        name=table.required("location", str).rstrip("/"),
        insecure=table.optional("insecure", bool) is True,
        resolves=resolves,
        serves=serves,
    )


# containerd


def _containerd(name: str, environ: Mapping[str, str]) -> tuple[MirrorEntry, ...] | None:
    """Read ``hosts.toml`` of a host, or of ``_default``; the upstream comes last."""
    host, _, path = name.partition("/")
    bare, colon, port = host.rpartition(":")
    # containerd writes the colon of a port as underscores, for file systems that have no colons.
    names = (host, *([f"{bare}_{port}_"] if colon else []), "_default")
    folders = (root / each for each in names for root in roots(environ) if root.parts[-2] != "docker")
    file = next((each for folder in folders if (each := folder / "hosts.toml").is_file()), None)
    if file is None:
        return None
    root = Table(_document(file))
    try:
        server = root.optional("server", str)
        places = [
            _containerd_place(url, table, path, host, file.parent)
            for url, table in root.table("host").named_tables()
        ]
        last = (
            MirrorEntry(name=name, headers=tuple(_headers(root)))
            if server is None
            else _containerd_place(server, root, path, host, file.parent)
        )
    except TableError as error:
        raise ConfigError(str(error), where=str(file)) from error
    # The upstream under its own name: docker.io's own host is found by the usual rules.
    upstream = replace(last, name=name, scheme=None, query="") if _is_hub(last.name) else last
    return (*places, upstream)


def _is_hub(name: str) -> bool:
    return name.partition("/")[0] in {"docker.io", "registry-1.docker.io", "index.docker.io"}


def _containerd_place(url: str, table: Table, path: str, host: str, folder: Path) -> MirrorEntry:
    """Return one place of the file for the repository ``path`` of ``host``.

    A place on another host gets the original host in the query: ``ns``, as containerd does it.
    """
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        parts.port  # noqa: B018  # the property raises for what is not a port
    except ValueError as error:
        raise TableError(table.path, "no address") from error
    root, prefix = _root(parts.path.strip("/"), override=table.optional("override_path", bool) is True)
    capabilities = {word.lower() for word in table.strings("capabilities") or ("pull", "resolve")}
    is_another = parts.netloc != host and not (host == "docker.io" and _is_hub(parts.netloc))
    return MirrorEntry(
        name="/".join(filter(None, (parts.netloc, prefix, path))),
        scheme=parts.scheme,
        settings=_containerd_settings(table, folder),
        resolves="resolve" in capabilities,
        serves="pull" in capabilities,
        root=root,
        query=f"?ns={quote(host, safe=':')}" if is_another else "",
        headers=tuple(_headers(table)),
    )


def _root(path: str, *, override: bool) -> tuple[str, str]:
    """Return where the API begins and what is before every repository's name.

    A path is where ``/v2`` is, or with ``override_path`` what replaces it; what follows ``v2`` in it belongs
    to the names, as registries see them.
    """
    if path in {"", "v2"}:
        return ("/v2" if path or not override else ""), ""
    if override and path.startswith("v2/"):
        return "/v2", path.removeprefix("v2/")
    return (f"/{path}" if override or path.endswith("/v2") else f"/{path}/v2"), ""


def _headers(table: Table) -> Iterator[tuple[str, str]]:
    """Yield the headers for a place; those that decide what is asked and how it is read stay ours."""
    inner = table.table("header")
    for name, value in inner.values.items():
        values = value if isinstance(value, list) else [value]
        texts = [each for each in values if isinstance(each, str) and _FIELD_VALUE.fullmatch(each)]
        if len(texts) != len(values) or not _FIELD_NAME.fullmatch(name):
            # The value may be a secret: it is not shown.
            raise TableError(inner.key(name), "expected a header field: a text, or a list of texts")
        if name.lower() not in _OURS:
            yield name, ", ".join(texts)


def _containerd_settings(table: Table, folder: Path) -> HostSettings:
    authorities = _one_or_many(table, "ca")
    clients = table.values.get("client")
    first = clients[0] if isinstance(clients, list) and clients else clients
    pair = first if isinstance(first, list) else [first]
    names = [str(folder / each) for each in pair if isinstance(each, str)]
    return HostSettings(
        more_ca=tuple(str(folder / each) for each in authorities),
        cert=names[0] if names else None,
        key=names[1] if len(names) > 1 else None,
        insecure=table.optional("skip_verify", bool) is True,
    )


def _one_or_many(table: Table, name: str) -> tuple[str, ...]:
    value = table.values.get(name)
    return (value,) if isinstance(value, str) else table.strings(name) or ()
