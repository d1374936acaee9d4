"""What other tools start: each plug-in runs in its tool where there is one, else it is held to its schema."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from support import peers
from support.helm import provide_helm, provide_kustomize
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

PLUGINS = Path(__file__).resolve().parent.parent / "plugins"
A, B = "quay.io/acme/app:1.0", "docker.io/library/nginx:1.27"


@pytest.fixture
def locked(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a project whose lock has two images, and its programs on PATH."""
    world.push(A)
    world.push(B)
    world.write("app.yaml", deployment(A, "nginx:1.27"))
    assert world.run("lock").code == 0
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    return world


def images(rendered: bytes) -> set[str]:
    """Return the images of rendered manifests."""
    return set(re.findall(r"image: ['\"]?([^\s'\"]+)", rendered.decode()))


def pinned(world: World) -> set[str]:
    """Return both images as they are written in the project, with the lock's digests."""
    digests = {image.reference: image.digest for image in world.lock.images}
    return {f"{A}@{digests[A]}", f"nginx:1.27@{digests[B]}"}


def chart(world: World) -> Path:
    """Write a chart that makes the project's deployment."""
    world.write("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    template = deployment(A, "nginx:{{ .Values.tag }}")
    world.write("chart/templates/app.yaml", template)
    return world.write("chart/values.yaml", 'tag: "1.27"\n').parent


def test_the_filter_pins_what_comes_on_stdin(locked: World) -> None:
    text = deployment(A, "nginx:1.27")
    done = subprocess.run(
        ["imagelock-filter"], input=text, text=True, capture_output=True, check=True, cwd=locked.root
    )
    assert (images(done.stdout.encode()), done.stderr) == (pinned(locked), "")


def test_the_filter_gives_nothing_for_an_image_that_is_not_locked(locked: World) -> None:
    done = subprocess.run(
        ["imagelock-filter"], input=deployment("quay.io/acme/rogue:1"), text=True, capture_output=True,
        check=False, cwd=locked.root,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "quay.io/acme/rogue:1" in done.stderr


def test_helm_pins_what_it_renders(locked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    if not provide_helm(monkeypatch):
        return
    command = ("helm", "template", "shop", str(chart(locked)), "--post-renderer", "imagelock-filter")
    assert images(peers.run(*command, cwd=locked.root)) == pinned(locked)
    locked.write("chart/values.yaml", 'tag: "9"\n')
    with pytest.raises(RuntimeError, match="nginx:9"):
        peers.run(*command, cwd=locked.root)


def test_helms_plugin_starts_the_filter() -> None:
    plugin = yaml.safe_load((PLUGINS / "helm/plugin.yaml").read_text())
    assert (plugin["apiVersion"], plugin["type"], plugin["runtime"]) == (
        "v1",
        "postrenderer/v1",
        "subprocess",
    )
    assert plugin["runtimeConfig"] == {"platformCommand": [{"command": "imagelock-filter"}]}


def test_kustomize_pins_by_a_function(locked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    function = (PLUGINS / "kustomize/pin.yaml").read_text()
    locked.write("pin.yaml", function)
    locked.write("kustomization.yaml", "resources: [app.yaml]\ntransformers: [pin.yaml]\n")
    (locked.root / "imagelock-filter").symlink_to(Path(sys.executable).parent / "imagelock-filter")
    if provide_kustomize(monkeypatch):
        command = ("kustomize", "build", "--enable-alpha-plugins", "--enable-exec", str(locked.root))
        assert images(peers.run(*command, cwd=locked.root)) == pinned(locked)


def test_argo_cds_plugin_renders_and_pins(locked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = yaml.safe_load((PLUGINS / "argocd/plugin.yaml").read_text())["spec"]
    command = [*plugin["generate"]["command"], *plugin["generate"]["args"]]
    environ = {**os.environ, "ARGOCD_APP_NAME": "shop", "ARGOCD_APP_NAMESPACE": "shop"}

    def generated(folder: Path) -> bytes:
        environ["PATH"] = os.environ["PATH"]
        environ["IMAGELOCK_LOCK_FILE"] = str(locked.root / "images.lock")
        return subprocess.run(command, capture_output=True, check=True, cwd=folder, env=environ).stdout

    assert plugin["discover"]["find"]["glob"].endswith("images.lock")
    plain = locked.write("plain/app.yaml", deployment(A, "nginx:1.27")).parent
    assert images(generated(plain)) == pinned(locked)
    if provide_helm(monkeypatch):
        assert images(generated(chart(locked))) == pinned(locked)
    if provide_kustomize(monkeypatch):
        overlay = locked.write("overlay/kustomization.yaml", "resources: [app.yaml]\n").parent
        locked.write("overlay/app.yaml", deployment(A, "nginx:1.27"))
        assert images(generated(overlay)) == pinned(locked)


def test_argo_cds_plugin_fails_for_an_image_that_is_not_locked(locked: World) -> None:
    generate = yaml.safe_load((PLUGINS / "argocd/plugin.yaml").read_text())["spec"]["generate"]
    folder = locked.write("rogue/app.yaml", deployment("quay.io/acme/rogue:1")).parent
    environ = {**os.environ, "IMAGELOCK_LOCK_FILE": str(locked.root / "images.lock")}
    done = subprocess.run(
        [*generate["command"], *generate["args"]], capture_output=True, check=False, cwd=folder, env=environ
    )
    assert (done.returncode, done.stdout) == (1, b"")


def test_kubectl_finds_the_plugin(locked: World) -> None:
    dump = locked.write("dump.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": []}))
    arguments = ("imagelock", "check", "--lock-file", "images.lock", str(dump))
    done = subprocess.run(
        ["kubectl-imagelock", *arguments[1:]], capture_output=True, check=False, cwd=locked.root
    )
    assert b"cluster-check" in done.stderr
    if peers.has("kubectl"):
        again = subprocess.run(["kubectl", *arguments], capture_output=True, check=False, cwd=locked.root)
        assert (again.returncode, again.stderr) == (done.returncode, done.stderr)


def test_renovates_preset_runs_the_commands_of_the_guide() -> None:
    preset = json.loads((PLUGINS / "renovate/imagelock.json").read_text())
    guide = (PLUGINS.parent / "docs/guides/renovate.md").read_text()
    (rule,) = preset["packageRules"]
    for command in rule["postUpgradeTasks"]["commands"]:
        assert f'"^{command}$"' in guide


def test_azures_pipeline_is_a_pipeline_that_checks() -> None:
    pipeline = yaml.safe_load((PLUGINS / "azure/azure-pipelines.yml").read_text())
    scripts = [step["script"] for step in pipeline["steps"] if "script" in step]
    assert any("imagelock check --strict" in script for script in scripts)
