"""Texts of the formats that software is built and run with: Compose, pipelines, workflows, devfiles, catalogs."""

from __future__ import annotations

COMPOSE = """\
# a project
x-base: &base
  image: quay.io/acme/base:1   # carried by an anchor
  volumes:
  - {type: image, source: "acme/data:2", target: /data}
services:
  web:
    <<: *base
    image: "quay.io/acme/web:1"
  worker:
    <<: [*base]
  cache: {image: 'redis:${REDIS:-7}', ports: ["80:80"]}
  whole:
    image: ${IMAGE:-quay.io/acme/web:1}
  mirror:
    image: "${REGISTRY:-docker.io}/acme/mirror:1"
  nested:
    image: ${A:-${B:-quay.io/acme/nested}}
  part:
    image: postgres:1${MINOR-4}
  built:
    image: acme/built:1
    build:
      context: .
      additional_contexts:
        base: docker-image://alpine:3
  listed:
    build:
      additional_contexts:
      - base=docker-image://alpine:${VERSION:-4}
"""
DOCKERFILE = """\
# syntax=docker/dockerfile:1.7
# escape=\\

ARG VERSION=3.12
ARG BASE="quay.io/acme/web:1"
ARG GO=1.22
ARG GOLANG=golang:${GO}
FROM --platform=$BUILDPLATFORM python:${VERSION} AS one
FROM ${BASE} AS two
FROM $GOLANG AS three
FROM ${OTHER:-quay.io/acme/other:1}
FROM quay.io/acme/con\\
tinued:1
COPY --from=one /a /b
COPY --chown=1:1 --from=nginx:1.25 /a \\
  /b
RUN --mount=type=bind,from=rust:1.70,target=/x true
ONBUILD COPY --from=quay.io/acme/trigger:1 /a /b
RUN <<EOF
FROM not/this:1
EOF
"""
DEVFILE_1 = """\
apiVersion: 1.0.0
metadata:
  generateName: web-
components:
  - type: dockerimage
    image: >-
      quay.io/acme/web:1
  - type: kubernetes
    referenceContent: |
        kind: List
        items:
        -
          apiVersion: v1
          kind: Pod
          spec:
            containers:
             - {image: 'quay.io/acme/inner:1'}
  - type: openshift
    referenceContent: "kind: List\\nitems:\\n- kind: Pod\\n  spec: {containers: [{image: quay.io/acme/flow:1}]}\\n"
"""
DEVFILE_2 = """\
schemaVersion: 2.2.0
metadata: {name: web}
parent:
  id: java
  components:
  - name: over
    container: {image: quay.io/acme/over:1}
components:
- name: tools
  container:
    image: "quay.io/acme/web:1"
- name: built
  image: {imageName: acme/built:1, dockerfile: {uri: Dockerfile}}
- name: deployed
  kubernetes:
    inlined: |
      apiVersion: apps/v1
      kind: Deployment
      spec:
        template:
          spec:
            containers:
            - image: quay.io/acme/deployed:1
      ---
      apiVersion: v1
      kind: Pod
      spec:
        containers:
        - image: quay.io/acme/second:1
---
apiVersion: workspace.devfile.io/v1alpha2
kind: DevWorkspace
spec:
  template:
    components:
    - name: tools
      container: {image: quay.io/acme/workspace:1}
"""
CHE_PLUGIN = """\
apiVersion: v2
publisher: acme
type: Che Plugin
spec:
  initContainers:
  - image: quay.io/acme/first:1
  containers:
  - name: web
    image: "quay.io/acme/web:1"
---
version: 1.0.0
editors:
- id: acme/editor/1
  containers:
  - image: quay.io/acme/editor:1
plugins:
- repository: {url: https://example.org}
  sidecar: {image: quay.io/acme/sidecar:1}
"""
GITHUB = """\
name: build
on: [push]
jobs:
  one:
    runs-on: ubuntu-latest
    container: quay.io/acme/web:1
    services:
      db: {image: 'postgres:15'}
    steps:
    - uses: actions/checkout@v4
    - uses: docker://alpine:3.8
  two:
    container:
      image: ${{ matrix.image }}
"""
GITHUB_ACTION = """\
name: lint
description: lints
runs:
  using: docker
  image: "docker://quay.io/acme/web:1"
"""
CIRCLECI = """\
version: 2.1
executors:
  node:
    docker:
    - image: &node "cimg/node:20.1"
jobs:
  build:
    docker:
    - image: quay.io/acme/web:1
      environment: {IMAGE: not/this:1}
    - {image: 'postgres:15'}
    steps: [checkout]
  more:
    docker: [{image: *node}, {image: << parameters.image >>}]
  vm:
    machine: {image: ubuntu-2204:2024.01.1}
"""
GITLAB = """\
default:
  image: quay.io/acme/web:1
.hidden: &hidden
  image: {name: 'alpine:3', entrypoint: [""]}
  services:
  - postgres:15
  - name: redis:7
    alias: cache
test:
  <<: *hidden
  script:
  - !reference [.hidden, script]
build:
  image: $CI_REGISTRY_IMAGE/build
  script: make
"""
TEKTON = """\
apiVersion: tekton.dev/v1
kind: Task
spec:
  params:
  - {name: builder, default: quay.io/acme/builder:1}
  stepTemplate: {image: "quay.io/acme/template:1"}
  sidecars:
  - image: docker:dind
  steps:
  - image: quay.io/acme/web:1
  - image: $(params.builder)
  - image: $(params["builder"])
  - image: $(params.unknown)
---
apiVersion: tekton.dev/v1
kind: PipelineRun
spec:
  pipelineRef:
    resolver: bundles
    params:
    - {name: bundle, value: quay.io/acme/bundle:1}
    - {name: name, value: build}
"""
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
spec:
  workflowSpec:
    arguments:
      parameters:
      - {name: image, value: quay.io/acme/parameter:1}
    templates:
    - container: {image: quay.io/acme/web:1}
      sidecars: [{image: docker:dind}]
      initContainers:
      - image: 'busybox:1'
    - script:
        image: "python:3"
    - containerSet:
        containers:
        - image: quay.io/acme/set:1
    - container: {image: "{{workflow.parameters.image}}"}
    - resource:
        manifest: |
          kind: Pod
          spec:
            containers:
            - image: quay.io/acme/manifest:1
"""
CUSTOM = """\
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
spec:
  image: quay.io/acme/web:1
  containers:
  - image: quay.io/acme/proxy:1
---
apiVersion: v1
kind: List
items:
- apiVersion: kafka.strimzi.io/v1beta2
  kind: Kafka
  spec: {kafka: {image: "quay.io/acme/kafka:1"}}
- apiVersion: image.openshift.io/v1
  kind: ImageStream
  spec:
    tags:
    - from: {kind: DockerImage, name: 'quay.io/acme/stream:1'}
    - from: {kind: ImageStreamTag, name: other:1}
---
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataVolume
spec: {source: {registry: {url: "docker://quay.io/acme/disk:1"}}}
"""
OLM_CATALOG = """\
---
schema: olm.bundle
image: quay.io/acme/bundle:1
properties:
- type: olm.csv.metadata
  value: {annotations: {containerImage: "quay.io/acme/operator:1"}}
relatedImages:
- {name: web, image: 'quay.io/acme/web:1'}
---
apiVersion: operators.coreos.com/v1alpha1
kind: CatalogSource
spec:
  image: quay.io/acme/catalog:1
---
apiVersion: operators.coreos.com/v1alpha1
kind: Subscription
spec:
  config:
    env:
    - {name: RELATED_IMAGE_web, value: quay.io/acme/web:1}
"""
