"""Compare what ``pin`` makes of real bundles with what was released: ``check_olm.py DIRECTORY``.

DIRECTORY is laid out as ``csv/pin-pairs/<release>/{before,after}.*.yaml`` with ``digest-map.json``, and
``oracle/chain-<release>/`` with ``before.csv.yaml``, ``real-after.csv.yaml``, the lists of both registries and a
digest map, and ``operator/<release>-editors-definitions`` with ``csv/<release>.csv.yaml``.  Everything is loaded as YAML and compared; names count by what they mean, so ``a/b`` is
``docker.io/a/b``.  Prints one line for each comparison, and exits 1 when one differs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from imagelock.errors import InvalidValueError
from imagelock.model.reference import Reference

IMAGE_IN_JSON = re.compile(r'"image": ?"(?P<image>[^"]+:[^"]+)"')
RELATED = re.compile(r"image: \S+@(?P<digest>sha256:\S+)\n\s+# tag: (?P<origin>\S+)")
EDITOR = re.compile(r" *- name: RELATED_IMAGE_editor_definition_\S+\n *value: \S+\n")
MADE_UP = "sha256:" + "5" * 64
OPERATOR = ("spec", "install", "spec", "deployments", 0, "spec", "template", "spec", "containers", 0)


def main() -> int:
    """Compare everything below the directory; return the exit code."""
    top = Path(sys.argv[1])
    differing = 0
    for pair in sorted((top / "csv" / "pin-pairs").iterdir()):
        differing += compare_pair(pair)
    for chain in sorted((top / "oracle").glob("chain-*")):
        differing += compare_chain(chain)
    for editors in sorted((top / "operator").glob("*-editors-definitions")):
        differing += compare_editors(editors, top)
    for oracle in sorted((top / "oracle").glob("entrypoint-*")):
        differing += compare_tree(oracle, top)
    return int(differing > 0)


def compare_tree(oracle: Path, top: Path) -> int:
    """Run the entrypoint over the tree a registry had, and compare every file with what it made of it."""
    _, kind, release = oracle.name.split("-", 2)
    source = top / f"{kind}-registry" / release
    source = source / "v3" if kind == "plugin" else source / "devfiles"
    environ = dict(json.loads((oracle / "env.json").read_text()))
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(source, tree)
        release_tree(tree, top / f"{kind}-registry" / release, release)
        command = [sys.executable, "-m", "imagelock", "olm", "entrypoint", "--env-match", "registry_image"]
        done = subprocess.run(
            [*command, str(tree), "--", "true"],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **environ},
        )
        files = [path for path in sorted((oracle / "after").rglob("*")) if path.is_file()]
        compared = [path for path in files if (tree / path.relative_to(oracle / "after")).exists()]
        differing = [
            path
            for path in compared
            if path.read_bytes() != (tree / path.relative_to(oracle / "after")).read_bytes()
        ]
    words = done.stderr.strip().removeprefix("imagelock: ")
    print(f"{oracle.name}: {len(compared)} of {len(files)} files compared, {len(differing)} differ; {words}")
    for path in differing:
        print(f"  {path.relative_to(oracle)}")
    return int(bool(differing))


def release_tree(tree: Path, registry: Path, release: str) -> None:
    """Do what the build of the registry's image does before: name the release's own images by its tag."""
    bases = registry / "arbitrary-users-patch" / "base_images"
    names = (
        [line.split()[0] for line in bases.read_text().splitlines() if line.split()] if bases.exists() else []
    )
    for path in tree.rglob("devfile.yaml"):
        text = path.read_text()
        for name in names:
            text = text.replace(f"/{name}:nightly\n", f"/{name}:{release}\n")
        path.chmod(0o644)
        path.write_text(text)


def compare_pair(pair: Path) -> int:
    """Pin ``before`` by its digest map and compare with ``after``, the image in JSON apart."""
    before = next(pair.glob("before.*clusterserviceversion.yaml"))
    after = load((pair / before.name.replace("before.", "after.", 1)).read_text())
    hidden = image_in_json(load(before.read_text()))
    digests = {**json.loads((pair / "digest-map.json").read_text()), hidden: MADE_UP}
    result = pinned(before, digests, "[olm]\nrelated-images = true\n", keep_going=True)
    mine = load(result)
    related = [item for item in mine["spec"]["relatedImages"] if MADE_UP not in item["image"]]
    extra = len(mine["spec"]["relatedImages"]) - len(related)
    mine["spec"]["relatedImages"] = related
    undone = undo_json(mine, hidden)
    same = undone == after
    released = after["spec"]["relatedImages"]
    names = [item["name"] for item in related] == [item["name"] for item in released]
    print(
        f"{pair.name}: relatedImages {len(related)} of {len(released)}, same names and order: {names}; "
        f"image in JSON pinned and related: {extra}; all else equal: {same}"
    )
    return int(not (same and names and extra == 1))


def compare_chain(chain: Path) -> int:
    """Pin a release with both catalogs and compare environment and related images with the released ones."""
    digests = json.loads((chain / "digest-map.json").read_text())
    config = "[olm]\nrelated-images = true\n"
    lists = []
    for name in ("plugin", "devfile"):
        path = chain / f"{name}.external_images.txt"
        lists.append(path)
        config += f'[[olm.catalog]]\nlabel = "{name}_registry_image"\nsource = "{path.name}"\n'
        for line in path.read_text().split():
            if line not in digests:
                config += f'[[exempt]]\nimage = "{canonical(line)}"\nreason = "not released"\n'
    first = pinned(chain / "before.csv.yaml", digests, config, *lists)
    mine, released = load(first), load((chain / "real-after.csv.yaml").read_text())
    env, env_after = variables(mine), variables(released)
    related, related_after = [
        [(item["name"], canonical(item["image"])) for item in document["spec"]["relatedImages"]]
        for document in (mine, released)
    ]
    generated = sum("_registry_image_" in name for name, _ in env)
    print(
        f"{chain.name}: generated variables {generated}, environment equal: {env == env_after}; "
        f"relatedImages {len(related)} of {len(related_after)}, equal: {related == related_after}"
    )
    return int(env != env_after or related != related_after)


def compare_editors(editors: Path, top: Path) -> int:
    """Take the editors' variables and the related images out of a release and let ``pin`` make them again."""
    release = editors.name.removesuffix("-editors-definitions")
    released = (top / "csv" / f"{release}.csv.yaml").read_text()
    digests = {found["origin"]: found["digest"] for found in RELATED.finditer(released)}
    hidden = image_in_json(load(released))
    config = '[olm]\nrelated-images = true\n[[olm.catalog]]\nnaming = "editor"\nsource = "editors"\n'
    for image in sorted({value for _, value in editor_variables(load(released)) if "@" not in value}):
        config += f'[[exempt]]\nimage = "{image}"\nreason = "floats"\n'
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(editors, Path(folder) / "editors")
        bare = Path(folder) / "bare.csv.yaml"
        bare.write_text(EDITOR.sub("", released).partition("  relatedImages:")[0])
        mine = load(pinned(bare, {**digests, hidden: MADE_UP}, config, Path(folder) / "editors"))
    related = [item for item in mine["spec"]["relatedImages"] if MADE_UP not in item["image"]]
    wanted = load(released)["spec"]["relatedImages"]
    made, given = sorted(editor_variables(mine)), sorted(editor_variables(load(released)))
    print(
        f"editors {release}: variables {len(made)} of {len(given)}, equal: {made == given}; "
        f"relatedImages {len(related)} of {len(wanted)}, equal: {related == wanted}"
    )
    return int(made != given or related != wanted)


def editor_variables(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the variables of editor definitions."""
    return [(name, value) for name, value in variables(document) if "_editor_definition_" in name]


def pinned(csv: Path, digests: dict[str, str], config: str, *others: Path, keep_going: bool = False) -> str:
    """Pin one bundle in a directory of its own, twice: the second run must change nothing."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        target = root / "bundle.csv.yaml"
        target.write_bytes(csv.read_bytes())
        for other in others:
            (shutil.copytree if other.is_dir() else shutil.copy)(other, root / other.name)
        (root / "imagelock.toml").write_text(config)
        lines = [f"{name}@{digest}\n" for name, digest in digests.items()]
        (root / "digests.lock").write_text("".join(lines))
        command = [sys.executable, "-m", "imagelock", "pin", "-q", "--lock-file", "digests.lock", target.name]
        if keep_going:
            command.append("--keep-going")
        done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
        if done.returncode not in ((0, 1) if keep_going else (0,)):
            raise SystemExit(done.stdout + done.stderr)
        once = target.read_bytes()
        subprocess.run(command, cwd=root, check=False, capture_output=True)
        if target.read_bytes() != once:
            raise SystemExit(f"{csv}: the second run changes something")
        return once.decode()


def image_in_json(document: dict[str, Any]) -> str:
    """Return the image that a variable hides in JSON."""
    values = (str(item.get("value", "")) for item in container(document)["env"])
    return next(found["image"] for value in values if (found := IMAGE_IN_JSON.search(value)))


def undo_json(document: dict[str, Any], hidden: str) -> dict[str, Any]:
    """Put the tag back that only imagelock pins: the one inside a JSON text."""
    name = hidden.rpartition(":")[0]
    for variable in container(document)["env"]:
        if "value" in variable:
            variable["value"] = variable["value"].replace(f"{name}@{MADE_UP}", hidden)
    return document


def variables(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the operator's environment."""
    return [(item["name"], canonical(item.get("value", ""))) for item in container(document)["env"]]


def container(document: Any) -> Any:
    """Return the operator's container."""
    for step in OPERATOR:
        document = document[step]
    return document


def canonical(text: str) -> str:
    """Return a reference as it is meant; every other text as it is."""
    try:
        reference = Reference.parse(text)
    except InvalidValueError:
        return text
    return reference.canonical if reference.tag or reference.digest or "/" in text else text


def load(text: str) -> Any:
    """Load a YAML text."""
    return yaml.load(text, Loader=yaml.CSafeLoader)


if __name__ == "__main__":
    raise SystemExit(main())
