"""A generated tree of the files that product repositories hold, the same for the same seed.

    python benchmarks/tree.py DIR [MEGABYTES]

Most of it is block-style YAML by hand and by tools (workloads, services, CustomResourceDefinitions with
long descriptions, ConfigMaps with text that looks like manifests), the rest JSON, Helm templates, CI files,
Dockerfiles, lists and prose.  `TRUTH` counts what a scan must find.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER_FILES = 100
IMAGES = 600
"""Distinct references: a large product's, each used in many places."""

_WORDS = [
    "the",
    "operator",
    "reconciles",
    "every",
    "object",
    "that",
    "names",
    "an",
    "image",
    "and",
    "reports",
    "what",
    "it",
    "changed",
    "to",
    "the",
    "status",
    "of",
    "its",
    "owner",
    "so",
    "that",
    "a",
    "user",
    "sees",
    "which",
    "container",
    "runs",
    "where",
    "and",
    "why",
    "it",
    "was",
    "started",
    "again",
    "after",
    "a",
    "failure",
]


class Tree:
    """Writes files until a size is reached, and counts the references a scan must find."""

    def __init__(self, directory: Path, seed: int = 7) -> None:
        self.directory = directory
        self.random = random.Random(seed)
        self.files = 0
        self.bytes = 0
        self.references = 0
        self.images = [self._image() for _ in range(IMAGES)]

    def write(self, megabytes: float) -> None:
        """Write files of every kind, about ``megabytes`` in all."""
        kinds: list[tuple[Callable[[], tuple[str, str]], int]] = [
            (self.workload, 20),
            (self.definition, 20),
            (self.config_map, 18),
            (self.roles, 18),
            (self.json_list, 2),
            (self.helm_template, 6),
            (self.dockerfile, 4),
            (self.prose, 12),
        ]
        makers = [maker for maker, _ in kinds]
        weights = [weight for _, weight in kinds]
        while self.bytes < megabytes * 1_000_000:
            name, content = self.random.choices(makers, weights)[0]()
            folder = self.directory / f"part-{self.files // FOLDER_FILES:04}"
            folder.mkdir(parents=True, exist_ok=True)
            data = content.encode()
            (folder / name.replace("*", f"{self.files:06}")).write_bytes(data)
            self.files += 1
            self.bytes += len(data)

    def image(self) -> str:
        """Return one of the product's references and count it."""
        self.references += 1
        return self.random.choice(self.images)

    def _image(self) -> str:
        """Return a made-up reference."""
        host = self.random.choice(("quay.io", "ghcr.io", "docker.io", "registry.example.com:5000"))
        return f"{host}/team-{self.random.randrange(40)}/app-{self.random.randrange(400)}:{self.tag()}"

    def tag(self) -> str:
        """Return a tag."""
        return f"{self.random.randrange(9)}.{self.random.randrange(30)}.{self.random.randrange(9)}"

    def text(self, words: int) -> str:
        """Return prose."""
        return " ".join(self.random.choices(_WORDS, k=words))

    def container(self, indent: int) -> str:
        """Return one item of a list of containers."""
        pad = " " * indent
        quote = self.random.choice(("", "", "", '"', "'"))
        env = "".join(
            f"{pad}    - name: SETTING_{i}\n{pad}      value: {json.dumps(self.text(3))}\n"
            for i in range(self.random.randrange(12))
        )
        return (
            f"{pad}- name: c{self.random.randrange(1000)}\n"
            f"{pad}  image: {quote}{self.image()}{quote}\n"
            f"{pad}  imagePullPolicy: IfNotPresent\n"
            f"{pad}  command: [/manager, --leader-elect]\n"
            + (f"{pad}  env:\n{env}" if env else "")
            + f"{pad}  resources:\n{pad}    limits: {{cpu: 500m, memory: 2Gi}}\n"
            f"{pad}  livenessProbe:\n{pad}    httpGet:\n{pad}      path: /healthz\n{pad}      port: 6789\n"
        )

    def workload(self) -> tuple[str, str]:
        """Return a Deployment with its Service, several containers."""
        name = f"app-{self.files}"
        containers = "".join(self.container(6) for _ in range(self.random.randrange(1, 5)))
        return (
            "workload-*.yaml",
            (
                f"# {self.text(12)}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n"
                f"  labels: {{app: {name}}}\n  annotations:\n    description: {self.text(10)}\n"
                f"spec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n"
                f"    metadata:\n      labels:\n        app: {name}\n    spec:\n      containers:\n{containers}"
                "      serviceAccountName: default\n"
                f"---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  ports:\n"
                f"  - port: 443\n    targetPort: 9443\n  selector:\n    app: {name}\n"
            ),
        )

    def definition(self) -> tuple[str, str]:
        """Return a CustomResourceDefinition: keys named image that are none, descriptions that mention images."""
        fields = "".join(self.schema_field(i) for i in range(self.random.randrange(20, 80)))
        return (
            "crd-*.yaml",
            (
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n"
                f"  name: things{self.files}.example.com\nspec:\n  group: example.com\n  versions:\n  - name: v1\n"
                "    schema:\n      openAPIV3Schema:\n        properties:\n          spec:\n            properties:\n"
                f"{fields}            type: object\n        type: object\n    served: true\n"
            ),
        )

    def schema_field(self, index: int) -> str:
        """Return one field of a schema; one in twelve describes itself with what looks like a manifest."""
        pad = " " * 14
        name = self.random.choice(("image", "containers", "tag", "replicas", "template", "status"))
        if self.random.randrange(12) == 0:
            bait = f"{pad}    image: quay.io/not/an-image:{index}\n{pad}    {self.text(20)}\n"
            return f"{pad}{name}{index}:\n{pad}  description: |-\n{pad}    {self.text(30)}\n{bait}{pad}  type: string\n"
        quoted = f"'{self.text(14)}\n\n{pad}    image: {self.text(5)}'" if index % 9 == 0 else self.text(24)
        return f"{pad}{name}:\n{pad}  description: {quoted}\n{pad}  type: string\n"

    def config_map(self) -> tuple[str, str]:
        """Return a ConfigMap whose text looks like a manifest."""
        return (
            "configmap-*.yaml",
            f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm-{self.files}\ndata:\n"
            + "".join(f"  key-{i}: {self.text(12)}\n" for i in range(self.random.randrange(20, 60)))
            + "  notes.txt: |\n    spec:\n      containers:\n      - name: x\n"
            f"        image is described in {self.text(4)}\n",
        )

    def roles(self) -> tuple[str, str]:
        """Return roles: no image anywhere."""
        rules = "".join(
            f"- apiGroups:\n  - apps\n  resources:\n  - deployments\n  - {self.random.choice(_WORDS)}\n"
            "  verbs:\n  - get\n  - list\n  - watch\n  - update\n"
            for _ in range(self.random.randrange(10, 60))
        )
        head = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n"
        return ("role-*.yaml", f"{head}  name: role-{self.files}\nrules:\n{rules}")

    def json_list(self) -> tuple[str, str]:
        """Return what `kubectl get -o json` prints."""
        items = [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"p{i}", "annotations": {"text": self.text(20)}},
                "spec": {"containers": [{"name": "c", "image": self.image(), "args": [self.text(5)]}]},
            }
            for i in range(self.random.randrange(3, 20))
        ]
        return ("list-*.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=4))

    def helm_template(self) -> tuple[str, str]:
        """Return a chart's template: no reference before it is rendered."""
        return (
            "template-*.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  template:\n"
            "    spec:\n      {{- with .Values.pod }}\n      containers:\n      - name: x\n"
            '        image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"\n      {{- end }}\n'
            + "".join(f"      # {self.text(12)}\n" for _ in range(20)),
        )

    def dockerfile(self) -> tuple[str, str]:
        """Return a Dockerfile of two stages."""
        return (
            "Dockerfile.*",
            f"FROM {self.image()} AS build\nRUN make \\\n    all\n"
            + "".join(f"# {self.text(10)}\nRUN echo {i}\n" for i in range(20))
            + f"FROM {self.image()}\nCOPY --from=build /app /app\n",
        )

    def prose(self) -> tuple[str, str]:
        """Return a page of documentation."""
        return ("README-*.md", "\n\n".join(self.text(60) for _ in range(self.random.randrange(5, 20))) + "\n")


def main() -> None:
    """Write a tree and say what is in it."""
    tree = Tree(Path(sys.argv[1]))
    tree.write(float(sys.argv[2]) if len(sys.argv) > 2 else 100)
    print(f"{tree.files} files, {tree.bytes / 1e6:.0f} MB, {tree.references} references")


if __name__ == "__main__":
    main()
