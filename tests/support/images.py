"""Manifests for scripted registries: the bytes, the digest, and honest answers with them."""

from __future__ import annotations

import hashlib
import json

from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_CONFIG, OCI_MANIFEST
from support.lying import Reply

CONFIG = b'{"os":"linux","architecture":"amd64"}'
CONFIG_DIGEST = Digest.of(CONFIG)


def manifest_body(mark: str = "made up") -> bytes:
    """Return a valid manifest; each ``mark`` gives another digest."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": str(CONFIG_DIGEST), "size": len(CONFIG)},
            "layers": [],
            "annotations": {"mark": mark},
        }
    ).encode()


def manifest_reply(
    body: bytes,
    *,
    digest: str | None = None,
    media_type: str = OCI_MANIFEST,
    more: tuple[tuple[str, str], ...] = (),
) -> Reply:
    """Return the answer of an honest registry; ``digest`` makes its header lie."""
    claimed = digest or f"sha256:{hashlib.sha256(body).hexdigest()}"
    headers = (("Content-Type", media_type), ("Docker-Content-Digest", claimed), *more)
    return Reply(body=body, headers=headers)
