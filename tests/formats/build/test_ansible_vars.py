"""Variables of Ansible: images by their value, and documents of other formats in the same folders."""

from __future__ import annotations

import pytest

from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place


def places(path: str, content: str) -> list[tuple[str, str]]:
    """Return reference and format of each place."""
    return [
        (str(item.reference), item.format) for item in find(Text(path, content)) if isinstance(item, Place)
    ]


@pytest.mark.parametrize(
    "path",
    [
        "vars/main.yml",
        "roles/web/defaults/main.yaml",
        "group_vars/all.yml",
        "inventory/host_vars/a/images.yml",
    ],
)
def test_values_that_are_images_are_found_whatever_their_keys(path: str) -> None:
    content = "web: quay.io/acme/web:1\nlist: ['ghcr.io/acme/a:2', nginx:1.27, https://quay.io/acme/b:1]\n"
    assert places(path, content) == [
        ("quay.io/acme/web:1", "ansible-vars"),
        ("ghcr.io/acme/a:2", "ansible-vars"),
    ]


@pytest.mark.parametrize("path", ["main.yml", "vars.yml", "myvars/main.yml", "vars/main.txt"])
def test_other_files_are_none(path: str) -> None:
    assert all(name != "ansible-vars" for _, name in places(path, "web: quay.io/acme/web:1\n"))


def test_documents_that_others_know_are_left_to_them() -> None:
    compose = "services:\n  web: {image: nginx}\n  db: {image: quay.io/acme/db:1}\n"
    assert places("defaults/compose.yaml", compose) == [
        ("nginx", "compose"),
        ("quay.io/acme/db:1", "compose"),
    ]
    pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: nginx}]}\n"
    assert places("vars/pod.yml", pod) == [("nginx", "kubernetes")]
