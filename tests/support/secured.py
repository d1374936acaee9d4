"""Certificates, users and clients of a registry that has TLS and a login."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bcrypt
import trustme

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Keys:
    """PEM files of an authority and of one server's certificate and key."""

    ca: Path
    chain: Path
    key: Path

    @property
    def client(self) -> ssl.SSLContext:
        """A client's context that trusts the authority."""
        return ssl.create_default_context(cafile=str(self.ca))


def write_keys(folder: Path, *names: str, authority: trustme.CA | None = None) -> Keys:
    """Issue a certificate for these names (default: this machine's) and write it with its key."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = authority or trustme.CA()
    issued = authority.issue_cert(*(names or ("127.0.0.1", "localhost")))
    keys = Keys(folder / "ca.pem", folder / "tls.crt", folder / "tls.key")
    authority.cert_pem.write_to_path(str(keys.ca))
    issued.private_key_pem.write_to_path(str(keys.key))
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    keys.chain.write_bytes(chain)
    return keys


def write_users(path: Path, **passwords: str) -> Path:
    """Write an htpasswd file as ``htpasswd -B`` does, with a low cost."""
    lines = [
        f"{user}:{bcrypt.hashpw(word.encode(), bcrypt.gensalt(4, b'2a')).decode().replace('$2a$', '$2y$', 1)}\n"
        for user, word in passwords.items()
    ]
    path.write_text("# users\n\n" + "".join(lines))
    return path


def login(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP's Basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
