"""A file that the user names is read as the list that it is, whatever its name; other files are never taken for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.lists.by_content import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place

if TYPE_CHECKING:
    from support.world import World

LISTS = {
    "release": "# what we ship\nnginx:1.25\n\nquay.io/acme/app:v1  # the app\n",
    "release.lst": "nginx:1.25 quay.io/acme/app:v1\n",
    "windows.list": "\ufeffnginx:1.25\r\nquay.io/acme/app:v1\r\n",
    "airgap.json": '["nginx:1.25", "quay.io/acme/app:v1"]',
    "airgap.yaml": "- nginx:1.25\n- quay.io/acme/app:v1\n",
    "by-name.yml": "web: nginx:1.25\napp: quay.io/acme/app:v1\n",
    "by-name.json": '{"web": {"prod": "nginx:1.25"}, "app": ["quay.io/acme/app:v1"]}',
    "apart.json": '{"images": [{"image": "nginx:1.25"}, {"name": "quay.io/acme/app", "tag": "v1"}]}',
    "recipe": "# base\nARG X=1\nFROM nginx:1.25\nCOPY --from=quay.io/acme/app:v1 / /\n",
}
OTHERS = {
    "VERSION": "1.2.3\n",
    ".nvmrc": "20\n",
    "ports": "8080:80\n443:443\n",
    "breakpoints": "src/main.go:12\nlib/b.py:7\n",
    "folders": "src/app\ndocs/guide\n",
    "words": "alpha\nbeta\n",
    "note": "nginx:1.25 is what we run\nwith care.\n",
    "modules": "github.com/acme/app\ngolang.org/x/net\n",
    "package.json": '{"version": "1.2.3", "scripts": {"a": "npm:run"}}',
    "ports.yaml": "- 8080:80\n- 443:443\n",
    "digests.json": '{"quay.io/acme/app:v1": "sha256:%s"}' % ("1" * 64),
    "digests": f"sha256:{'1' * 64}\n",
    "mixed.yaml": "app: quay.io/acme/app:v1\ntitle: Our application\n",
}


def found(name: str, content: str) -> list[str]:
    return [str(item.reference) for item in find(Text(name, content)) if isinstance(item, Place)]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_under_any_name(name: str) -> None:
    assert found(name, LISTS[name]) == ["nginx:1.25", "quay.io/acme/app:v1"]


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_list_from_begin_to_end_is_none(name: str) -> None:
    assert find(Text(name, OTHERS[name])) == []


def test_untagged_names_are_a_list_where_their_hosts_are_registries() -> None:
    assert found("all", "quay.io/acme/app\nregistry.corp.example/x/y\n") == [
        "quay.io/acme/app",
        "registry.corp.example/x/y",
    ]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_is_named_is_pinned_and_unpinned_byte_for_byte(world: World, name: str) -> None:
    one, two = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    world.write("locked.txt", f"docker.io/library/nginx:1.25@{one}\nquay.io/acme/app:v1@{two}\n")
    path = world.root / name
    path.write_bytes(LISTS[name].encode())

    world.run("pin", name, "--lock-file", "locked.txt")
    after = LISTS[name].replace("nginx:1.25", f"nginx:1.25@{one}").replace("app:v1", f"app:v1@{two}")
    if name != "apart.json":
        assert path.read_bytes() == after.encode()
    assert world.run("check", name, "--strict", "--lock-file", "locked.txt").code == 0
    world.run("unpin", name, "--lock-file", "locked.txt")
    assert path.read_bytes() == LISTS[name].encode()


def test_a_named_file_without_an_image_says_how_to_read_its_lines(world: World) -> None:
    world.write("words", OTHERS["words"])

    result = world.run("scan", "words")
    assert "--format image-list" in result.err
    assert world.run("scan", "-o", "list", "--format", "image-list", "words").out == "alpha\nbeta\n"
