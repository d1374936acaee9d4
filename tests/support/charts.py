"""Small charts for tracing, one for each way in which charts put an image together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_POD = """apiVersion: v1
kind: Pod
metadata:
  name: {{{{ .Release.Name }}}}
  labels:
    app.kubernetes.io/version: {{{{ .Chart.AppVersion | quote }}}}
{labels}spec:
  containers:
    - name: main
      image: {image}
"""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One chart: its values, its image line, and what tracing must find."""

    values: str
    image: str
    rendered: tuple[str, ...]
    edit: tuple[str, str] | None
    reason: str = ""
    labels: str = ""
    more: dict[str, str] = field(default_factory=dict)


def write_chart(folder: Path, shape: Shape, app_version: str = "v2.20.0") -> None:
    """Write a chart to a folder."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(
        f"apiVersion: v2\nname: {folder.name}\nversion: 1.0.0\nappVersion: {app_version}\n"
    )
    (folder / "values.yaml").write_text(shape.values)
    (folder / "templates" / "pod.yaml").write_text(_POD.format(image=shape.image, labels=shape.labels))
    for name, content in shape.more.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


_IMAGE = '"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"'
_DIGEST = (
    '"{{ .Values.image.repository }}:{{ .Values.image.tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}"'
)
_SUB = "apiVersion: v2\nname: {name}\nversion: 1.0.0\nappVersion: 1.0.0\n"
_PARENT = "apiVersion: v2\nname: parent\nversion: 1.0.0\nappVersion: v2.20.0\n"

SHAPES = {
    "digest-key": Shape(
        values='image:\n  repository: quay.io/a/web\n  tag: "1.2"\n  digest: ""\n',
        image=_DIGEST,
        rendered=("quay.io/a/web:1.2",),
        edit=("digest", "image.digest"),
    ),
    "digest-key-without-algorithm": Shape(
        values='image:\n  repository: quay.io/a/web\n  tag: "1.2"\n  sha: ""\n',
        image='"{{ .Values.image.repository }}:{{ .Values.image.tag }}{{ with .Values.image.sha }}@sha256:{{ . }}{{ end }}"',
        rendered=("quay.io/a/web:1.2",),
        edit=("hex", "image.sha"),
    ),
    "digest-key-that-is-ignored": Shape(
        values='image:\n  repository: quay.io/a/web\n  tag: "1.2"\n  digest: ""\n',
        image=_IMAGE,
        rendered=("quay.io/a/web:1.2",),
        edit=("tag", "image.tag"),
    ),
    "digest-in-place-of-the-tag": Shape(
        values='image:\n  repository: quay.io/a/web\n  tag: "1.2"\n  digest: ""\n',
        image='"{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}"',
        rendered=("quay.io/a/web:1.2",),
        edit=("digest", "image.digest"),
    ),
    "empty-tag": Shape(
        values='image:\n  repository: quay.io/a/web\n  tag: ""\n',
        image=_IMAGE,
        rendered=("quay.io/a/web:v2.20.0",),
        edit=("empty-tag", "image.tag"),
    ),
    "nothing-behind-the-tag": Shape(
        values="image:\n  repository: quay.io/a/web\n  tag:\n",
        image=_IMAGE,
        rendered=("quay.io/a/web:v2.20.0",),
        edit=("empty-tag", "image.tag"),
    ),
    "null-tag": Shape(
        values="image:\n  repository: quay.io/a/web\n  tag: null  # the appVersion\n",
        image=_IMAGE,
        rendered=("quay.io/a/web:v2.20.0",),
        edit=("empty-tag", "image.tag"),
    ),
    "tag-with-a-prefix": Shape(
        values="image:\n  repository: quay.io/a/web\n  tag: 2.20.0\n",
        image='"{{ .Values.image.repository }}:v{{ .Values.image.tag }}"',
        rendered=("quay.io/a/web:v2.20.0",),
        edit=("tag", "image.tag"),
    ),
    "number-as-tag": Shape(
        values="replicas: 1\nimage:\n  repository: quay.io/a/web\n  tag: 1.25\n",
        image='"{{ .Values.image.repository }}:{{ .Values.image.tag }}"',
        rendered=("quay.io/a/web:1.25",),
        edit=("tag", "image.tag"),
    ),
    "number-that-loses-a-zero": Shape(
        values="image:\n  repository: quay.io/a/web\n  tag: 1.20\n",
        image='"{{ .Values.image.repository }}:{{ .Values.image.tag }}"',
        rendered=("quay.io/a/web:1.2",),
        edit=None,
        reason="no value ends where the image ends",
    ),
    "three-keys-joined": Shape(
        values="image:\n  registry: quay.io\n  organization: a\n  name: web\n  version: 1.2.3\n",
        image='"{{ with .Values.image }}{{ .registry }}/{{ .organization }}/{{ .name }}:{{ .version }}{{ end }}"',
        rendered=("quay.io/a/web:1.2.3",),
        edit=("tag", "image.version"),
    ),
    "hub": Shape(
        values="global:\n  hub: quay.io/a\n  tag: 1.2.3\npilot:\n  image: pilot\n",
        image='"{{ .Values.global.hub }}/{{ .Values.pilot.image }}:{{ .Values.global.tag }}"',
        rendered=("quay.io/a/pilot:1.2.3",),
        edit=("tag", "global.tag"),
    ),
    "tpl": Shape(
        values='registry: quay.io\nimage: "{{ .Values.registry }}/a/web:1.2"\n',
        image='"{{ tpl .Values.image . }}"',
        rendered=("quay.io/a/web:1.2",),
        edit=("image", "image"),
    ),
    "one-leaf": Shape(
        values="image: quay.io/a/web:1.2\n",
        image="{{ .Values.image }}",
        rendered=("quay.io/a/web:1.2",),
        edit=("image", "image"),
    ),
    "leaf-is-a-label-too": Shape(
        values="image:\n  repository: quay.io/a/web\n  tag: 1.2.3\n",
        image='"{{ .Values.image.repository }}:{{ .Values.image.tag }}"',
        labels="    version: {{ .Values.image.tag | quote }}\n",
        rendered=("quay.io/a/web:1.2.3",),
        edit=None,
        reason="the digest gets into Pod imagelock metadata.labels.version",
    ),
    "label-without-the-digest": Shape(
        values='image:\n  repository: quay.io/a/web\n  tag: 1.2.3\n  digest: ""\n',
        image=_DIGEST,
        labels="    version: {{ .Values.image.tag | quote }}\n",
        rendered=("quay.io/a/web:1.2.3",),
        edit=("digest", "image.digest"),
    ),
    "one-tag-for-two-images": Shape(
        values="tag: 1.2.3\nweb: quay.io/a/web\njob: quay.io/a/job\n",
        image='"{{ .Values.web }}:{{ .Values.tag }}"',
        more={
            "templates/job.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: job\nspec:\n  containers:\n"
            '    - name: job\n      image: "{{ .Values.job }}:{{ .Values.tag }}"\n'
        },
        rendered=("quay.io/a/job:1.2.3", "quay.io/a/web:1.2.3"),
        edit=None,
        reason="several images are built from these characters, and their digests differ",
    ),
    "only-app-version": Shape(
        values="image:\n  repository: quay.io/a/web\n",
        image='"{{ .Values.image.repository }}:{{ .Chart.AppVersion }}"',
        rendered=("quay.io/a/web:v2.20.0",),
        edit=None,
        reason="its tag is the chart's appVersion",
    ),
    "literal-in-a-template": Shape(
        values="a: b\n",
        image="quay.io/a/web:1.2",
        rendered=("quay.io/a/web:1.2",),
        edit=None,
        reason="only a line of a template names it",
    ),
    "compared-version": Shape(
        values='image:\n  repository: quay.io/a/web\n  tag: 1.2.3\n  digest: ""\n',
        image=_DIGEST,
        labels='    {{- if semverCompare ">=1.0.0" .Values.image.tag }}\n    modern: "true"\n    {{- end }}\n',
        rendered=("quay.io/a/web:1.2.3",),
        edit=("digest", "image.digest"),
    ),
    "required": Shape(
        values="image:\n  repository: quay.io/a/web\n  tag: 1.2.3\n",
        image='"{{ required "name one" .Values.image.repository }}:{{ .Values.image.tag }}"',
        rendered=("quay.io/a/web:1.2.3",),
        edit=("tag", "image.tag"),
    ),
    "schema": Shape(
        values="mode: web\nimage:\n  repository: quay.io/a/web\n  tag: 1.2.3\n",
        image='"{{ .Values.image.repository }}:{{ .Values.image.tag }}"',
        more={
            "values.schema.json": '{"type": "object", "properties": {"mode": {"enum": ["web"]}, "image": '
            '{"type": "object", "properties": {"repository": {"type": "string"}, "tag": {"type": "string"}}}}}'
        },
        rendered=("quay.io/a/web:1.2.3",),
        edit=("tag", "image.tag"),
    ),
    "random-output": Shape(
        values="image:\n  repository: quay.io/a/web\n  tag: 1.2.3\n",
        image='"{{ .Values.image.repository }}:{{ .Values.image.tag }}"',
        labels='    random: {{ randAlphaNum 12 | quote }}\n    clock: {{ now | date "150405" | quote }}\n',
        rendered=("quay.io/a/web:1.2.3",),
        edit=("tag", "image.tag"),
    ),
    "checksum": Shape(
        values="image:\n  repository: quay.io/a/web\n  tag: 1.2.3\n",
        image='"{{ .Values.image.repository }}:{{ .Values.image.tag }}"',
        labels="  annotations:\n    checksum/values: {{ toYaml .Values | sha256sum }}\n",
        rendered=("quay.io/a/web:1.2.3",),
        edit=("tag", "image.tag"),
    ),
    "registry-that-is-checked": Shape(
        values="global:\n  security:\n    allowInsecureImages: false\nimage:\n  registry: quay.io\n  repository: a/web\n"
        "  tag: 1.2.3\n",
        image='"{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}"'
        '{{ if and (ne .Values.image.registry "quay.io") (not .Values.global.security.allowInsecureImages) }}'
        '{{ fail "unrecognized images" }}{{ end }}',
        rendered=("quay.io/a/web:1.2.3",),
        edit=("tag", "image.tag"),
    ),
    "variable-with-the-image": Shape(
        values="image: quay.io/a/web:1.2\n",
        image="{{ .Values.image }}\n      args: ['--sidecar={{ .Values.image }}']",
        rendered=("quay.io/a/web:1.2",),
        edit=("image", "image"),
    ),
}
