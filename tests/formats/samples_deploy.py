"""Texts of the formats that deployments are written in: Helm, Kustomize, Flux, Argo CD."""

from __future__ import annotations

VALUES = """\
# values of a chart
global:
  imageRegistry: ""
image:
  repository: quay.io/acme/web   # the name
  tag: 1.20                      # a number to YAML
  pullPolicy: Always
flow: {image: {registry: quay.io, repository: acme/flow, tag: "v1"}, ports: [80, 443]}
keyed:
  image:
    repository: 'acme/keyed'
    tag: v1
    digest: ""
whole:
  image: &whole quay.io/acme/web:1
again:
  image: *whole
sidecarImage: "acme/side\\x63ar"
sidecarImageTag: 017
base: &base
  repository: acme/base
  tag: '1'
next:
  <<: *base
  tag: !!str 2
extraContainers: |
  - name: logger
    image: acme/logger:1   # in a text
  - name: other
    image: {repository: acme/other, tag: '7'}
nested: |
  inner: |
    image:
      repository: acme/deep
      tag: ""
      digest: ""
  more:
    - image: "acme/more:1"
extraInit: |
  - image: acme/init:1

  - image: >-
      acme/last:1
images:
  tags:
    keystone: docker.io/os/keystone:stein
"""
