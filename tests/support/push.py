"""Push sample images into any registry over plain HTTP, independently of imagelock's own client."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

import urllib3

if TYPE_CHECKING:
    from imagelock.demo.sample_image import SampleImage
    from imagelock.model.digest import Digest
    from imagelock.stores.base import Content

_OCTETS = "application/octet-stream"


class PushError(Exception):
    """The registry gave another status than a push needs."""


class Pusher:
    """Pushes to one registry, over one kept connection; ``user`` is ``(name, password)``."""

    def __init__(self, url: str, user: tuple[str, str] | None = None) -> None:
        self._url = url.rstrip("/")
        headers = {}
        if user is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode()
        self._pool = urllib3.PoolManager(headers=headers, retries=False, timeout=30, maxsize=4)

    def image(self, repository: str, tag: str | None, image: SampleImage) -> Digest:
        """Push everything an image needs and return the digest its tag has now."""
        for descriptor, data in image.blobs:
            self.get_blob(repository, descriptor.digest, data)
        for child in image.children:
            self.get_manifest(repository, child, str(child.digest))
        self.get_manifest(repository, image.content, tag or str(image.digest))
        return image.digest

    def get_blob(self, repository: str, digest: Digest, data: bytes) -> None:
        """Push a blob: open a session, finish it with everything."""
        opened = self._ask("POST", f"{self._url}/v2/{repository}/blobs/uploads/", 202)
        location = urljoin(self._url, opened.headers["Location"])
        mark = "&" if "?" in location else "?"
        self._ask("PUT", f"{location}{mark}{urlencode({'digest': str(digest)})}", 201, data, _OCTETS)

    def get_manifest(self, repository: str, content: Content, target: str) -> None:
        """Push a manifest under a tag or its digest."""
        url = f"{self._url}/v2/{repository}/manifests/{target}"
        self._ask("PUT", url, 201, content.body, content.media_type)

    def delete(self, repository: str, target: Digest | str) -> None:
        """Delete a manifest by digest, or (where the registry can) a tag."""
        self._ask("DELETE", f"{self._url}/v2/{repository}/manifests/{target}", 202)

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    def _ask(
        self, method: str, url: str, wanted: int, body: bytes | None = None, kind: str | None = None
    ) -> urllib3.BaseHTTPResponse:
        headers = {**self._pool.headers, **({"Content-Type": kind} if kind else {})}
        answer = self._pool.request(method, url, body=body, headers=headers, redirect=False)
        if answer.status != wanted:
            raise PushError(f"{method} {url}: {answer.status} {answer.data[:500]!r}")
        return answer


def push_image(
    url: str, repository: str, tag: str | None, image: SampleImage, user: tuple[str, str] | None = None
) -> Digest:
    """Push one sample image into the registry at ``url`` (``http://host:port``)."""
    pusher = Pusher(url, user)
    try:
        return pusher.image(repository, tag, image)
    finally:
        pusher.close()
