"""Images of real layers: tars made entry by entry, packed as registries have them, in a store or a layout."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_CONFIG, OCI_MANIFEST
from imagelock.stores.base import Content
from imagelock.stores.layer_stream import zstd_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelock.model.manifest import Descriptor

LAYER = "application/vnd.oci.image.layer.v1.tar"
PACKED = {"": lambda data: data, "+gzip": gzip.compress, "+zstd": zstd_module().compress}


def tar(files: dict[str, str | None]) -> bytes:
    """Return a plain tar; the value ``-> path`` is a link, ``=> path`` a hard link, None a folder."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, value in files.items():
            entry = tarfile.TarInfo(name)
            data = b""
            if value is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            elif value.startswith(("-> ", "=> ")):
                entry.type = tarfile.SYMTYPE if value[0] == "-" else tarfile.LNKTYPE
                entry.linkname = value[3:]
            else:
                data = value.encode()
                entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


@dataclass
class LayeredImage:
    """An image of layers, the oldest first; a Source that counts the layers it streams."""

    layers: list[bytes]
    packing: str = "+gzip"
    blobs: dict[str, bytes] = field(default_factory=dict)
    streamed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        packed = [PACKED[self.packing](data) for data in self.layers]
        diffs = [str(Digest.of(data)) for data in self.layers]
        config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diffs}}
        self.manifest_bytes = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": self._add(json.dumps(config).encode(), OCI_CONFIG),
                "layers": [self._add(data, LAYER + self.packing) for data in packed],
            }
        ).encode()

    def _add(self, data: bytes, media_type: str) -> dict[str, object]:
        digest = str(Digest.of(data))
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def get_manifest(self, repository: str, target: str | Digest) -> Content:  # noqa: ARG002 - the protocol's signature
        """Return the manifest, whatever is asked for."""
        body = self.manifest_bytes
        return Content(body=body, digest=Digest.of(body), media_type=OCI_MANIFEST, host="here")

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:  # noqa: ARG002 - the same
        """Yield a blob in odd pieces."""
        self.streamed.append(str(descriptor.digest))
        data = self.blobs[str(descriptor.digest)]
        for at in range(0, len(data), 1009):
            yield data[at : at + 1009]

    def write_layout(self, top: Path, tag: str) -> None:
        """Write an OCI layout."""
        blobs = {**self.blobs, str(Digest.of(self.manifest_bytes)): self.manifest_bytes}
        folder = top / "blobs" / "sha256"
        folder.mkdir(parents=True)
        for digest, data in blobs.items():
            (folder / digest.partition(":")[2]).write_bytes(data)
        (top / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        root = {
            "mediaType": OCI_MANIFEST,
            "digest": str(Digest.of(self.manifest_bytes)),
            "size": len(self.manifest_bytes),
            "annotations": {"org.opencontainers.image.ref.name": tag},
        }
        (top / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [root]}))
