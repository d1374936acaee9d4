"""`pin` of OLM bundles: digests, related images, generated variables; a second run changes nothing."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_MANIFEST, Descriptor
from imagelock.stores.base import Content
from support.bundles import CONFIG, HIDDEN, OPERATOR, PROXY, SERVER, bundle, manager
from support.layered import LayeredImage, tar

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.world import World

OWN = (OPERATOR, SERVER, PROXY, HIDDEN)
PLUGIN, EDITOR, FLOATING = "quay.io/acme/plugin-go:1.1", "acme/editor", "quay.io/acme/plugin-go:next"
CATALOG = '[[olm.catalog]]\nlabel = "plugin_image"\nsource = "plugins/external_images.txt"\n'
OLD = "RELATED_IMAGE_gone_plugin_image_GEXDC___"


@pytest.fixture
def olm(world: World) -> World:
    """Give a project with a bundle whose images are locked."""
    for reference in OWN:
        world.push(reference)
    world.configure(CONFIG)
    world.write("web.csv.yaml", bundle())
    assert world.run("lock").code == 0
    return world


@pytest.fixture
def catalog(olm: World) -> World:
    """Add a catalog of plugins."""
    olm.configure(CONFIG + CATALOG)
    olm.write("plugins/external_images.txt", f"{PLUGIN}\n\n{EDITOR}\n{PLUGIN}")
    olm.push(PLUGIN)
    olm.push(EDITOR)
    assert olm.run("lock").code == 0
    return olm


def digest(world: World, reference: str) -> str:
    """Return the digest the lock has."""
    names = {image.reference: str(image.digest) for image in world.lock.images}
    return names[reference]


def load(world: World, name: str = "web.csv.yaml") -> Any:
    """Load a file of the project."""
    return yaml.safe_load(world.read(name))


def operator(document: Any) -> Any:
    """Return the operator's container."""
    return document["spec"]["install"]["spec"]["deployments"][0]["spec"]["template"]["spec"]["containers"][0]


def test_a_bundle_names_digests_alone_and_lists_each_image_once(olm: World) -> None:
    assert olm.run("pin").code == 0
    document = load(olm)
    related = [(item["name"], item["image"]) for item in document["spec"]["relatedImages"]]
    assert related == [
        ("web-operator-1.0", f"quay.io/acme/web-operator@{digest(olm, OPERATOR)}"),
        ("nginx-1.27", f"nginx@{digest(olm, 'docker.io/library/nginx:1.27')}"),
        ("tools-ubi", f"quay.io/acme/tools@{digest(olm, HIDDEN)}"),
        ("web-server-1.0", f"quay.io/acme/web-server@{digest(olm, SERVER)}"),
    ]
    assert document["metadata"]["annotations"]["containerImage"] == related[0][1]
    assert operator(document)["env"][3]["value"] == f'[{{"image": "{related[2][1]}"}}]'
    assert olm.read("web.csv.yaml").endswith(f"    image: {related[3][1]}\n    # tag: {SERVER}\n")


def test_only_lines_of_images_change(olm: World) -> None:
    before = olm.read("web.csv.yaml").splitlines()
    olm.run("pin")
    after = olm.read("web.csv.yaml").splitlines()
    changed = [line for line in before if line not in after]
    assert len(changed) == 5
    assert [line for line in after if line in before] == [line for line in before if line in after]


@pytest.mark.parametrize(
    "related", ["", "  relatedImages:\n    - image: quay.io/acme/old:1\n      name: ''\n"]
)
def test_a_second_run_changes_nothing(catalog: World, related: str) -> None:
    catalog.write("web.csv.yaml", bundle(related=related))
    catalog.run("pin")
    tree = catalog.tree()
    result = catalog.json("pin")
    assert (result.code, result.document["changes"], catalog.tree() == tree) == (0, [], True)
    assert catalog.run("pin", "--check").code == 0
    assert "acme/old" not in catalog.read("web.csv.yaml")


def test_two_tags_of_one_digest_are_two_entries_and_stay_two(olm: World) -> None:
    both = ("quay.io/acme/tool:a", "quay.io/acme/tool:b")
    for reference in both:
        olm.push_as(reference, "one")
    lines = [
        f"                - name: RELATED_IMAGE_{i}\n                  value: {ref}\n"
        for i, ref in enumerate(both)
    ]
    olm.write("web.csv.yaml", bundle(env="".join(lines)))
    olm.run("lock")
    for _ in range(2):
        assert olm.run("pin").code == 0
        names = [item["name"] for item in load(olm)["spec"]["relatedImages"]]
        assert names == ["web-operator-1.0", "nginx-1.27", "tool-a", "tool-b", "tools-ubi", "web-server-1.0"]


def twin_tools(olm: World) -> tuple[str, str]:
    """Pin a bundle with two tags of one digest, then let the tags move apart."""
    both = ("quay.io/acme/tool:a", "quay.io/acme/tool:b")
    for reference in both:
        olm.push_as(reference, "one")
    lines = [
        f"                - name: RELATED_IMAGE_{i}\n                  value: {ref}\n"
        for i, ref in enumerate(both)
    ]
    olm.write("web.csv.yaml", bundle(env="".join(lines)))
    assert (olm.run("lock").code, olm.run("pin").code) == (0, 0)
    for reference in both:
        olm.push(reference, "moved apart")
    return both


def test_update_moves_two_tags_of_one_digest_apart_by_the_comments_of_a_bundles_list(olm: World) -> None:
    both = twin_tools(olm)

    # The variables have no comment of their own: only the list tells the two apart, so they are asked about.
    before = olm.tree()
    result = olm.json("update", "-U")
    assert (result.code, set(result.codes)) == (1, {"IL110"})
    assert olm.tree() == before

    content = olm.read("web.csv.yaml")
    old = digest(olm, both[0])
    for i, reference in enumerate(both):
        content = content.replace(
            f"RELATED_IMAGE_{i}\n                  value: quay.io/acme/tool@{old}\n",
            f"RELATED_IMAGE_{i}\n                  value: {reference}@{old}\n",
        )
    olm.write("web.csv.yaml", content)
    assert olm.run("update", "-U").code == 0
    related = {item["name"]: item["image"] for item in load(olm)["spec"]["relatedImages"]}
    assert related["tool-a"] == f"quay.io/acme/tool@{digest(olm, both[0])}"
    assert related["tool-b"] == f"quay.io/acme/tool@{digest(olm, both[1])}"
    assert digest(olm, both[0]) != digest(olm, both[1])
    assert [item["value"] for item in operator(load(olm))["env"][-2:]] == [
        related["tool-a"],
        related["tool-b"],
    ]


def test_update_of_one_of_two_tags_of_one_digest_leaves_the_other(catalog: World) -> None:
    both = ("quay.io/acme/plugin:a", "quay.io/acme/plugin:b")
    for reference in both:
        catalog.push_as(reference, "one")
    catalog.write("plugins/external_images.txt", "\n".join(both) + "\n")
    assert (catalog.run("lock").code, catalog.run("pin").code) == (0, 0)
    one = digest(catalog, both[0])
    moved = catalog.push(both[1], "moved")

    # The names of generated variables hold the tags, so nothing is asked.
    assert catalog.run("update", both[1]).code == 0
    values = {
        item["name"]: item["value"]
        for item in operator(load(catalog))["env"]
        if "plugin_image" in item["name"]
    }
    assert sorted(values.values()) == sorted([f"quay.io/acme/plugin@{one}", f"quay.io/acme/plugin@{moved}"])
    related = {item["name"]: item["image"] for item in load(catalog)["spec"]["relatedImages"]}
    assert related["plugin-a"] == f"quay.io/acme/plugin@{one}"
    assert related["plugin-b"] == f"quay.io/acme/plugin@{moved}"


def test_catalogs_become_variables_and_related_images_in_their_order(catalog: World) -> None:
    assert catalog.run("pin").code == 0
    document = load(catalog)
    env = operator(document)["env"]
    assert [item["name"] for item in env[4:]] == [
        "RELATED_IMAGE_plugin_go_plugin_image_GEXDC___",
        "RELATED_IMAGE_editor_plugin_image_",
    ]
    assert env[4]["value"] == f"quay.io/acme/plugin-go@{digest(catalog, PLUGIN)}"
    names = [item["name"] for item in document["spec"]["relatedImages"]]
    assert names[-2:] == ["plugin-go-1.1", "editor-"]
    assert operator(document)["resources"] == {}


def test_the_list_of_a_catalog_stays_as_it_is(catalog: World) -> None:
    before = catalog.read("plugins/external_images.txt")
    result = catalog.json("pin")
    assert catalog.read("plugins/external_images.txt") == before
    assert result.document["summary"]["catalogs"] == 3


def test_old_generated_variables_go_and_others_stay(catalog: World) -> None:
    other = (
        "                - name: RELATED_IMAGE_x_other_image_GEXDC___\n                  value: nginx:1.27\n"
    )
    old = f"                - name: {OLD}\n                  value: quay.io/acme/gone@sha256:{'0' * 64}\n"
    catalog.write("web.csv.yaml", bundle(env=old + other))
    assert catalog.run("pin").code == 0
    names = [item["name"] for item in operator(load(catalog))["env"]]
    assert OLD not in names
    assert names[4] == "RELATED_IMAGE_x_other_image_GEXDC___"
    assert len(names) == 7


def test_an_exempt_image_is_nowhere(catalog: World) -> None:
    exempt = f'[[exempt]]\nimage = "{FLOATING}"\nreason = "floats"\n'
    catalog.configure(CONFIG + CATALOG + exempt)
    catalog.write("plugins/external_images.txt", f"{PLUGIN}\n{FLOATING}\n")
    assert catalog.run("pin").code == 0
    assert "next" not in catalog.read("web.csv.yaml")


def test_an_image_of_a_catalog_that_is_not_locked_stops_the_run(catalog: World) -> None:
    catalog.write("plugins/external_images.txt", f"{PLUGIN}\n{FLOATING}\n")
    before = catalog.tree()
    result = catalog.json("pin")
    assert (result.code, result.codes, catalog.tree() == before) == (1, ["IL112"], True)
    assert result.document["findings"][0]["file"] == "plugins/external_images.txt"
    assert result.document["findings"][0]["line"] == 2
    assert catalog.run("pin", "--keep-going").code == 1
    assert [item["name"] for item in load(catalog)["spec"]["relatedImages"]][-1] == "plugin-go-1.1"


def test_a_catalog_that_was_never_locked_is_one_finding_with_a_count(olm: World) -> None:
    olm.configure(CONFIG + CATALOG)
    olm.write("plugins/external_images.txt", f"{PLUGIN}\n{FLOATING}\n{EDITOR}\n")
    result = olm.json("pin")
    assert (result.code, result.codes) == (1, ["IL112"])
    (item,) = result.document["findings"]
    assert item["message"] == "3 images of the catalog plugin_image are not in the lock"
    assert (item["file"], item["line"]) == ("plugins/external_images.txt", 1)


def test_the_variables_are_written_into_other_deployments(catalog: World) -> None:
    catalog.configure(
        '[olm]\nrelated-images = true\nbase32 = "newline"\nenv-into = ["config/manager.yaml"]\n' + CATALOG
    )
    catalog.write("config/manager.yaml", manager())
    catalog.write("other.yaml", manager())
    assert catalog.run("pin").code == 0
    text = catalog.read("config/manager.yaml")
    assert (
        f'            - name: RELATED_IMAGE_plugin_go_plugin_image_GEXDCCQ_\n              value: "quay.io/acme/plugin-go@{digest(catalog, PLUGIN)}"\n'
        in text
    )
    assert f'value: "{SERVER}@{digest(catalog, SERVER)}"' in text
    assert "plugin_go" not in catalog.read("other.yaml")
    assert catalog.run("pin", "--check").code == 0


def test_only_bundles_that_name_the_catalogs_image_take_its_variables(catalog: World) -> None:
    catalog.configure(CONFIG + CATALOG + 'env = "RELATED_IMAGE_registry"\n')
    assert catalog.run("pin").code == 0
    assert "plugin_go" not in catalog.read("web.csv.yaml")


def test_respin_changes_digests_and_nothing_else(catalog: World) -> None:
    catalog.configure(CONFIG.replace("\n", '\nenv-into = ["manager.yaml"]\n', 1) + CATALOG)
    catalog.write("manager.yaml", manager())
    catalog.run("pin")
    before = {name: text.decode() for name, text in catalog.tree().items()}
    for image in (SERVER, PLUGIN):
        old = digest(catalog, image)
        catalog.push(image, "rebuilt")
        assert catalog.run("lock", "-P", image).code == 0
        assert catalog.run("pin").code == 0
        before = {name: text.replace(old, digest(catalog, image)) for name, text in before.items()}
        now = {name: text.decode() for name, text in catalog.tree().items()}
        assert {name: now[name] for name in now if name.endswith(".yaml")} == {
            name: before[name] for name in before if name.endswith(".yaml")
        }
    assert catalog.run("lock", "--check").code == 0


def test_update_moves_a_bundle_too(olm: World) -> None:
    olm.run("pin")
    before, old = olm.read("web.csv.yaml"), digest(olm, SERVER)
    olm.push(SERVER, "rebuilt")
    assert olm.run("update", "quay.io/acme/web-server").code == 0
    assert olm.read("web.csv.yaml") == before.replace(old, digest(olm, SERVER))


def test_names_that_collide_even_with_their_path_stop_the_run(olm: World) -> None:
    for host in ("quay.io", "ghcr.io"):
        olm.push(f"{host}/a/same:1")
    lines = [
        f"                - name: RELATED_IMAGE_{host[0]}\n                  value: {host}/a/same:1\n"
        for host in ("quay.io", "ghcr.io")
    ]
    olm.write("web.csv.yaml", bundle(env="".join(lines)))
    olm.run("lock")
    before = olm.tree()
    result = olm.json("pin")
    assert (result.code, result.codes, olm.tree() == before) == (1, ["IL116"], True)


def test_a_digest_that_nobody_knows_a_tag_of_keeps_its_name(olm: World) -> None:
    pinned = f"quay.io/acme/web-server@{Digest.of(b'alone')}"
    image = olm.push("quay.io/acme/alone:1")
    olm.write("web.csv.yaml", bundle(server=f"quay.io/acme/alone@{image}"))
    assert pinned not in olm.read("web.csv.yaml")
    olm.run("lock")
    assert olm.run("pin").code == 0
    assert f"- name: alone-@{image}" in olm.read("web.csv.yaml")
    assert olm.run("pin", "--check").code == 0


@pytest.mark.parametrize(
    "text", ["{}", '{"kind": "ClusterServiceVersion"}', "kind: ClusterServiceVersion\nspec: []\n"]
)
def test_odd_bundles_are_no_traceback(olm: World, text: str) -> None:
    olm.write("odd.csv.yaml", text)
    assert olm.run("pin").code in (0, 1)


def test_lists_in_flow_style_are_rebuilt_like_any_other(olm: World) -> None:
    block = bundle()
    olm.write("web.csv.yaml", block)
    assert olm.run("pin").code == 0
    expected = load(olm)
    olm.write("web.csv.yaml", bundle(related="  relatedImages: [{name: x, image: 'quay.io/acme/x:1'}]\n"))
    assert olm.run("pin").code == 0
    assert load(olm) == expected
    again = olm.json("pin")
    assert (again.code, again.document["changes"]) == (0, [])


@pytest.mark.parametrize("indent", [None, 2, 4])
def test_a_bundle_in_json_is_rebuilt_and_stays_json(catalog: World, indent: int | None) -> None:
    catalog.write("web.csv.yaml", bundle())
    assert catalog.run("pin").code == 0
    expected = load(catalog)
    (catalog.root / "web.csv.yaml").unlink()
    plain = yaml.safe_load(bundle())
    catalog.write("web.csv.json", json.dumps(plain, indent=indent) + "\n")
    assert catalog.run("pin").code == 0
    text = catalog.read("web.csv.json")
    assert json.loads(text) == expected
    assert text == json.dumps(json.loads(text), indent=indent) + "\n"
    assert catalog.run("pin", "--check").code == 0
    assert set(catalog.json("check").codes) == {"IL109"}, "the list of the catalog names an image twice"
    catalog.push(SERVER, "rebuilt")
    assert catalog.run("update", SERVER).code == 0
    assert json.loads(catalog.read("web.csv.json"))["spec"]["relatedImages"][3]["image"].endswith(
        digest(catalog, SERVER)
    )


def test_a_bundle_that_cannot_be_written_whole_is_not_touched_and_others_are(olm: World) -> None:
    text = bundle(related="  other: |+\n    text\n\n\n")
    olm.write("web.csv.yaml", text)
    olm.write("manager.yaml", manager())
    result = olm.json("pin")
    assert (result.code, result.codes) == (1, ["IL113"])
    assert olm.read("web.csv.yaml") == text
    assert {change["file"] for change in result.document["changes"]} == {"manager.yaml"}
    assert "@sha256:" in olm.read("manager.yaml")


@pytest.mark.parametrize(
    "disturb",
    [
        lambda _: bundle(),
        # An entry twice, and two entries that have changed places.
        lambda text: text + "".join(text.splitlines(keepends=True)[-3:]),
        lambda text: "".join([*(lines := text.splitlines(keepends=True))[:-6], *lines[-3:], *lines[-6:-3]]),
        lambda text: text.replace("# tag: quay.io/acme/web-server:1.0", "# tag: quay.io/acme/web-server:0.9"),
        lambda text: text.replace("RELATED_IMAGE_editor_plugin_image_", OLD),
        lambda text: text.replace("quay.io/acme/web-server@sha256:", "quay.io/acme/web-server:1.0@sha256:"),
    ],
)
def test_every_line_that_pin_changes_is_reported_with_its_number(
    catalog: World, disturb: Callable[[str], str]
) -> None:
    assert catalog.run("pin").code == 0
    catalog.write("web.csv.yaml", disturb(catalog.read("web.csv.yaml")))
    before = catalog.read("web.csv.yaml")
    asked = catalog.run("pin", "--check")
    result = catalog.json("pin")
    after = catalog.read("web.csv.yaml")
    assert asked.code == int(before != after)
    changes = [item for item in result.document["changes"] if item["file"] == "web.csv.yaml"]
    _require_told(before.splitlines(), after.splitlines(), changes)
    for change in changes:
        if change["before"] is None:
            # A generated item is where the report says, its name on that line or the one above.
            near = after.splitlines()[max(0, change["line"] - 2) : change["line"]]
            assert any(change["reference"] in line for line in near)


def _require_told(old: list[str], new: list[str], changes: list[dict[str, Any]]) -> None:
    lines = {change["line"] for change in changes}
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            assert lines & {*range(i1 + 1, i2 + 1), *range(j1 + 1, j2 + 1)}, new[j1:j2] or old[i1:i2]


def test_update_moves_the_tag_that_the_comment_of_the_list_names(olm: World) -> None:
    floating = "quay.io/acme/web-server:next"
    olm.push_as(floating, "one")
    olm.push_as(SERVER, "one")
    olm.write("web.csv.yaml", bundle(server=floating))
    assert [olm.run(*verb).code for verb in (("lock", "-U"), ("pin",))] == [0, 0]
    olm.write("other.yaml", manager())
    assert [olm.run(verb).code for verb in ("lock", "pin")] == [0, 0]
    assert digest(olm, floating) == digest(olm, SERVER)
    olm.push(floating, "rebuilt")
    result = olm.json("update", floating)
    assert (result.code, result.codes) == (0, [])
    assert operator(load(olm))["env"][1]["value"].endswith(digest(olm, floating))
    assert digest(olm, SERVER) in olm.read("other.yaml")
    assert olm.json("check").codes == []


def test_catalogs_outside_of_what_is_scanned_are_locked_too(olm: World) -> None:
    olm.configure('[scan]\nsources = ["web.csv.yaml"]\n' + CONFIG + CATALOG)
    olm.write("plugins/external_images.txt", f"{PLUGIN}\n")
    olm.push(PLUGIN)
    assert olm.run("lock").code == 0
    assert digest(olm, PLUGIN)
    assert olm.run("pin").code == 0
    assert olm.json("check").codes == []


REGISTRY = "quay.io/acme/plugin-registry"


def push_registry(olm: World, *images: str) -> None:
    """Push an image whose list names these images, as tag 1."""
    layer = tar({"var/www/html/v3/external_images.txt": "".join(f"{image}\n" for image in images)})
    image = LayeredImage([layer])
    for value, data in image.blobs.items():
        parsed = Digest.parse(value)
        descriptor = Descriptor(media_type="application/octet-stream", digest=parsed, size=len(data))
        olm.store.put_blob(REGISTRY, descriptor, iter([data]))
    body = image.manifest_bytes
    content = Content(body=body, digest=Digest.of(body), media_type=OCI_MANIFEST, host="x")
    olm.store.put_manifest(REGISTRY, content, "1")


@pytest.fixture
def inside(olm: World) -> World:
    """Give a project whose catalog is a list inside an image."""
    push_registry(olm, PLUGIN, EDITOR)
    for reference in (PLUGIN, EDITOR, FLOATING):
        olm.push(reference)
    olm.configure(
        CONFIG
        + '[[olm.catalog]]\nlabel = "plugin_image"\nenv = "RELATED_IMAGE_plugin_registry"\nfiles = "var/www/html/*/external_images.txt"\n'
    )
    env = f"                - name: RELATED_IMAGE_plugin_registry\n                  value: {REGISTRY}:1\n"
    olm.write("web.csv.yaml", bundle(env=env))
    assert olm.run("lock").code == 0
    return olm


def generated(olm: World) -> list[str]:
    """Return the names of the generated variables."""
    names = [item["name"] for item in operator(load(olm))["env"]]
    return [name for name in names if "_plugin_image_" in name]


def test_catalogs_inside_images_are_read_by_digest(inside: World) -> None:
    origin = next(image.source for image in inside.lock.images if image.reference == PLUGIN)
    assert origin is not None
    assert origin.origin.startswith(f"image://{REGISTRY}")
    for _ in range(2):
        assert inside.run("pin").code == 0
        assert generated(inside) == [
            "RELATED_IMAGE_plugin_go_plugin_image_GEXDC___",
            "RELATED_IMAGE_editor_plugin_image_",
        ]
        assert inside.run("lock").code == 0


@pytest.mark.parametrize(
    "round_", [[("lock", "-U"), ("pin",)], [("update", "-U")], [("update", f"{REGISTRY}:1")]]
)
def test_a_new_catalog_image_is_right_in_one_round(inside: World, round_: list[tuple[str, ...]]) -> None:
    assert inside.run("pin").code == 0
    push_registry(inside, FLOATING, EDITOR)
    results = [inside.json(*verb) for verb in round_]
    assert [(result.code, result.codes) for result in results] == [(0, [])] * len(round_)
    assert generated(inside) == [
        "RELATED_IMAGE_plugin_go_plugin_image_NZSXQ5A_",
        "RELATED_IMAGE_editor_plugin_image_",
    ]
    result = inside.json("check", "--strict")
    assert (result.code, result.codes) == (0, [])


def test_a_catalog_inside_an_image_works_offline_with_what_the_lock_knows(inside: World) -> None:
    assert inside.run("pin", "--offline").code == 0
    assert sorted(generated(inside)) == [
        "RELATED_IMAGE_editor_plugin_image_",
        "RELATED_IMAGE_plugin_go_plugin_image_GEXDC___",
    ]
    lock = inside.read("images.lock")
    assert inside.run("pin").code == 0
    ordered = inside.read("web.csv.yaml")
    for verb in ("lock", "pin", "check"):
        assert inside.run(verb, "--offline").code == 0
    assert (inside.read("web.csv.yaml"), inside.read("images.lock")) == (ordered, lock)
