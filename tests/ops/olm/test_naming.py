"""`[[olm.catalog]] naming`: variables of editor definitions and of samples."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.bundles import CONFIG, HIDDEN, OPERATOR, PROXY, SERVER, bundle, manager

if TYPE_CHECKING:
    from support.world import World

CODE, UDI, NEXT = "quay.io/acme/code:1.2", "quay.io/acme/tools-image:latest", "quay.io/acme/ide:next"
EDITORS = '[[olm.catalog]]\nnaming = "editor"\nsource = "editors-definitions"\n'
SAMPLES = '[[olm.catalog]]\nnaming = "sample"\nsource = "samples/index.json"\n'


def devfile(name: str, version: str | None, *components: tuple[str, str]) -> str:
    """Return a devfile 2 with these components."""
    lines = "".join(f"  - name: {item}\n    container:\n      image: {image}\n" for item, image in components)
    attributes = "" if version is None else f"  attributes:\n    version: {version}\n"
    return f"schemaVersion: 2.3.0\nmetadata:\n  name: {name}\n{attributes}components:\n{lines}  - name: projects\n    volume: {{}}\n"


def encoded(image: str) -> str:
    """Return the variable's name as `echo IMAGE | base64 | sed 's/=/____/g'` makes it."""
    return "RELATED_IMAGE_sample_encoded_" + base64.b64encode(f"{image}\n".encode()).decode().replace(
        "=", "____"
    )


@pytest.fixture
def che(world: World) -> World:
    """Give a bundle and its manager, locked images, and editor definitions."""
    for reference in (OPERATOR, SERVER, PROXY, HIDDEN, CODE, UDI, NEXT):
        world.push(reference)
    world.configure(CONFIG.replace("\n", '\nenv-into = ["manager.yaml"]\n', 1) + EDITORS)
    world.write("web.csv.yaml", bundle())
    world.write("manager.yaml", manager())
    world.write(
        "editors-definitions/code.yaml",
        devfile("acme/code", "1.2", ("code-injector", CODE), ("code.+runtime", UDI)),
    )
    world.write("editors-definitions/term.yaml", devfile("term", "latest", ("run", UDI)))
    assert world.run("lock").code == 0
    return world


def env_of(world: World, prefix: str, name: str = "web.csv.yaml") -> dict[str, str]:
    """Return the operator's variables of a prefix."""
    document: Any = yaml.safe_load(world.read(name))
    spec = document["spec"]
    if "install" in spec:
        spec = spec["install"]["spec"]["deployments"][0]["spec"]
    env = spec["template"]["spec"]["containers"][0]["env"]
    return {item["name"]: item.get("value", "") for item in env if item["name"].startswith(prefix)}


def pinned(world: World, reference: str) -> str:
    """Return name and digest as the lock has them."""
    digest = next(str(image.digest) for image in world.lock.images if image.reference == reference)
    return f"{reference.rpartition(':')[0]}@{digest}"


def test_every_component_of_an_editor_is_a_variable_with_runs_as_one_underscore(che: World) -> None:
    assert che.run("pin").code == 0
    expected = {
        "RELATED_IMAGE_editor_definition_acme_code_1_2_code_injector": pinned(che, CODE),
        "RELATED_IMAGE_editor_definition_acme_code_1_2_code_runtime": pinned(che, UDI),
        "RELATED_IMAGE_editor_definition_term_latest_run": pinned(che, UDI),
    }
    for name in ("web.csv.yaml", "manager.yaml"):
        assert env_of(che, "RELATED_IMAGE_editor", name) == expected
    assert UDI in che.read("editors-definitions/term.yaml")
    result = che.json("check", "--strict")
    assert (result.code, result.codes) == (0, [])


def test_images_of_editors_are_sorted_among_those_of_the_environment(che: World) -> None:
    assert che.run("pin").code == 0
    related = yaml.safe_load(che.read("web.csv.yaml"))["spec"]["relatedImages"]
    assert [item["name"] for item in related] == [
        *("web-operator-1.0", "nginx-1.27", "code-1.2", "tools-image-latest", "tools-ubi", "web-server-1.0")
    ]


def test_an_editor_that_is_gone_takes_its_variable_along_and_the_others_keep_their_order(che: World) -> None:
    names = ("term_latest_run", "acme_code_1_2_code_runtime", "old_latest_run", "acme_code_1_2_code_injector")
    lines = [
        f"                - name: RELATED_IMAGE_editor_definition_{name}\n                  value: {UDI}\n"
        for name in names
    ]
    che.write("web.csv.yaml", bundle(env="".join(lines)))
    assert che.run("pin").code == 0
    assert [
        name.removeprefix("RELATED_IMAGE_editor_definition_") for name in env_of(che, "RELATED_IMAGE_e")
    ] == [*(names[0], names[1], names[3])]
    assert che.run("pin", "--check").code == 0


def test_an_exempt_editor_keeps_its_variable_as_written_and_is_no_related_image(che: World) -> None:
    exempt = f'[[exempt]]\nimage = "{NEXT}"\nreason = "floats"\n'
    che.configure(CONFIG + EDITORS + exempt)
    che.write("editors-definitions/ide.yaml", devfile("ide", "next", ("injector", NEXT)))
    assert che.run("pin").code == 0
    variables = env_of(che, "RELATED_IMAGE_editor")
    assert variables["RELATED_IMAGE_editor_definition_ide_next_injector"] == NEXT
    assert "ide-next" not in che.read("web.csv.yaml")


def test_an_editor_without_a_version_stops_the_run(che: World) -> None:
    che.write("editors-definitions/term.yaml", devfile("term", None, ("run", UDI)))
    before = che.tree()
    result = che.json("pin")
    assert (result.code, result.codes, che.tree() == before) == (1, ["IL125"], True)
    assert result.document["findings"][0]["file"] == "editors-definitions/term.yaml"


def test_two_editors_of_one_name_with_two_images_collide(che: World) -> None:
    che.write("editors-definitions/other.yaml", devfile("term", "latest", ("run", CODE)))
    assert che.json("pin").codes == ["IL116"]


@pytest.fixture
def samples(che: World) -> World:
    """Add samples with an index that lists them against the order of their names."""
    che.configure(CONFIG + SAMPLES)
    index = [
        {"displayName": "Go", "url": "https://github.com/acme/go-hello/tree/devfile/v2"},
        {"displayName": "Ada", "devfile": {"filename": "ada.yaml"}, "url": "CHE_URL/api?id=ada"},
    ]
    che.write("samples/index.json", json.dumps(index))
    fixed = pinned(che, CODE)
    che.write("samples/acme-go-hello-devfile-devfile.yaml", devfile("go-hello", None, ("tools", UDI)))
    che.write("samples/ada.yaml", devfile("ada.x", None, ("run", PROXY), ("it", UDI), ("gnat--1", fixed)))
    che.push("quay.io/acme/unlisted:1")
    che.write("samples/unlisted.yaml", devfile("no", None, ("run", "quay.io/acme/unlisted:1")))
    return che


def test_samples_are_named_by_their_whole_image_in_the_order_of_the_index(samples: World) -> None:
    assert samples.run("lock").code == 0
    assert samples.run("pin").code == 0
    variables = env_of(samples, "RELATED_IMAGE_sample_")
    proxy = pinned(samples, "docker.io/library/nginx:1.27").removeprefix("docker.io/library/")
    assert list(variables.items()) == [
        (encoded(UDI), pinned(samples, UDI)),
        (encoded(PROXY), proxy),
        ("RELATED_IMAGE_sample_ada_x_gnat_1", pinned(samples, CODE)),
    ]
    assert "unlisted" not in samples.read("web.csv.yaml")
    assert samples.run("pin", "--check").code == 0
    assert samples.json("check").codes == []


def test_a_sample_without_a_tag_has_no_name(samples: World) -> None:
    samples.write("samples/ada.yaml", devfile("ada", None, ("run", "quay.io/acme/code")))
    samples.push("quay.io/acme/code")
    samples.run("lock")
    result = samples.json("pin")
    assert (result.code, result.codes) == (1, ["IL125"])
    assert "needs a tag" in result.document["findings"][0]["message"]


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ("{}", "expected a list"),
        ("[", "not JSON"),
        ('[{"displayName": "x"}]', "entry [0] names no devfile"),
        ('[{"devfile": {"filename": "gone.yaml"}}]', "entry [0] is not beside the index: gone.yaml"),
        ('[{"devfile": {"filename": "../../outside.yaml"}}]', "not beside the index"),
    ],
)
def test_an_index_that_is_none_is_an_error_with_its_name(samples: World, index: str, says: str) -> None:
    samples.write("samples/index.json", index)
    (samples.root.parent / "outside.yaml").write_text(devfile("x", None, ("y", UDI)))
    result = samples.run("pin")
    assert result.code == 2
    assert says in result.err
    assert "samples/index.json" in result.err


def test_the_dashboards_tree_is_pinned_from_the_variables_of_samples(
    samples: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples.run("lock")
    for line in samples.run_plain("olm", "env", "-C", str(samples.root)).out.splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    tree = str(samples.root / "samples")
    assert samples.run_plain("olm", "entrypoint", "--env-match", "sample_encoded", tree).code == 0
    text = samples.read("samples/ada.yaml")
    assert f"image: {pinned(samples, UDI)}\n" in text
    assert "image: nginx@sha256:" in text


def test_decode_says_what_the_variables_of_samples_and_editors_stand_for(samples: World) -> None:
    samples.write(
        "x.env",
        f"{encoded('nginx:1.27')}=registry.corp/nginx@sha256:{'a' * 64}\nRELATED_IMAGE_editor_definition_a_b_c={UDI}\n",
    )
    given = str(samples.root / "x.env")
    lines = samples.run_plain("olm", "env", "--decode", given).out.splitlines()
    assert lines[1].split("\t")[1:] == ["nginx:1.27", f"sha256:{'a' * 64}"]
    assert lines[0].split("\t")[1:] == [UDI, "-", "for an editor's component"]


def test_a_catalog_inside_an_image_is_not_emptied_offline(che: World) -> None:
    config = '[[olm.catalog]]\nnaming = "editor"\nsource = "image://quay.io/acme/code:1.2/editors/*.yaml"\n'
    che.configure(CONFIG + config)
    before = che.tree()
    result = che.run("pin", "--offline")
    assert (result.code, che.tree() == before) == (2, True)
    assert "--offline does not read" in result.err


def test_an_untagged_image_is_a_line_break_alone_in_the_newline_dialect(che: World) -> None:
    che.configure(
        '[olm]\nrelated-images = true\nbase32 = "newline"\n[[olm.catalog]]\nlabel = "plugin_image"\nsource = "list.txt"\n'
    )
    che.write("list.txt", "quay.io/acme/code\n")
    che.push("quay.io/acme/code")
    che.run("lock")
    assert che.run("pin").code == 0
    assert list(env_of(che, "RELATED_IMAGE_code")) == ["RELATED_IMAGE_code_plugin_image_BI______"]


def test_a_list_of_any_name_inside_the_tree_is_locked(che: World) -> None:
    che.configure(CONFIG + '[[olm.catalog]]\nlabel = "x_image"\nsource = "things.txt"\n')
    che.write("things.txt", "quay.io/acme/thing:1\n")
    che.push("quay.io/acme/thing:1")
    assert che.run("lock").code == 0
    assert pinned(che, "quay.io/acme/thing:1")
    assert che.run("pin").code == 0
    assert che.json("check", "--strict").codes == []


def outdated(world: World) -> list[tuple[str, list[str]]]:
    """Return the file and the notes of each list that `check` calls outdated."""
    items = world.json("check").document["findings"]
    return [(item["file"], item["notes"]) for item in items if item["code"] == "IL128"]


def test_check_names_what_a_changed_catalog_gives_until_it_is_pinned(che: World) -> None:
    assert che.run("pin").code == 0
    assert outdated(che) == []
    che.write("editors-definitions/term.yaml", devfile("term", "next", ("run", CODE)))
    assert che.run("lock").code == 0
    notes = [
        "RELATED_IMAGE_editor_definition_term_next_run is missing",
        "RELATED_IMAGE_editor_definition_term_latest_run is in no catalog",
    ]
    assert sorted(outdated(che)) == [("manager.yaml", notes), ("web.csv.yaml", notes)]
    assert che.run("check").code == 1
    assert che.run("pin").code == 0
    assert outdated(che) == []


def test_check_names_a_variable_with_another_digest_and_an_image_that_is_not_related(che: World) -> None:
    assert che.run("pin").code == 0
    name = "RELATED_IMAGE_editor_definition_term_latest_run"
    text = che.read("web.csv.yaml")
    value = pinned(che, UDI)
    before, _, after = text.partition(f"- name: {name}\n                  value: {value}\n")
    changed = before + f"- name: {name}\n                  value: {pinned(che, CODE)}\n" + after
    start = changed.index("- name: tools-image-latest")
    che.write("web.csv.yaml", changed[:start] + changed[changed.index("- name: tools-ubi") :])
    ((_, notes),) = outdated(che)
    assert notes == [
        f"{name} is {pinned(che, CODE)}, and the catalog gives {value}",
        f"{UDI} is no related image",
    ]
