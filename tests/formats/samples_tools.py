"""Texts of pipelines, task runners and other tools for the laws; the references of each are counted."""

from __future__ import annotations

DRONE = """\
kind: pipeline
type: docker
name: default
steps:
- {name: test, image: quay.io/acme/web:1, commands: [make]}
- name: publish
  image: "quay.io/acme/plugin:1"   # sends it
  settings: {repo: quay.io/acme/built}
- {name: later, image: "golang:${VERSION}"}
services:
- name: db
  image: &db postgres:15
- name: other
  image: *db
"""

CIRRUS = """\
container:
  image: quay.io/acme/web:1
  cpu: 2
test_task:
  container:
    matrix:
    - image: 'quay.io/acme/one:1'
    - {image: quay.io/acme/two:1}
  additional_containers: [{name: db, image: "postgres:15", port: 5432}]
  macos_instance: {image: "ghcr.io/cirruslabs/macos:latest"}
  script: make
"""

BITBUCKET = """\
image: quay.io/acme/web:1
definitions:
  services:
    db: {image: postgres:15}
pipelines:
  default:
  - step:
      image:
        name: "quay.io/acme/build:1"
        run-as-user: 1000
      script:
      - pipe: docker://quay.io/acme/pipe:1
      - pipe: atlassian/aws-s3-deploy:0.3.8
"""

AZURE = """\
resources:
  containers:
  - container: builder
    image: quay.io/acme/web:1
stages:
- stage: test
  jobs:
  - job: one
    container: builder
  - job: two
    container: {image: 'quay.io/acme/two:1', options: --init}
  - job: three
    container: quay.io/acme/three:1
    steps:
    - script: make
"""

CLOUD_BUILD = """\
steps:
- name: quay.io/acme/web:1
  args: [build, -t, "gcr.io/acme/built:1", .]
- id: two
  name: 'gcr.io/cloud-builders/docker'
  entrypoint: sh
- name: gcr.io/$PROJECT_ID/own
images: ["gcr.io/acme/built:1"]
"""

CONTAINER_LISTS = """\
presubmits:
  acme/web:
  - name: test
    spec:
      containers:
      - image: quay.io/acme/web:1
        command: [make]
      initContainers: [{name: first, image: "quay.io/acme/first:1"}]
"""

TASK_DEFINITION = """\
{
  "family": "web",
  "containerDefinitions": [
    {"name": "web", "image": "quay.io/acme/web:1", "essential": true},
    {"name": "later", "image": "<IMAGE1_NAME>"}
  ]
}
"""

ANSIBLE = """\
- hosts: all
  tasks:
  - name: Start it
    community.docker.docker_container:
      name: web
      image: quay.io/acme/web:1
  - block:
    - containers.podman.podman_container: {name: two, image: "quay.io/acme/two:1"}
    - docker_container: {name: three, image: "{{ image }}"}
  - kubernetes.core.k8s:
      definition:
        apiVersion: v1
        kind: Pod
        spec: {containers: [{name: four, image: quay.io/acme/four:1}]}
  - docker_image: {name: quay.io/acme/apart, tag: "1", source: pull}
"""

ANSIBLE_VARS = """\
# quay.io/acme/comment:1
registry: quay.io
web_image: quay.io/acme/web:1  # kept
images:
  - 'registry.corp:5000/acme/db:2'
  - name: sidecar
    url: https://quay.io/acme/address:1
    image: "{{ registry }}/acme/sidecar:3"
nested:
  deep: {key: ghcr.io/acme/deep:4}
packages: [nginx:1.27]
"""

MOLECULE = """\
driver:
  name: podman
platforms:
- name: one
  image: quay.io/acme/web:1
  pre_build_image: true
"""

SKAFFOLD = """\
apiVersion: skaffold/v4beta6
kind: Config
build:
  artifacts:
  - image: quay.io/acme/built
    buildpacks:
      builder: quay.io/acme/web:1
      runImage: "quay.io/acme/run:1"
  - {image: other, kaniko: {image: gcr.io/kaniko-project/executor:v1.9.0}}
verify:
- name: smoke
  container: {name: smoke, image: quay.io/acme/smoke:1}
- name: own
  container: {name: own, image: quay.io/acme/built}
"""

HELM_RELEASES = """\
apiVersion: helm.cattle.io/v1
kind: HelmChart
spec:
  jobImage: quay.io/acme/job:1
  valuesContent: |-
    image:
      repository: quay.io/acme/web
      tag: "1"
    sidecar:
      image: quay.io/acme/web:1
---
apiVersion: helm.crossplane.io/v1beta1
kind: Release
spec:
  forProvider:
    values: {image: {repository: quay.io/acme/two, tag: v2, digest: ""}}
"""

HELMFILE = """\
repositories: [{name: acme, url: https://charts.example.com}]
releases:
- name: web
  chart: acme/web
  values:
  - values.yaml
  - image:
      repository: quay.io/acme/helmfile
      tag: v1
  set:
  - {name: sidecar.image.repository, value: quay.io/acme/sidecar}
  - {name: sidecar.image.tag, value: v2}
"""

DEVCONTAINER = """\
// What everyone edits with; see https://containers.dev
{
\t"name": "web", /* image: "not/this:1" */
\t"image": "quay.io/acme/web:1", // "image": "nor/this:1"
\t"features": {"ghcr.io/devcontainers/features/node:1": {}},
\t"customizations": {"url": "http://example.com/a,]",},
}
"""

MATRIX = """\
on:
  workflow_call: {inputs: {image: {type: string, default: quay.io/acme/input:1}}}
jobs:
  one:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        image: [quay.io/acme/web:1, "quay.io/acme/two:1"]
        include:
        - {image: quay.io/acme/three:1, fast: true}
    container: ${{ matrix.image }}
    services: {db: {image: "${{ inputs.image }}"}}
    steps: [{run: make}]
"""

GITLAB_VARIABLES = """\
variables:
  BUILDER: quay.io/acme/web:1
  OTHER: {value: "quay.io/acme/other:1", description: what it runs in}
build:
  image: $BUILDER
  script: [make]
test:
  image: {name: "${OTHER}"}
  script: [make test]
every:
  parallel:
    matrix:
    - ONE: [quay.io/acme/three:1, quay.io/acme/four:1]
  image: $ONE
  script: [make]
"""

JENKINSFILE = """\
// agent { docker 'quay.io/acme/comment:1' }
pipeline {
  agent { docker { image 'quay.io/acme/web:1' } }   /* image 'quay.io/acme/block:1' */
  stages {
    stage('one') {
      agent { docker 'quay.io/acme/one:1' }
      steps { sh "echo docker image 'quay.io/acme/said:1'" }
    }
    stage('two') {
      agent {
        kubernetes {
          yaml '''
            spec:
              containers:
              - name: two
                image: quay.io/acme/two:1
              - name: three
                image: "quay.io/acme/three:1"
          '''
        }
      }
    }
  }
}
podTemplate(containers: [containerTemplate(name: 'four', image: 'quay.io/acme/four:1')]) {
  docker.image("quay.io/acme/five:1").inside { sh 'make' }
  docker.image("quay.io/acme/built:1").push()
  docker.image("quay.io/acme/later:${TAG}").inside { sh 'make' }
  docker.build("quay.io/acme/other:1")
}
"""

NOMAD = """\
job "web" {
  # image = "quay.io/acme/comment:1"
  group "web" {
    task "one" {
      driver = "docker"
      config {
        image = "quay.io/acme/web:1" // image = "other:1"
      }
      env { TEXT = "image = x:1" }
    }
    task "two" {
      driver = "podman"
      config { image = "docker://quay.io/acme/two:1" }
    }
    task "three" {
      config { image = "quay.io/acme/three:${var.tag}" }
    }
  }
}
"""

BAKE = """\
target "web" {
  contexts = {
    base = "docker-image://quay.io/acme/web:1"
    own = "target:base"
  }
  tags = ["quay.io/acme/built:1"]
}
"""

COMPOSE_V1 = """\
web:
  image: quay.io/acme/web:1
  links: [db]
db:
  image: "postgres:15"
built:
  build: .
"""

BUILDKITE = """\
steps:
- label: test
  command: make
  plugins:
  - docker#v5.10.0:
      image: quay.io/acme/web:1
  - docker-compose#v4.16.0: {run: app, image: "quay.io/acme/other:1"}
- group: more
  steps:
  - command: make more
    plugins: {docker#v5.10.0: {image: "quay.io/acme/more:1"}}
"""

JSON_PATCH = """\
- op: replace
  path: /spec/template/spec/containers/0/image
  value: quay.io/acme/web:1
- op: add
  path: /spec/template/spec/initContainers/-
  value: {name: first, image: quay.io/acme/first:1}
- op: replace
  path: /spec/source/helm/values
  value: |
    image: {repository: quay.io/acme/chart, tag: v1}
- {op: replace, path: /spec/replicas, value: 3}
- op: add
  path: /spec/source/helm/parameters
  value: [{name: image.repository, value: quay.io/acme/two}, {name: image.tag, value: "2"}]
"""

ENV_FILE = """\
# images
WEB=quay.io/acme/web:1
export API="quay.io/acme/api:1"  # of the API
JOB='quay.io/acme/job:1'
LEVEL=debug
EMPTY=
"""

GENERATOR_FILE = """\
{
  "image": "quay.io/acme/web:1",
  "name": "two",
  "app": {"tag": "v2"},
  "replicas": 3
}
"""
ZARF = """\
kind: ZarfPackageConfig
metadata: {name: shop}
components:
- name: shop
  images:
  - quay.io/acme/web:1
  - "quay.io/acme/db:16"
"""
HAULER = """\
apiVersion: content.hauler.cattle.io/v1
kind: Images
metadata: {name: shop}
spec:
  images:
  - name: quay.io/acme/web:1
    platform: linux/amd64
"""
IMAGE_SET = """\
apiVersion: mirror.openshift.io/v2alpha1
kind: ImageSetConfiguration
mirror:
  operators:
  - catalog: quay.io/acme/catalog:v4
  additionalImages:
  - name: quay.io/acme/web:1
"""
QUADLET = """\
[Unit]
Description=quay.io/acme/not-this:1
[Container]
# Image=quay.io/acme/nor-this:1
Image=quay.io/acme/web:1
Exec=run quay.io/acme/argument:1
"""
CONCOURSE = """\
resources:
- name: web
  type: registry-image
  source: {repository: quay.io/acme/web, tag: '1'}
  version: {digest: ''}
- name: code
  type: git
  source: {uri: https://example.com/a.git}
jobs:
- name: test
  plan: [{get: web}]
"""
TERRAFORM = """\
variable "image" { default = "quay.io/acme/variable:1" }
resource "docker_image" "web" { name = "quay.io/acme/web:1" }
resource "kubernetes_pod" "web" {
  spec { container {
    image = "quay.io/acme/two:1"
  } }
}
resource "kubectl_manifest" "pod" {
  yaml_body = <<-EOT
    containers:
    - image: quay.io/acme/text:1
  EOT
}
"""
SHELL = """\
#!/bin/sh
docker run --rm -v "$PWD:/x" quay.io/acme/web:1 sh -c 'x'
docker run \\
  -it "quay.io/acme/two:1"
IMAGE=quay.io/acme/three:1
podman run $IMAGE ls
kubectl run x --image=quay.io/acme/four:1
kubectl apply -f - <<EOF
spec:
  containers:
  - image: quay.io/acme/five:1
EOF
docker pull quay.io/acme/pulled:1
"""
MAKEFILE = """\
LINT_IMAGE ?= quay.io/acme/web:1
IMG ?= controller:latest
lint:
\tdocker run --rm $(LINT_IMAGE) lint
\t@docker run quay.io/acme/two:1
build:
\tdocker build -t $(IMG) .
"""
BAZEL = """\
container_pull(
    name = "web",
    registry = "quay.io",
    repository = "acme/web",
    tag = "1",
    digest = "",
)
oci.pull(name = "two", image = "quay.io/acme/two", digest = "sha256:%s")
oci.pull(name = "three", image = "quay.io/acme/three", tag = "1")
""" % ("1" * 64)
JSONNET = """\
local image = 'quay.io/acme/local:1';
{
  image: 'quay.io/acme/web:1',
  "image": "quay.io/acme/two:1",
  text: |||
    - image: quay.io/acme/text:1
  |||,
}
"""
TOML = """\
[runners.docker]
image = "quay.io/acme/web:1"
helper_image = 'quay.io/acme/helper:1' # image = "quay.io/acme/not-this:1"
allowed_images = ["quay.io/acme/allowed:1"]
"""
GROOVY = """\
def call(String image = 'quay.io/acme/default:1') {
  docker.image('quay.io/acme/web:1').inside { sh 'make' }
  agent { docker { image "quay.io/acme/two:1" } }
}
"""
PRE_COMMIT = """\
repos:
- repo: local
  hooks:
  - id: lint
    language: docker_image
    entry: quay.io/acme/web:1 --fix
  - id: check
    language: docker_image
    entry: "--entrypoint /x quay.io/acme/two:1"
  - {id: own, language: docker, entry: x}
"""
KO = """\
defaultBaseImage: quay.io/acme/web:1
baseImageOverrides:
  github.com/acme/app: "quay.io/acme/two:1"
"""
