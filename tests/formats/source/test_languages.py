"""Terraform, Bazel, Jsonnet, TOML and Groovy: what is pinned, what is found and kept, and what is no image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from formats.reading import pinned, reasons, references, refusals
from imagelock.formats.ci.jenkins import OTHERS as PIPELINE
from imagelock.formats.scan import find
from imagelock.formats.source.bazel import TAG_OR_DIGEST
from imagelock.formats.source.jsonnet import OTHERS
from imagelock.formats.source.terraform import MODULE
from imagelock.formats.source.toml import LISTED, OWN
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place
from imagelock.model.rule import ScanRule

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/a:1"
OLD = "sha256:" + "1" * 64

WRITTEN = {
    "an attribute of a resource": ("main.tf", f'resource "x" "y" {{ container_image = "{A}" }}\n'),
    "the name of a docker_image": ("main.tf", f'resource "docker_image" "y" {{ name = "{A}" }}\n'),
    "JSON in a resource": (
        "main.tf",
        f'resource "x" "y" {{ d = jsonencode([{{ name = "a", "image": "{A}" }}]) }}\n',
    ),
    "a heredoc": ("main.tofu", f'resource "x" "y" {{\n  y = <<-EOT\n    - image: {A}\n  EOT\n}}\n'),
    "a builder of Packer": ("x.pkr.hcl", f'source "docker" "x" {{ image = "{A}" }}\n'),
    "a field of Jsonnet": ("a.jsonnet", f"{{ image: '{A}' }}\n"),
    "a text block of Jsonnet": ("a.libsonnet", f"{{ x: |||\n  - image: {A}\n||| }}\n"),
    "a key of TOML": ("fly.toml", f'[build]\nimage = "{A}" # c\n'),
    "a key of an inline table": ("a.toml", f"x = {{ test-image = '{A}', n = 1 }}\n"),
    "an agent of a library": ("vars/x.groovy", f"agent {{ docker {{ image '{A}' }} }}\n"),
    "a step of a library": ("src/x.groovy", f'docker.image("{A}").inside {{ }}\n'),
    "YAML of a library": ("vars/x.groovy", f'yaml: """\n  - image: {A}\n"""\n'),
}
KEPT = {
    "a variable of Terraform": ("v.tf", f'variable "web_image" {{ default = "{A}" }}\n', MODULE),
    "a local of Terraform": ("v.tf", f'locals {{ image = "{A}" }}\n', MODULE),
    "an argument of a module": ("v.tf", f'module "x" {{ image = "{A}" }}\n', MODULE),
    "a file of variables": ("prod.tfvars", f'image = "{A}"\n', MODULE),
    "inputs of Terragrunt": ("terragrunt.hcl", f'inputs = {{ image = "{A}" }}\n', MODULE),
    "a hidden field of Jsonnet": ("a.jsonnet", f"{{ image:: '{A}' }}\n", OTHERS),
    "a local of Jsonnet": ("a.jsonnet", f"local image = '{A}'; image\n", OTHERS),
    "a list of TOML": ("a.toml", f'allowed_images = [\n  "{A}",\n]\n', LISTED),
    "a parameter of Groovy": ("vars/x.groovy", f"def call(String image = '{A}') {{}}\n", PIPELINE),
    "a default of Groovy": ("vars/x.groovy", f"def i = config.image ?: '{A}'\n", PIPELINE),
    "a tag of rules_oci": ("MODULE.bazel", 'oci.pull(name = "x", image = "quay.io/acme/a", tag = "1")\n', TAG_OR_DIGEST),
    "a tag with an empty digest": (
        "WORKSPACE",
        'oci_pull(name = "x", image = "quay.io/acme/a", tag = "1", digest = "")\n',
        TAG_OR_DIGEST,
    ),
}  # fmt: skip
NONE = [
    ("main.tf", '# image = "nginx:1"\nresource "x" "y" { /* image = "nginx:2" */ }\n'),
    ("main.tf", 'resource "vm" "y" { image = "debian-cloud/debian-11" }\n'),
    ("main.tf", 'resource "vm" "y" { disk_image = "1.2:3" }\n'),
    ("main.tf", 'variable "region" { default = "eu:west" }\n'),
    ("main.tf", 'resource "x" "y" { image_pull_policy = "Always:1" }\n'),
    ("a.jsonnet", "// image: 'nginx:1'\n/* image: 'nginx:2' */ { version: 'v1:2', image: $.tag }\n"),
    ("a.toml", '# image = "nginx:1"\nimage = "logo.png"\ntitle = "an image: nginx:1"\n'),
    ("vars/x.groovy", "// image 'nginx:1'\nprintln \"image 'nginx:1'\"\nimage 'a sentence: this'\n"),
    ("BUILD", '# oci.pull(image = "quay.io/acme/a")\nsrcs = ["x:1"]\n'),
]


@pytest.mark.parametrize("shape", WRITTEN)
def test_an_image_that_the_tool_itself_pulls_is_pinned(shape: str) -> None:
    path, content = WRITTEN[shape]
    assert references(content, path) == [A]
    assert pinned(content, path) == content.replace(A, f"{A}@DIGEST")


@pytest.mark.parametrize("shape", KEPT)
def test_a_value_of_which_something_else_may_be_made_is_found_and_kept(shape: str) -> None:
    path, content, reason = KEPT[shape]
    assert refusals(content, path) == {A: reason}


@pytest.mark.parametrize(("path", "content"), NONE)
def test_what_is_no_image_is_not_found(path: str, content: str) -> None:
    assert references(content, path) == []


def test_a_variable_of_terraform_leads_to_its_default_and_what_it_ends_in_is_kept() -> None:
    content = (
        'variable "tag" { default = "1" }\n'
        'resource "k" "x" { container { image = "quay.io/acme/a:${var.tag}" } }\n'
        'resource "k" "y" { container { image = "quay.io/${var.org}/b:1" } }\n'
    )
    assert refusals(content, "main.tf") == {A: MODULE}
    assert "quay.io/${var.org}/b:1" in reasons(content, "main.tf")


def test_a_name_in_a_container_of_terraform_needs_no_tag() -> None:
    content = 'resource "k" "x" { spec { container { image = "redis" } } }\n'
    assert references(content, "main.tf") == ["redis"]


def test_the_digest_of_a_pull_moves_with_the_lock() -> None:
    content = f'oci.pull(\n  name = "x",\n  digest = "{OLD}",\n  image = "quay.io/acme/a",\n)\n'
    assert references(content, "MODULE.bazel") == [f"quay.io/acme/a@{OLD}"]
    assert pinned(content, "MODULE.bazel") == content.replace(OLD, "DIGEST")
    old = 'container_pull(name = "x", registry = "quay.io", repository = "acme/a", tag = "1", digest = "")\n'
    assert pinned(old, "WORKSPACE") == old.replace('digest = ""', 'digest = "DIGEST"')


def test_own_configuration_only_names_images() -> None:
    content = f'[[tool.imagelock.exempt]]\nimage = "{A}"\n'
    assert references(content, "pyproject.toml") == []
    assert reasons(content, "pyproject.toml") == {A: OWN}


def test_a_rule_pins_what_a_format_only_found() -> None:
    rule = ScanRule(regex=r'image = "(?P<image>[^"]+)"')
    (place,) = find(Text("prod.tfvars", f'image = "{A}"\n'), None, [rule])
    assert isinstance(place, Place)
    assert (place.format, place.pinnable) == ("rule", True)


def test_files_of_the_new_languages_are_pinned_and_unpinned_byte_for_byte(world: World) -> None:
    world.write("locked.txt", f"{A}@{OLD}\n")
    for i, (path, content) in enumerate(WRITTEN.values()):
        world.write(f"{i}/{path}", content)

    assert world.run("pin", ".", "--lock-file", "locked.txt").code == 0
    assert world.run("check", ".", "--strict", "--lock-file", "locked.txt").code == 0
    for i, (path, content) in enumerate(WRITTEN.values()):
        assert world.read(f"{i}/{path}") == content.replace(A, f"{A}@{OLD}")
    assert world.run("unpin", ".", "--lock-file", "locked.txt").code == 0
    for i, (path, content) in enumerate(WRITTEN.values()):
        assert world.read(f"{i}/{path}") == content
