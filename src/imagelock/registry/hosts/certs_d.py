"""Certificates that docker, podman and containerd keep for hosts: ``certs.d/HOST/``.

Follows containers-certs.d(5) and Docker's "Verify repository client with certificates": ``*.crt`` are
authorities, ``*.cert`` with a ``*.key`` of the same name is the client's own certificate.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.model.hosts import HostSettings


def with_certificates(authority: str, settings: HostSettings, environ: Mapping[str, str]) -> HostSettings:
    """Add what the first folder of this host has; the configuration's own certificate goes first.

    Raises :class:`ConfigError` for a certificate without its key.
    """
    if "/" in authority or authority.startswith("."):
        return settings
    folder = next((path for root in roots(environ) if (path := root / authority).is_dir()), None)
    if folder is None:
        return settings
    files = sorted(folder.iterdir())
    found = replace(
        settings,
        more_ca=(*settings.more_ca, *(str(file) for file in files if file.suffix == ".crt")),
    )
    pair = next((_pair(file) for file in files if file.suffix == ".cert"), None)
    if pair is None or settings.cert is not None:
        return found
    return replace(found, cert=pair[0], key=pair[1])


def roots(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders to look into: the user's own, then the system's."""
    if base := environ.get("XDG_CONFIG_HOME") or (environ.get("HOME") and f"{environ['HOME']}/.config"):
        yield Path(base, "containers", "certs.d")
    for tool in ("containers", "docker", "containerd"):
        yield Path("/etc", tool, "certs.d")


def _pair(certificate: Path) -> tuple[str, str]:
    key = certificate.with_suffix(".key")
    if not key.is_file():
        raise ConfigError(
            "a client certificate without a key",
            where=str(certificate),
            hint=f"the key must be in {key.name}",
        )
    return str(certificate), str(key)
