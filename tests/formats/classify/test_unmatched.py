"""Nothing that looks like an image is lost silently: what no format takes is told with its line and a reason."""

from __future__ import annotations

import pytest

from formats.reading import reasons, references
from imagelock.formats.classify.unmatched import ARGUMENT, NAMED, UNMATCHED, VARIABLE
from imagelock.formats.scan import UNKNOWN, find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place, Skipped
from imagelock.model.rule import ScanRule

POD = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: quay.io/acme/app:1\n"
MAP = "apiVersion: v1\nkind: ConfigMap\ndata:\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"{POD}    args: [--reloader-image=quay.io/acme/x:2]\n", ARGUMENT),
        (f"{POD}    args:\n    - --config-reloader-image=quay.io/acme/x:2\n", ARGUMENT),
        (f"{POD}    args:\n    - -sidecarImage=quay.io/acme/x:2\n", ARGUMENT),
        (f"{POD}    args:\n    - --config-reloader=quay.io/acme/x:2\n", ARGUMENT),
        (f"{POD}    env:\n    - name: SIDECAR_IMAGE\n      value: quay.io/acme/x:2\n", VARIABLE),
        (f"{POD}    env:\n    - {{name: sidecarImage, value: 'quay.io/acme/x:2'}}\n", VARIABLE),
        (f"{POD}    env:\n    - name: OTHER\n      value: quay.io/acme/x:2\n", VARIABLE),
        (f"{MAP}  BASE_IMAGE: quay.io/acme/x:2\n", NAMED),
        (f"{MAP}  baseImage: quay.io/acme/x:2\n", NAMED),
        (f"{MAP}  base-image: quay.io/acme/x:2\n", NAMED),
        (f"{MAP}  image: acme/x\n".replace("acme/x", "quay.io/acme/x:2"), UNMATCHED),
        (
            "apiVersion: acme.io/v1\nkind: Widget\nspec:\n  containers: []\n  agentImage: quay.io/acme/x:2\n",
            NAMED,
        ),
        ("images:\n- imagename: quay.io/acme/x:2\n", NAMED),
        ("tools:\n- imagename: quay.io/acme/x:2\n", "no format knows this place"),
        ('{"containers": 1, "tool": {"dockerImage": "quay.io/acme/x:2"}}', NAMED),
        ('{"containers": 1, "args": ["--image=quay.io/acme/x:2"]}', ARGUMENT),
        ('{"containers": 1, "tool": {"image": "quay.io/acme/x:2"}}', UNKNOWN),
    ],
)
def test_what_says_image_and_is_one_is_told(content: str, reason: str) -> None:
    assert reasons(content, "a.yaml") == {"quay.io/acme/x:2": reason}
    (skipped,) = [item for item in find(Text("a.yaml", content)) if isinstance(item, Skipped)]
    assert "quay.io/acme/x:2" in content.split("\n")[skipped.line - 1]


@pytest.mark.parametrize(
    "content",
    [
        f"{MAP}  backgroundImage: img/back.png\n",
        f"{MAP}  baseImage: alpine\n",
        f"{MAP}  baseImage: https://x.example/a:1\n",
        f"{POD}    args: [--image-pull-timeout=5m, --image=app, image]\n",
        f"{POD}    env:\n    - name: IMAGE_PULL_POLICY\n      value: Always\n",
        f"{POD}    env:\n    - name: OTHER\n      value: acme/x:2\n",
        f"{POD}    args: [--listen=0.0.0.0:8080, --upstream=http://x.example/a:1, --zone=a.b/c]\n",
        '{"containers": 1, "image": {"width": 10}, "coverImage": "a.png"}',
    ],
)
def test_what_only_says_image_is_not_told(content: str) -> None:
    assert reasons(content, "a.yaml") == {}


def test_what_a_rule_takes_is_not_told_as_well() -> None:
    text = Text("a.yaml", f"{POD}    args: [--reloader-image=quay.io/acme/x:2]\n")
    image = r"--reloader-image=(?P<image>[^\s\]]+)"
    for rule in (ScanRule(regex=image), ScanRule(kind="Pod", path="spec.containers[].args[]", regex=image)):
        found = find(text, None, [rule])
        assert [str(item.reference) for item in found if isinstance(item, Place)] == [
            "quay.io/acme/app:1",
            "quay.io/acme/x:2",
        ]
        assert not any(isinstance(item, Skipped) for item in found)


def test_objects_that_a_config_map_holds_as_text_are_read() -> None:
    inner = POD.replace("\n", "\n    ").rstrip(" ")
    content = f"{MAP}  pod.yaml: |\n    {inner}  other: |\n    image: quay.io/acme/other:1\n"
    assert references(content, "a.yaml") == ["quay.io/acme/app:1"]
    assert reasons(content, "a.yaml") == {"quay.io/acme/other:1": "inside a text"}


@pytest.mark.parametrize("suffix", ["j2", "tmpl", "in", "example", "erb", "TEMPLATE"])
def test_templates_of_documents_are_read_as_far_as_they_are_documents(suffix: str) -> None:
    assert references(POD, f"pod.yaml.{suffix}") == ["quay.io/acme/app:1"]
    content = f"{{% if x %}}\n{POD}{{% endif %}}\n"
    assert references(content, f"pod.yml.{suffix}") == ["quay.io/acme/app:1"]
    broken = f"{{% if x %}}\n{POD}{{% endif %}}\n  ]: [\n"
    assert reasons(broken, f"pod.yml.{suffix}") == {"quay.io/acme/app:1": "a template of another tool"}


def test_a_broken_file_without_any_image_is_no_concern() -> None:
    assert find(Text("tsconfig.json", '{ // why\n  "services": 1, "jobs": 2 }')) != []
    assert find(Text("tsconfig.json", '{ // why\n  "schemaVersion": 1, "jobs": 2 }')) == []
