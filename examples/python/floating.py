"""List the images of a project whose tags have moved since they were locked, by repository.

    python3 floating.py DIRECTORY

Exits with 1 when a tag has moved, and with 3 when a registry could not be asked.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import imagelock


def moved(directory: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Return the tags of each repository that mean something else now, and what could not be asked."""
    lock = imagelock.read_lock(directory / "images.lock")
    tagged = {image.reference: image for image in lock.images if image.tag is not None}
    found: dict[str, list[str]] = defaultdict(list)
    silent = []
    for reference, now in imagelock.resolve(list(tagged), directory).items():
        if isinstance(now, imagelock.RegistryError):
            silent.append(f"{reference}: {now.message}")
        elif now.digest != tagged[reference].digest:
            found[now.name].append(f"{now.tag}: {tagged[reference].digest.short} -> {now.digest.short}")
    return dict(found), silent


def main() -> int:
    """Print what moved and return the exit code."""
    found, silent = moved(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    for name, tags in sorted(found.items()):
        print(name, *(f"  {tag}" for tag in tags), sep="\n")
    print(*silent, sep="\n", end="", file=sys.stderr)
    return 3 if silent else int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
