"""Texts of every format for the laws that hold for all: each is found, pinned and put back."""

from __future__ import annotations

from dataclasses import dataclass

from formats import samples_build as build
from formats import samples_tools as tools
from formats.samples_deploy import ARGOCD, CHART, FLUX, KUSTOMIZATION, TEMPLATE, VALUES
from imagelock.model.context import FileContext, Use
from imagelock.model.digest import Digest

OLD = Digest.of(b"an older image")


@dataclass(frozen=True, slots=True)
class Sample:
    """One text: ``places`` is how many references it holds that can be pinned."""

    name: str
    path: str
    content: str
    places: int
    context: FileContext | None = None


POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web  # image: not/this:1
spec:
  initContainers:
  - name: first
    image: quay.io/acme/first:1
  containers:
  - {name: "flow", image: quay.io/acme/flow:1, ports: [80, 443]}
  - image: "quay.io/acme/\\x64ouble:1"   # written with an escape
  - image: 'quay.io/acme/single:1'
  - image: >-
      quay.io/acme/folded:1
  - image: "quay.io/acme/con\\
      tinued:1"
  - image: &anchored quay.io/acme/anchored:1
  - image: *anchored
  - image: !!str quay.io/acme/tagged:1
  - image: &both
      !!str quay.io/acme/both:1
  - ? image
    : quay.io/acme/explicit:1
  - image: |-
      quay.io/acme/literal:1
    env:
    - name: RELATED_IMAGE_other
      value: localhost:5000/other
    - {name: IMAGE_default_x, value: nginx}
    - name: JSON
      value: '{"image": "quay.io/acme/json:1", "more": [{"image": "quay.io/acme/\\u006dore:1"}]}'
    - name: BLOCK
      value: |
        {
          "image": "quay.io/acme/block:1",
          "text": "{\\"image\\": \\"quay.io/acme/inner:1\\"}"
        }
    - name: FOLDED
      value: "{\\"image\\":
        \\"quay.io/acme/folded-json:1\\"}"
  volumes:
  - name: data
    image: {reference: quay.io/acme/volume:1}
"""

CSV = """\
apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
metadata:
  annotations:
    alm-examples: |-
      [{"kind": "Web", "spec": {"image": "quay.io/acme/example:1"}}]
    containerImage: quay.io/acme/operator:1
    quay.io/any: quay.io/acme/annotated:1
    description: 'use quay.io/acme/prose:1 or {"image": this}'
spec:
  install:
    spec:
      deployments:
      - name: operator
        spec:
          template:
            spec:
              containers:
              - name: operator
                image: quay.io/acme/operator:1
                env:
                - {name: RELATED_IMAGE_web, value: "quay.io/acme/web:1"}
  relatedImages:
  - name: ''
    image: quay.io/acme/related:1
"""

JSON = """\
{
\t"apiVersion": "v1",\t"kind": "List",
\t"items": [
\t\t{"kind": "Pod", "spec": {"containers": [
\t\t\t{"name": "\\ud83d\\ude00", "image": "quay.io\\/acme/web:1"},
\t\t\t{"image": "quay.io/acme/api:1", "env": [
\t\t\t\t{"name": "X", "value": "{\\"image\\":\\"quay.io/acme/inner:1\\"}"}]}
\t\t]}}
\t]
}
"""

DOCKERFILE = """\
# syntax=docker/dockerfile:1
# escape=\\
ARG BASE=quay.io/acme/base:1 UNUSED=quay.io/acme/unused:1
ARG QUOTED="quay.io/acme/quoted:1"
FROM --platform=$BUILDPLATFORM quay.io/acme/build:1 AS Build
RUN cat <<EOF
FROM quay.io/acme/heredoc:1
EOF
from $BASE as second
FROM build
FROM ${MISSING:-quay.io/acme/default:1}
FROM quay.io/acme/con\\
# a comment in between
tinued:1 AS third
FROM "quay.io/acme/in-quotes:1"
FROM ${QUOTED}
FROM scratch
"""

LIST = """\
# the release
quay.io/acme/web:1
  quay.io/acme/api:1   # behind a blank
nginx\t
quay.io/acme/web:1

localhost:5000/a/b:c"""

TAGS = """\
images:
- name: quay.io/acme/web
  src_build_tag: master-1
  tag: stable
  digest: ""   # filled
"""

EPIPHANY = """\
[packages]
nginx:1
[images]
quay.io/acme/web:1
# nothing
quay.io/acme/api:1
"""

EPIPHANY_IMAGES = """\
images:
  group:
    "quay.io/acme/web:1": {sha1: 41839b8a}
    quay.io/acme/api:1:
      sha1: 6ea6f9ae
"""

EPIPHANY_REGISTRY = """\
kind: configuration/image-registry
specification:
  registry_image: {name: "quay.io/acme/registry:2", file_name: registry.tar}
  images_to_load:
    x86_64:
      generic:
        web: [{name: 'quay.io/acme/web:1', file_name: web.tar}]
"""

STREAM = """\
# a licence
---
apiVersion: v1
kind: Pod
spec: {containers: [{image: "quay.io/acme/web:1"}]}
...
# between
---
kind: [broken
containers: 1
---
apiVersion: v1
kind: Pod
spec:
  containers:
  - image: quay.io/acme/api:1
  - image: quay.io/acme/api:1"""


def _endings(content: str) -> str:
    """Give every other line another ending."""
    lines = content.split("\n")
    return "".join(line + ("\r\n" if i % 2 else "\n") for i, line in enumerate(lines[:-1])) + lines[-1]


_PLAIN = (
    Sample("pod", "pod.yaml", POD, 19),
    Sample("csv", "operator.clusterserviceversion.yaml", CSV, 6),
    Sample("json", "list.json", JSON, 3),
    Sample("dockerfile", "Dockerfile", DOCKERFILE, 7),
    Sample("list", "external_images", LIST, 5),
    Sample("stream", "all.yaml", STREAM, 3),
    Sample("tags", "tags.yaml", TAGS, 1),
    Sample("epiphany", "requirements.txt", EPIPHANY, 2),
    Sample("epiphany-images", "images.yml", EPIPHANY_IMAGES, 2),
    Sample("epiphany-registry", "image-registry.yml", EPIPHANY_REGISTRY, 2),
    Sample("values", "values.yaml", VALUES, 13),
    Sample("chart", "web/Chart.yaml", CHART, 4),
    Sample("template", "web/templates/pod.yaml", TEMPLATE, 5),
    Sample("kustomization", "kustomization.yaml", KUSTOMIZATION, 7),
    Sample("flux", "flux.yaml", FLUX, 5),
    Sample("argocd", "app.yaml", ARGOCD, 9),
    Sample("compose", "compose.yaml", build.COMPOSE, 10),
    Sample("dockerfile-full", "Dockerfile", build.DOCKERFILE, 9),
    Sample("devfile-1", "devfile.yaml", build.DEVFILE_1, 3),
    Sample("devfile-2", "devfile.yaml", build.DEVFILE_2, 5),
    Sample("che-plugin", "meta.yaml", build.CHE_PLUGIN, 4),
    Sample("github", "build.yml", build.GITHUB, 3),
    Sample("github-action", "action.yml", build.GITHUB_ACTION, 1),
    Sample("circleci", ".circleci/config.yml", build.CIRCLECI, 3),
    Sample("gitlab", "pipeline.yml", build.GITLAB, 4),
    Sample("tekton", "task.yaml", build.TEKTON, 5),
    Sample("argo", "workflow.yaml", build.ARGO, 7),
    Sample("custom", "objects.yaml", build.CUSTOM, 5),
    Sample("olm-catalog", "catalog.yaml", build.OLM_CATALOG, 5),
    Sample("drone", ".drone.yml", tools.DRONE, 3),
    Sample("cirrus", ".cirrus.yml", tools.CIRRUS, 4),
    Sample("bitbucket", "bitbucket-pipelines.yml", tools.BITBUCKET, 4),
    Sample("azure", "azure-pipelines.yml", tools.AZURE, 3),
    Sample("cloud-build", "cloudbuild.yaml", tools.CLOUD_BUILD, 2),
    Sample("prow", "jobs.yaml", tools.CONTAINER_LISTS, 2),
    Sample("ecs", "task-definition.json", tools.TASK_DEFINITION, 1),
    Sample("ansible", "site.yml", tools.ANSIBLE, 3),
    Sample("ansible-vars", "roles/web/vars/main.yml", tools.ANSIBLE_VARS, 3),
    Sample("molecule", "molecule/default/molecule.yml", tools.MOLECULE, 1),
    Sample("skaffold", "skaffold.yaml", tools.SKAFFOLD, 4),
    Sample("helm-releases", "releases.yaml", tools.HELM_RELEASES, 4),
    Sample("helmfile", "helmfile.yaml", tools.HELMFILE, 2),
    Sample("devcontainer", ".devcontainer/devcontainer.json", tools.DEVCONTAINER, 1),
    Sample("matrix", "build.yml", tools.MATRIX, 4),
    Sample("gitlab-variables", "pipeline.yml", tools.GITLAB_VARIABLES, 4),
    Sample("jenkins", "Jenkinsfile", tools.JENKINSFILE, 6),
    Sample("nomad", "web.nomad.hcl", tools.NOMAD, 2),
    Sample("bake", "docker-bake.hcl", tools.BAKE, 1),
    Sample("compose-v1", "docker-compose.yml", tools.COMPOSE_V1, 2),
    Sample("json-patch", "patch.yaml", tools.JSON_PATCH, 4),
    Sample("env-file", "params.env", tools.ENV_FILE, 3, FileContext(read_as="env-file")),
    Sample(
        "generator-file",
        "envs/prod.json",
        tools.GENERATOR_FILE,
        2,
        FileContext(
            read_as="generator-file",
            uses=(Use("{{ .image }}", "set.yaml"), Use("quay.io/acme/{{name}}:{{app.tag}}", "set.yaml")),
        ),
    ),
    Sample("zarf", "zarf.yaml", tools.ZARF, 2),
    Sample("hauler", "hauler.yaml", tools.HAULER, 1),
    Sample("image-set", "isc.yaml", tools.IMAGE_SET, 2),
    Sample("quadlet", "web.container", tools.QUADLET, 1),
    Sample("concourse", "ci/pipeline.yml", tools.CONCOURSE, 1),
    Sample("terraform", "main.tf", tools.TERRAFORM, 3),
    Sample("shell", "hack/run.sh", tools.SHELL, 5),
    Sample("makefile", "Makefile", tools.MAKEFILE, 2),
    Sample("bazel", "WORKSPACE", tools.BAZEL, 2),
    Sample("jsonnet", "web.libsonnet", tools.JSONNET, 3),
    Sample("toml", "config.toml", tools.TOML, 2),
    Sample("groovy", "vars/build.groovy", tools.GROOVY, 2),
    Sample("pre-commit", ".pre-commit-config.yaml", tools.PRE_COMMIT, 2),
    Sample("ko", ".ko.yaml", tools.KO, 2),
    Sample("buildkite", ".buildkite/pipeline.yml", tools.BUILDKITE, 2),
)

SAMPLES = (
    *_PLAIN,
    *(Sample(f"{s.name}-crlf", s.path, s.content.replace("\n", "\r\n"), s.places, s.context) for s in _PLAIN),
    *(Sample(f"{s.name}-mixed", s.path, _endings(s.content), s.places, s.context) for s in _PLAIN),
    *(Sample(f"{s.name}-bom", s.path, "\ufeff" + s.content, s.places, s.context) for s in _PLAIN),
    *(Sample(f"{s.name}-unfinished", s.path, s.content.rstrip(), s.places, s.context) for s in _PLAIN),
    *(
        Sample(f"{s.name}-old", s.path, s.content.replace("/web:1", f"/web:1@{OLD}"), s.places, s.context)
        for s in _PLAIN
    ),
)
