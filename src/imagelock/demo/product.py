"""A small product for the demo: a few files, and a registry with its images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagelock.stores.base import Target

FILES = {
    "deploy/shop.yaml": """\
# The shop: two containers, and a list of tools that hides an image in JSON.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    spec:
      initContainers:
        - name: migrate
          image: quay.io/acme/migrate:2.3   # runs before every start
      containers:
        - name: web
          image: "quay.io/acme/shop:1.4"
          env:
            - name: RELATED_IMAGE_worker
              value: quay.io/acme/worker:1.4
            - name: DEV_TOOLS
              value: '[{"name": "shell", "container": {"image":
                "ghcr.io/acme/tools:ubi9"}}]'
        - {name: cache, image: redis}
""",
    "Dockerfile": """\
ARG BASE=docker.io/library/python:3.13
FROM --platform=$BUILDPLATFORM ${BASE} AS build
RUN make
FROM gcr.io/distroless/static:nonroot
COPY --from=build /shop /shop
""",
    "external_images.txt": """\
# pulled by the customers' sites
quay.io/acme/backup:0.9
quay.io/acme/shop:1.4
""",
}
"""The product's files by path."""

IMAGES = (
    ("quay.io/acme/migrate", "2.3"),
    ("quay.io/acme/shop", "1.4"),
    ("quay.io/acme/worker", "1.4"),
    ("quay.io/acme/backup", "0.9"),
    ("ghcr.io/acme/tools", "ubi9"),
    ("docker.io/library/redis", "latest"),
    ("docker.io/library/python", "3.13"),
    ("gcr.io/distroless/static", "nonroot"),
)
"""Every image the files name."""


def write_files(directory: Path, registry: str) -> None:
    """Write the product's files, and a configuration that finds every image at ``registry`` (a URL)."""
    for name, content in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    hosts = sorted({name.partition("/")[0] for name, _ in IMAGES})
    tables = [f'[registries."{host}"]\nmirrors = ["{registry}/{host}"]\nfallback = false\n' for host in hosts]
    (directory / "imagelock.toml").write_text("\n".join(tables), encoding="utf-8")


def push_images(target: Target) -> None:
    """Put the images into a store; those of acme run on two platforms."""
    for name, tag in IMAGES:
        platforms = (LINUX_AMD64, LINUX_ARM64) if "acme" in name else LINUX_AMD64
        push_sample(target, name, tag, sample_image(f"{name}:{tag}", platforms))


def cluster_dump(locked: Mapping[str, str]) -> str:
    """Return what `kubectl get pods -A -o json` prints of a cluster: the shop, and one pod no one released.

    ``locked`` maps ``name:tag`` to the digest of the release.
    """
    shop = [("web", "quay.io/acme/shop", "1.4"), ("cache", "docker.io/library/redis", "latest")]
    pods = [
        _pod("shop-5d9c", [(part, name, f"{name}@{locked[f'{name}:{tag}']}") for part, name, tag in shop]),
        _pod("debug", [("shell", "docker.io/someone/toolbox:latest", f"docker.io/someone/toolbox@{_ROGUE}")]),
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}, indent=2)


_ROGUE = f"sha256:{'0badcafe' * 8}"


def _pod(name: str, containers: list[tuple[str, str, str]]) -> dict[str, object]:
    pinned = [(part, image if ":" in image else image_id, image_id) for part, image, image_id in containers]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"containers": [{"name": part, "image": image} for part, image, _ in pinned]},
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {"name": part, "image": image, "imageID": image_id, "state": {"running": {}}}
                for part, image, image_id in pinned
            ],
        },
    }


def move_tag(target: Target, name: str, tag: str) -> None:
    """Let someone push another image under a tag that is in use."""
    push_sample(target, name, tag, sample_image(f"{name}:{tag}, rebuilt", (LINUX_AMD64, LINUX_ARM64)))
