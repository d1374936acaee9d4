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

CHART = """\
apiVersion: v2
name: web
version: 0.1.0
appVersion: "1.27"
annotations:
  artifacthub.io/images: |
    - name: web
      image: quay.io/acme/web:1
      whitelisted: true   # kept
    - {name: side, image: "acme/side:2"}
  helm.sh/images: '[{"image": "acme/json:1"}]'
  images: |-
    - acme/plain:3
  other: "image: acme/not:1"
"""

TEMPLATE = """\
{{- /* image: acme/comment:1
image: acme/comment:2 */ -}}
{{- if .Values.enabled }}
apiVersion: v1
kind: Pod
spec:
  initContainers:
    - name: init
      image: quay.io/acme/web:1   # literal
    - image: "acme/quoted:1"
  containers:
    - name: app
      image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
    # - image: acme/off:1
    - image: 'acme/single:1'
      env:
        - name: RELATED_IMAGE_proxy
          value: acme/proxy:1
        - name: OTHER
          value: acme/other:1
  {{- with .Values.more }}
    - image: localhost:5000/more
  {{- end }}
---
data:
  text: |
    image: acme/text:1
    {{ .Values.x }}
  long: "a text
    image: acme/quoted-text:1
    ends"
  last: x
{{- end }}
"""

KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../base]
images:
  - name: nginx
    newTag: 1.27.0
  - name: app   # renamed
    newName: quay.io/acme/web
    newTag: "1"
  - {name: keyed, newName: acme/keyed, newTag: v1, digest: ""}
  - name: renamed
    newName: acme/renamed
patches:
  - target: {kind: Deployment}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/image
        value: acme/patched:1
      - op: add
        path: /spec/template/spec/containers/-
        value: {name: x, image: acme/added:1}
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: x}
      spec: {template: {spec: {containers: [{name: x, image: acme/merged:1}]}}}
helmCharts:
  - name: web
    valuesInline:
      image: {repository: acme/inline, tag: '1'}
"""

FLUX = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web}
spec:
  chart: {spec: {chart: web, version: 1.x}}
  values:
    image:
      repository: acme/web
      tag: v1
    sidecars: |
      - image: acme/side:1
  postRenderers:
    - kustomize:
        images:
          - {name: acme/web, newTag: v2}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: manifests}
spec:
  url: oci://ghcr.io/acme/manifests
  ref:
    tag: "1.2"
    digest: ""
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec:
  path: ./apps
  images:
    - name: app
      newName: quay.io/acme/web
      newTag: "1"
"""

ARGOCD = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
  sources:
    - repoURL: https://git.example/charts
      path: web
      helm:
        parameters:
          - {name: image.repository, value: acme/web}
          - name: image.tag
            value: "1.2"
          - name: sidecar.image
            value: acme/side:1
        values: |
          image:
            repository: acme/values   # in a text
            tag: v1
            digest: ""
          init: {image: "acme/init:1"}
        valuesObject:
          image: {registry: quay.io, repository: acme/object, tag: '3'}
    - repoURL: https://git.example/kustomize
      path: app
      kustomize:
        images:
          - acme/plain:1
          - old=quay.io/acme/web:1
          - acme/untagged
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all}
spec:
  generators: [{list: {elements: [{cluster: a}]}}]
  template:
    spec:
      source:
        repoURL: https://git.example/charts
        helm:
          values: "image: {repository: acme/set, tag: v1}\\nname: '{{cluster}}'\\n"
"""
