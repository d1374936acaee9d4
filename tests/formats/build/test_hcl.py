"""Nomad jobs and Docker bake files."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import pinned, reasons, references


@pytest.mark.parametrize("path", ["web.nomad", "jobs/web.nomad.hcl"])
def test_tasks_of_nomad_are_read(path: str) -> None:
    assert references(samples.NOMAD, path) == ["quay.io/acme/web:1", "quay.io/acme/two:1"]
    assert reasons(samples.NOMAD, path) == {
        "quay.io/acme/three:${var.tag}": "a variable of the tool that reads the file"
    }
    assert '"docker://quay.io/acme/two:1@DIGEST"' in pinned(samples.NOMAD, path)


def test_other_files_of_the_language_are_not_read() -> None:
    assert references(samples.NOMAD, "main.tf") == []
    assert references(samples.NOMAD, "web.hcl") == []


def test_contexts_of_a_bake_file_are_read_and_its_tags_are_not() -> None:
    assert references(samples.BAKE, "docker-bake.hcl") == ["quay.io/acme/web:1"]
    json = '{"target": {"x": {"contexts": {"y": "docker-image://a/b:1"}, "tags": ["c/d:1"]}}}'
    assert references(json, "docker-bake.override.json") == ["a/b:1"]
    assert references('target "x" { contexts = { y = "docker-image://" } }\n', "docker-bake.hcl") == []


DECOYS = """\
job "j" {
  meta { image = "quay.io/acme/meta:1" }
  task "t" {
    config { image = "quay.io/acme/web:1" }
    driver = "podman"
    template {
      data = <<-EOT
        config { image = "quay.io/acme/text:1" }
        EOT
    }
  }
  task "java" {
    driver = "java"
    config { image = "quay.io/acme/java:1" }
  }
  task "containerd" {
    driver = "containerd-driver"
    config {
      image = "quay.io/acme/containerd:1"
      labels { image = "quay.io/acme/label:1" }
    }
  }
}
"""


def test_only_config_of_container_drivers_holds_images() -> None:
    assert references(DECOYS, "j.nomad.hcl") == ["quay.io/acme/web:1", "quay.io/acme/containerd:1"]
