"""Nomad jobs and Docker bake files."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import pinned, places, reasons, references, refusals


@pytest.mark.parametrize("path", ["web.nomad", "jobs/web.nomad.hcl"])
def test_tasks_of_nomad_are_read(path: str) -> None:
    assert references(samples.NOMAD, path) == ["quay.io/acme/web:1", "quay.io/acme/two:1"]
    assert reasons(samples.NOMAD, path) == {
        "quay.io/acme/three:${var.tag}": "a variable of the tool that reads the file"
    }
    assert '"docker://quay.io/acme/two:1@DIGEST"' in pinned(samples.NOMAD, path)


def test_other_files_of_the_language_are_not_jobs() -> None:
    formats = {place.format for path in ("main.tf", "web.hcl") for place in places(samples.NOMAD, path)}
    assert formats == {"terraform"}


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


JOB = """\
variable "image" { default = "redis:7" }
variable "tag" {
  type    = string
  default = "2"
}
variable "logged" { default = "quay.io/acme/logged:1" }
locals { side = "quay.io/acme/side:3" }
job "j" {
  task "a" {
    driver = "docker"
    config { image = var.image }
  }
  task "b" {
    driver = "docker"
    config { image = "quay.io/acme/b:${var.tag}" }
  }
  task "c" {
    driver = "docker"
    config {
      image = "${var.logged}"
      args  = ["--image", var.logged]
    }
  }
  task "d" {
    driver = "podman"
    config { image = "docker://${local.side}" }
  }
  task "e" {
    driver = "docker"
    config { image = "quay.io/acme/e:${NOMAD_META_version}" }
  }
}
"""


def test_variables_of_a_job_lead_to_their_defaults_and_are_pinned_where_nothing_else_is_made_of_them() -> (
    None
):
    assert references(JOB, "j.nomad") == [
        "redis:7",
        "quay.io/acme/b:2",
        "quay.io/acme/logged:1",
        "quay.io/acme/side:3",
    ]
    assert refusals(JOB, "j.nomad") == {
        "quay.io/acme/logged:1": "var.logged is used for something else as well: line 21"
    }
    assert list(reasons(JOB, "j.nomad")) == ["quay.io/acme/e:${NOMAD_META_version}"]
    after = pinned(JOB, "j.nomad")
    for words in ('"redis:7@DIGEST"', 'default = "2@DIGEST"', 'side = "quay.io/acme/side:3@DIGEST"'):
        assert words in after
    assert after.count("DIGEST") == 3


def test_a_default_of_which_two_images_are_made_is_found_and_kept() -> None:
    job = JOB.replace("quay.io/acme/e:${NOMAD_META_version}", "quay.io/acme/e:${var.tag}")
    kept = refusals(job, "j.nomad")
    assert {"quay.io/acme/b:2", "quay.io/acme/e:2"} <= kept.keys()
    assert 'default = "2"' in pinned(job, "j.nomad")


def test_variables_of_a_bake_file_lead_to_their_defaults() -> None:
    bake = (
        'variable "BASE" { default = "alpine:3.20" }\nvariable "TAG" { default = "1.2" }\nvariable "V" { default = "3.19" }\n'
        'target "x" {\n  contexts = {\n    base = "docker-image://${BASE}"\n    other = "docker-image://alpine:${TAG}"\n'
        '    third = "docker-image://alpine:${V}"\n  }\n  tags = ["acme/x:${TAG}"]\n}\n'
    )
    assert references(bake, "docker-bake.hcl") == ["alpine:3.20", "alpine:1.2", "alpine:3.19"]
    assert list(refusals(bake, "docker-bake.hcl")) == ["alpine:1.2"]
    assert '"alpine:3.20@DIGEST"' in pinned(bake, "docker-bake.hcl")
    assert '"3.19@DIGEST"' in pinned(bake, "docker-bake.hcl")


def test_a_variable_that_leads_to_itself_or_to_nothing_is_a_template() -> None:
    job = JOB.replace('default = "redis:7"', 'default = "${var.image}"')
    assert "redis:7" not in references(job, "j.nomad")
    assert "var.image" in reasons(job, "j.nomad")


def test_a_template_of_nomad_pack_is_read_around_its_tags() -> None:
    job = 'job "j" { task "t" {\n  driver = "docker"\n  config {\n    image = "redis:7"\n    x = [[ .y ]]\n  }\n} }\n'
    assert references(job, "templates/j.nomad.tpl") == ["redis:7"]
