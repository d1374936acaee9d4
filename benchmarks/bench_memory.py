"""The most memory that `scan` and `check` of a tree of operator catalogs take, beside the tree's size.

    python benchmarks/bench_memory.py [MEGABYTES]

Catalogs are file-based ones of 30 MB with images that nothing else names, which is the worst case: 2,700 MB is what an
organisation with every public catalog in one tree has.  Memory is that of all processes together, pages that they share
counted once.  Budget: 600 MB, whatever the tree's size.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench_scan import memory_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_CATALOG_BYTES = 30_000_000
_BUDGET_MB = 600
_WORDS = [
    "operator",
    "manages",
    "the",
    "lifecycle",
    "of",
    "instances",
    "and",
    "gives",
    "them",
    "backups",
    "updates",
    "and",
    "high",
    "availability",
]
_IMAGELOCK = [sys.executable, "-m", "imagelock"]


def bundles(chance: random.Random, package: str) -> Iterator[str]:
    """Yield the documents of one catalog, without end."""
    version = 0
    while True:
        prose = " ".join(chance.choices(_WORDS, k=1500))
        digests = [f"sha256:{chance.randbytes(32).hex()}" for _ in range(13)]
        images = [
            {"name": f"image{i}", "image": f"quay.io/{package}/image{i}@{digest}"}
            for i, digest in enumerate(digests[1:])
        ]
        document = {
            "schema": "olm.bundle",
            "name": f"{package}.v1.{version}",
            "package": package,
            "image": f"quay.io/{package}/bundle@{digests[0]}",
            "properties": [{"type": "olm.csv.metadata", "value": {"description": prose}}],
            "relatedImages": images,
        }
        yield json.dumps(document, indent=4) + "\n"
        version += 1


def write(folder: Path, megabytes: float) -> tuple[int, int]:
    """Write catalogs of so many bytes together; return how many bytes and images there are."""
    chance, total, images, number = random.Random(7), 0, 0, 0
    lines = (folder.parent / "images.txt").open("w", encoding="utf-8")
    with lines:
        while total < megabytes * 1e6:
            package, size = f"package{number}", 0
            (folder / package).mkdir(parents=True)
            with (folder / package / "catalog.json").open("w", encoding="utf-8") as stream:
                for text in bundles(chance, package):
                    stream.write(text)
                    size += len(text)
                    document = json.loads(text)
                    named = [document["image"], *(item["image"] for item in document["relatedImages"])]
                    lines.writelines(f"{image}\n" for image in named)
                    images += len(named)
                    if size >= _CATALOG_BYTES:
                        break
            total, number = total + size, number + 1
    return total, images


def main() -> None:
    """Measure and print."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "tree"
        total, images = write(folder, megabytes)
        print(f"{total / 1e6:.0f} MB of catalogs, {images} images")
        lock = str(Path(temporary) / "images.txt")
        for words in (["scan"], ["scan", "-o", "list"], ["check", "--lock-file", lock]):
            used = memory_of([*_IMAGELOCK, *words, "-q", "-C", str(folder)])
            name = " ".join(words[:3] if words[0] == "scan" else words[:1])
            print(f"{name:<14} {used:6.0f} MB   {used / total * 1e6:.2f} x the tree   budget {_BUDGET_MB} MB")


if __name__ == "__main__":
    main()
