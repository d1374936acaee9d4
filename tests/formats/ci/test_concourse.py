"""Concourse pipelines and tasks."""

from __future__ import annotations

from formats import samples_tools as samples
from formats.reading import damage, pinned, references, refusals

TASK = """\
platform: linux
image_resource:
  type: registry-image
  source: {repository: golang, tag: '1.22'}
run: {path: make}
"""


def test_the_digest_goes_into_the_version_of_a_resource() -> None:
    assert references(samples.CONCOURSE, "pipeline.yml") == ["quay.io/acme/web:1"]
    assert "version: {digest: 'DIGEST'}" in pinned(samples.CONCOURSE, "pipeline.yml")


def test_a_resource_without_a_version_is_found_and_refused_with_the_way_out() -> None:
    assert references(TASK, "task.yml") == ["golang:1.22"]
    assert "version.digest" in (refusals(TASK, "task.yml")["golang:1.22"] or "")
    assert pinned(TASK, "task.yml") == TASK


def test_what_a_pipeline_pushes_is_its_own() -> None:
    content = samples.CONCOURSE.replace("[{get: web}]", "[{put: web}]")

    assert references(content, "pipeline.yml") == []


def test_variables_of_concourse_are_templates_and_no_damage() -> None:
    content = (
        "resources:\n- name: a\n  type: registry-image\n  source: {repository: concourse/dev, tag: ((dev.tag))}\n"
        "- name: b\n  type: registry-image\n  source: {repository: ((base-image)), tag: latest}\n"
    )
    assert references(content, "ci/p.yml") == []
    assert damage(content, "ci/p.yml") == []
