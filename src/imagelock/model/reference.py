"""Image references: ``[registry/]repository[:tag][@digest]``.

The grammar and the Docker Hub defaults are those of github.com/distribution/reference
(``ParseNormalizedNamed``), which every container engine follows.  imagelock refuses some references
that this grammar lets through and no registry can mean: an empty domain (``a.b_c/d``), addresses that
only look like hosts (``127.1``, ``0x7f.0.0.1``, ``256.1.1.1``), impossible ports and DNS labels, and
digest algorithms outside sha256 and sha512.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from imagelock.errors import InvalidValueError
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import REFERENCE_CHARS
from imagelock.model.digest import Digest

DEFAULT_DOMAIN = "docker.io"
_LEGACY_DOMAIN = "index.docker.io"
_OFFICIAL = "library/"
_PATH_CHARS = 255
_LABEL_CHARS = 63
_ID_CHARS = 64

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REST = lazy_regex(
    rf"(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>[^@]+))?",
    re.ASCII,
)
_DOMAIN = lazy_regex(
    rf"(?P<host>{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[a-fA-F0-9:]+\])(?::(?P<port>[0-9]+))?", re.ASCII
)
_BARE_ID = lazy_regex(r"[a-f0-9]{64}", re.ASCII)
_NUMERIC_LABEL = lazy_regex(r"[0-9]+|0[xX][0-9a-fA-F]*", re.ASCII)
_TAG = lazy_regex(r"\w[\w.-]{0,127}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One reference, as written and as meant.

    ``written_name`` is the name as the file spells it (``nginx``); ``domain`` and ``path`` are what it
    means (``docker.io`` and ``library/nginx``).  ``tag`` and ``digest`` have no defaults.
    """

    written_name: str
    domain: str
    path: str
    tag: str | None
    digest: Digest | None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read one reference; raise :class:`InvalidValueError` that says what is wrong with it."""
        return _parse(text)

    @classmethod
    def parse_or_none(cls, text: str | None) -> Reference | None:
        """Read one reference; None for what is not one, where the reason does not matter."""
        if not text:
            return None
        try:
            return _parse(text)
        except InvalidValueError:
            return None

    @property
    def is_versioned(self) -> bool:
        """Whether a tag or a digest is written: a text that has neither may be any word or path."""
        return self.tag is not None or self.digest is not None

    @property
    def name(self) -> str:
        """The canonical name, ``domain/path``: the identity of a repository."""
        return f"{self.domain}/{self.path}"

    @property
    def canonical(self) -> str:
        """The normalised form with tag and digest as written."""
        return self.name + self._suffix

    @property
    def pulled_tag(self) -> str | None:
        """The tag an engine asks for: ``latest`` when neither tag nor digest is written."""
        if self.tag is None and self.digest is None:
            return "latest"
        return self.tag

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is legal here and most likely not meant."""
        found = []
        host = self.domain.partition(":")[0]
        if host != host.lower() and not host.startswith("["):
            found.append(f"{self.domain} is read as a registry host because of its capital letters")
        if self.domain.endswith((":443", ":80")):
            found.append(f"{self.domain} names a default port: a different name from {host}")
        return tuple(found)

    def with_digest(self, digest: Digest, *, keep_tag: bool = True) -> Reference:
        """Return the pinned form, the name spelled as written."""
        return self._with(self.tag if keep_tag else None, digest)

    def with_tag(self, tag: str | None) -> Reference:
        """Return the form without a digest that names ``tag``, the name spelled as written."""
        return self._with(tag, None)

    def _with(self, tag: str | None, digest: Digest | None) -> Reference:
        return Reference(
            written_name=self.written_name, domain=self.domain, path=self.path, tag=tag, digest=digest
        )

    @property
    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        return f"{tag}@{self.digest}" if self.digest is not None else tag

    def __str__(self) -> str:
        return self.written_name + self._suffix


def is_tag(text: str) -> bool:
    """Whether ``text`` is a tag by the grammar."""
    return _TAG.fullmatch(text) is not None


@lru_cache(maxsize=16384)
def _parse(text: str) -> Reference:
    if not text:
        raise InvalidValueError("an empty text is not an image reference", text=text)
    if len(text) > REFERENCE_CHARS:
        raise InvalidValueError(f"longer than {REFERENCE_CHARS} characters", text=text)
    if len(text) == _ID_CHARS and _BARE_ID.fullmatch(text):
        raise InvalidValueError("64 hex characters are an image ID, not a reference", text=text)
    domain, remainder, written = _split_domain(text)
    match = _REST.fullmatch(remainder)
    if match is None:
        raise InvalidValueError(_why_not(text, remainder), text=text, hint=_hint(text))
    path = match["path"]
    full_path = _OFFICIAL + path if domain == DEFAULT_DOMAIN and "/" not in path else path
    if len(full_path) > _PATH_CHARS:
        raise InvalidValueError(f"the repository name is longer than {_PATH_CHARS} characters", text=text)
    if not _is_plain_domain(domain):
        _check_domain(domain, text)
    try:
        digest = Digest.parse(match["digest"]) if match["digest"] is not None else None
    except InvalidValueError as error:
        raise InvalidValueError(error.message, text=text, hint=error.hint or _hint(text)) from error
    return Reference(
        written_name=written + path, domain=domain, path=full_path, tag=match["tag"], digest=digest
    )


def _split_domain(text: str) -> tuple[str, str, str]:
    """Return the domain, what follows it, and the domain as written with its slash (or nothing)."""
    first, slash, rest = text.partition("/")
    is_domain = slash and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    if not is_domain:
        return DEFAULT_DOMAIN, text, ""
    domain = DEFAULT_DOMAIN if first == _LEGACY_DOMAIN else first
    return domain, rest, first + "/"


@lru_cache(maxsize=256)
def _is_plain_domain(domain: str) -> bool:
    """Whether nothing is wrong with a registry's host; a product has few of them, and thousands of references."""
    try:
        _check_domain(domain, domain)
    except InvalidValueError:
        return False
    return True


def _check_domain(domain: str, text: str) -> None:
    match = _DOMAIN.fullmatch(domain)
    if match is None:
        raise InvalidValueError(f"{domain[:80]!r} is not a registry host", text=text, hint=_hint(text))
    if match["port"] is not None and not 1 <= int(match["port"][:6]) <= 65535:
        raise InvalidValueError(f"port {match['port'][:12]} is not between 1 and 65535", text=text)
    host = match["host"]
    labels = host.split(".")
    if host.startswith("["):
        _check_address(ipaddress.IPv6Address, host[1:-1], text)
    elif _NUMERIC_LABEL.fullmatch(labels[-1]):
        # A host that ends in a number is an address to every resolver; only the plain form is taken.
        _check_address(ipaddress.IPv4Address, host, text)
    elif max(map(len, labels)) > _LABEL_CHARS:
        raise InvalidValueError(f"a label of the host is longer than {_LABEL_CHARS} characters", text=text)


def _check_address(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address], host: str, text: str) -> None:
    try:
        kind(host)
    except ValueError as error:
        raise InvalidValueError(f"{host[:80]!r} is not an IP address", text=text) from error


def _why_not(text: str, remainder: str) -> str:
    """Name the first thing a person would stumble over."""
    signs = (
        (any(mark in text for mark in ("${", "$(", "{{", "{%")), "a template, not an image reference"),
        (any(map(str.isspace, text)), "an image reference has no white space"),
        ("://" in text, "an image reference has no URL scheme"),
        (text.count("@") > 1, "more than one digest"),
    )
    for applies, reason in signs:
        if applies:
            return reason
    repository = remainder.partition("@")[0].partition(":")[0]
    if repository != repository.lower():
        return "a repository name must be in lower case"
    if not repository:
        return "the repository name is missing"
    return "not of the form [registry/]repository[:tag][@digest]"


def _hint(text: str) -> str | None:
    if text.count("@") > 1:
        return f"keep one digest: {text[: text.index('@', text.index('@') + 1)]}"
    if "://" in text:
        return f"write {text.partition('://')[2]}"
    if "=" in text:
        # A label is before or behind; the part with a path is the image.
        parts = text.split("=")
        return f"did you mean {next((part for part in parts if '/' in part), parts[-1])}?"
    return None
