"""``olm entrypoint`` beside a shell loop of grep and sed that does the same job: ``bench_entrypoint.py [ROUNDS]``.

Both trees are made here, as large as those of a plugin and a devfile registry (160 and 60 files, 60 images).
The loop is what registries have run: for each variable, decode its tag, grep the files that name the image,
and sed each of them.  Both must leave the same bytes.  Prints the best of some rounds, and the ratio.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGET = 20.0
IMAGES = 60
LOOP = r"""
set -e
# Never the imagelock that is measured: only what a registry's image has.
env | grep -o '^RELATED_IMAGE_[^=]*_registry_image_[A-Z2-7_]*=.*' | while IFS= read -r line; do
  name=${line%%=*}
  value=${line#*=}
  tag=$(printf '%s' "${name##*_registry_image_}" | sed 's/_/=/g' | base32 -d)
  image=${value%%@*}
  for file in $(find "$1" -name devfile.yaml -o -name meta.yaml); do
    if grep -q "image: *[\"']*$image:$tag[\"']*\$" "$file"; then
      sed -i -E "s|image: *([\"']*)$image:$tag([\"']*)\$|image: \1$value\2|" "$file"
    fi
  done
done
"""


def main() -> int:
    """Measure both; return 1 over budget."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        images = [f"quay.io/acme/sidecar-{number}:{number}.{number % 7}-tag" for number in range(IMAGES)]
        make_tree(root / "tree", images)
        environ = {**os.environ, **dict(variable(image) for image in images)}
        ours = [
            sys.executable,
            "-m",
            "imagelock",
            "olm",
            "entrypoint",
            "-q",
            "--env-match",
            "_registry_image_",
        ]
        loop = ["sh", "-c", LOOP, "loop"]
        fast, first = best(root, [*ours], environ, rounds)
        slow, second = best(root, [*loop], environ, 1)
        if first != second or first == contents(root / "tree"):
            print("the two left different bytes")
            return 1
    ratio = slow / fast
    print(
        f"files {len(first)}, images {IMAGES}; entrypoint {fast:.2f} s, shell loop {slow:.2f} s: {ratio:.0f} x (goal {BUDGET:.0f} x)"
    )
    return int(ratio < BUDGET)


def make_tree(top: Path, images: list[str]) -> None:
    """Write metas and devfiles that each name one or two images."""
    for number in range(160):
        write(top / f"plugins/{number}/meta.yaml", meta(images[number % IMAGES]))
        (top / f"plugins/{number}/latest.txt").write_text("1.0\n")
    for number in range(60):
        write(top / f"devfiles/{number}/devfile.yaml", devfile(images[number], images[-1 - number]))


def meta(image: str) -> str:
    """Return a plugin's description."""
    words = "".join(f"  line {number} of what this plugin does\n" for number in range(30))
    return f'apiVersion: v2\npublisher: acme\nname: go\ntype: VS Code extension\ndescription: |\n{words}spec:\n  containers:\n  - image: "{image}"\n    name: go\n'


def devfile(one: str, other: str) -> str:
    """Return a devfile of two components."""
    return (
        "apiVersion: 1.0.0\nmetadata: {generateName: x-}\ncomponents:\n"
        f"- type: dockerimage\n  image: {one}\n  memoryLimit: 1Gi\n- type: dockerimage\n  image: {other}\n"
    )


def write(path: Path, text: str) -> None:
    """Write one file and the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def variable(image: str) -> tuple[str, str]:
    """Return the variable that an operator passes on for an image."""
    name, _, tag = image.rpartition(":")
    last = name.rpartition("/")[2].replace("-", "_")
    suffix = base64.b32encode(tag.encode()).decode().replace("=", "_")
    digest = hashlib.sha256(image.encode()).hexdigest()
    return f"RELATED_IMAGE_{last}_registry_image_{suffix}", f"{name}@sha256:{digest}"


def best(
    root: Path, command: list[str], environ: dict[str, str], rounds: int
) -> tuple[float, dict[str, bytes]]:
    """Run a command over fresh copies of the tree; return the least time and what it left."""
    least = float("inf")
    left: dict[str, bytes] = {}
    for _ in range(rounds):
        copy = root / "copy"
        shutil.copytree(root / "tree", copy)
        start = time.perf_counter()
        subprocess.run([*command, str(copy)], check=True, env=environ)
        least = min(least, time.perf_counter() - start)
        left = contents(copy)
        shutil.rmtree(copy)
    return least, left


def contents(top: Path) -> dict[str, bytes]:
    """Return every file of a tree."""
    return {
        str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()
    }


if __name__ == "__main__":
    raise SystemExit(main())
