"""Reading without a parser gives what the parser gives, or leaves the document to it."""

from __future__ import annotations

import random
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from imagelock.errors import FormatError
from imagelock.formats import scan as formats
from imagelock.formats.fast.yaml_objects import quick
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.model.place import Place

if TYPE_CHECKING:
    from imagelock.model.place import Found

WORKLOAD = """\
# quay.io/acme/not: an image
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  annotations:
    text: |
      spec:
        containers:
        - image: quay.io/text/inside:1
    note: "a quote over
      lines image: quay.io/text/quoted:2
      and its end"
spec:
  template:
    spec:
      initContainers:
      - name: migrate
        image: quay.io/acme/migrate:2.3  # before every start
        env:
        - name: A
          value: "one: 'two'"
      containers:
        - image: 'quay.io/acme/shop:1.4'
          args: [--image, x]

        # image: quay.io/acme/comment:1
        - name: worker
          command:
          - /bin/sh
          -   image-puller
          image: "quay.io/acme/worker:1.4"
          imagePullPolicy: Always
"""

PIECES = (
    "      - name: x\n",
    "        image: quay.io/a/b:1\n",
    "        image: quay.io/a/c:2 # why\n",
    "      - image: quay.io/a/d:3\n",
    "      containers:\n",
    "      initContainers:\n",
    '        env:\n        - name: N\n          value: \'{"image": "quay.io/j/s:1"}\'\n',
    "        text: |\n          image: quay.io/t/x:1\n          containers:\n          - image: quay.io/t/y:2\n",
    "        text: >-\n          image: quay.io/f/x:1\n",
    '        text: "open\n          image: quay.io/q/x:1\n          close"\n',
    "        text: 'it''s\n\n          image: words and words\n          end'\n",
    "    spec:\n",
    "  template:\n",
    "  image: quay.io/top/level:1\n",
    "      volumes:\n      - image: {reference: quay.io/v/x:1}\n",
    "      - {name: y, image: quay.io/flow/x:1}\n",
    "        image:\n",
    "        image:\n          nested: quay.io/n/x:1\n",
    "        image: null\n",
    "        image: ~\n",
    "        image: UPPER/Case:1\n",
    "        image: &a quay.io/an/chor:1\n",
    "        image: *a\n",
    '        "image": quay.io/quoted/key:1\n',
    "        myimage: quay.io/my/x:1\n",
    "      # - image: quay.io/c/x:1\n",
    "\n",
    "        image: quay.io/multi/line:1\n          more\n",
    "        args: [\n          image: quay.io/seq/x:1 ]\n",
    "      - - image: quay.io/double/dash:1\n",
    '        image: "quay.io/esc\\x61ped/x:1"\n',
    "        image: ${TAG}\n",
    "        image: '{{ .Values.x }}'\n",
    "      -   name: wide\n          image: quay.io/wide/x:1\n",
    "      - ? image\n        : quay.io/complex/x:1\n",
    "        ports: [1, 2]\n",
    "        extra: {x: {y: 1},\n          image: quay.io/open/flow:1}\n",
    "        extra: [{x: [1]},\n          {image: quay.io/open/list:1}]\n",
    "              description: |-\n                words\n                image: quay.io/bait/x:1\n",
    "              description: >-\n                words\n                image: quay.io/bait/y:1\n",
    "              description: words image: quay.io/mid/x:1\n",
    "              description: 'words\n\n                image: quay.io/bait/z:1'\n",
    "              image: the image, of course.\n",
    "              image: word\n",
    "              default: {image: quay.io/default/x:1}\n",
    '              text: "image: quay.io/double/x:1"\n',
    '              text: "a\\n  image: quay.io/escape/x:1"\n',
    "        resources: {limits: {cpu: 1}}\n",
    "        &b image: quay.io/anchored/key:1\n",
    "        image\t: quay.io/tab/key:1\n",
    "        ?  image\n        : quay.io/far/key:1\n",
    "        image: quay.io/blank/line:1\n\n          more\n",
    "      -\n",
    "        text: 'dedented\n      - words'\n",
    '        args: ["]\n        image: quay.io/q/flow:1\n        [ "]\n',
    "        text: |-\n          image: quay.io/one/line:1\n",
    "        text: >\n          image: quay.io/hash/x:1#y\n",
)
HEADS = (
    "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n",
    "kind: Pod\napiVersion: v1\nspec:\n      containers:\n",
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  x:\n    y:\n      properties:\n",
    "apiVersion: v1\nkind: ConfigMap\ndata:\n  a:\n    b:\n      containers:\n",
)


def _parsed(text: Text, monkeypatch: pytest.MonkeyPatch) -> list[Found]:
    with monkeypatch.context() as patch:
        patch.setattr(formats, "quick", lambda _text, _chunk: None)
        return formats.find(text)


def _is_yaml(text: Text) -> bool:
    try:
        for chunk in chunks(text):
            compose(text, chunk)
    except FormatError:
        return False
    return True


def _shown(found: list[Found]) -> list[str]:
    return sorted(str(item) for item in found)


def test_a_plain_workload_is_read_without_a_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    text = Text(
        "shop.yaml",
        WORKLOAD.replace(
            '    note: "a quote over\n      lines image', '    note: "a quote over\n      lines'
        ),
    )
    found = quick(text, next(chunks(text)))
    assert found is not None
    assert [(item.path, str(item.reference)) for item in found if isinstance(item, Place)] == [
        ("spec.template.spec.initContainers[0].image", "quay.io/acme/migrate:2.3"),
        ("spec.template.spec.containers[0].image", "quay.io/acme/shop:1.4"),
        ("spec.template.spec.containers[1].image", "quay.io/acme/worker:1.4"),
    ]
    assert _shown(formats.find(text)) == _shown(_parsed(text, monkeypatch))


POD = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n"


@pytest.mark.parametrize(
    "lines",
    [
        "    image\t: quay.io/a/b:1\n",
        '    "im\\x61ge": quay.io/a/b:1\n',
        '    "im\\u0061ge": quay.io/a/b:1\n',
        "    x: &k image\n    *k : quay.io/a/b:1\n",
        "    ?  image\n    : quay.io/a/b:1\n",
        "    ? # why\n      image\n    : quay.io/a/b:1\n",
        "    &a image: quay.io/a/b:1\n",
        "    !!str image: quay.io/a/b:1\n",
        "    image: quay.io/a/b:1\n\n      more\n",
        '    args: ["]\n    image: quay.io/a/b:1\n    [ "]\n',
        '    args: {a: "}",\n    image: quay.io/a/b:1\n    }\n',
        "    args: { # }\n    image: quay.io/a/b:1\n    } # {\n",
        "    x: 'a\n  - b'\n  - image: quay.io/a/b:1\n",
        "  -\n  - image: quay.io/a/b:1\n",
        '    image: quay.io/a/c:1\n    env: [{name: "RELATED\\x5fIMAGE\\x5fX", value: quay.io/a/b:1}]\n',
        "    image: quay.io/a/c:1\n    x: >-\n      image: quay.io/a/b:1#x\n",
        "    image: quay.io/a/c:1\n    x: |-\n      image: quay.io/a/b:1\n",
    ],
)
def test_what_only_a_parser_can_tell_is_left_to_it(lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Text("a.yaml", POD + lines)
    assert quick(text, next(chunks(text))) is None
    assert _shown(formats.find(text)) == _shown(_parsed(text, monkeypatch))


@pytest.mark.parametrize("version", ["serving.acme.com/v1", "tekton.dev/v1", "v1 # why"])
def test_a_kind_of_another_group_is_left_to_the_parser(version: str) -> None:
    text = Text("a.yaml", POD.replace("v1", version) + "    image: quay.io/a/b:1\n")
    assert quick(text, next(chunks(text))) is None


@pytest.mark.parametrize("version", ["v1", "apps/v1", "batch/v1beta1", "networking.k8s.io/v1"])
def test_a_kind_of_a_built_in_group_needs_no_parser(version: str) -> None:
    text = Text("a.yaml", POD.replace("v1", version) + "    image: quay.io/a/b:1\n")
    assert quick(text, next(chunks(text))) is not None


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_long_text_in_quotes_costs_little_memory(quote: str) -> None:
    lines = f"{'a' * 4000}\n      " * 1000
    content = f"{POD}    image: quay.io/a/b:1\n    x: {quote}{lines}b{quote}\n"
    text = Text("a.yaml", content)
    tracemalloc.start()
    found = quick(text, next(chunks(text)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None
    assert peak < 8 * len(content)


def test_a_quoted_text_with_an_image_line_is_left_to_the_parser() -> None:
    text = Text("shop.yaml", WORKLOAD)
    assert quick(text, next(chunks(text))) is None


@pytest.mark.parametrize(
    "line", ["    {{ pod_labels }}\n", "    {% if x %}\n", "    <% x %>\n", "<<<<<<< a\n"]
)
def test_a_template_or_a_merge_in_conflict_is_left_to_the_parser(line: str) -> None:
    head, tail = HEADS[0].split("spec:\n", 1)
    text = Text("a.yaml", f"{head}{line}spec:\n{tail}      - image: quay.io/a/b:1\n")
    assert quick(text, next(chunks(text))) is None


@pytest.mark.parametrize("seed", range(60))
def test_documents_put_together_at_random_read_the_same_with_and_without_a_parser(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(seed)
    compared = 0
    for _ in range(60):
        pieces = source.choices(PIECES, k=source.randrange(1, 9))
        text = Text("made.yaml", source.choice(HEADS) + "".join(pieces))
        if _is_yaml(text):
            compared += 1
            assert _shown(formats.find(text)) == _shown(_parsed(text, monkeypatch)), text.content
    assert compared > 5


@pytest.mark.parametrize("seed", range(40))
def test_lines_moved_out_and_in_read_the_same_with_and_without_a_parser(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(seed)
    for _ in range(40):
        lines = WORKLOAD.splitlines(keepends=True)
        for _ in range(source.randrange(1, 4)):
            i = source.randrange(len(lines))
            shift = source.choice((-2, 2, 4))
            lines[i] = " " * shift + lines[i] if shift > 0 else lines[i].removeprefix("  ")
        text = Text("made.yaml", "".join(lines))
        if _is_yaml(text):
            assert _shown(formats.find(text)) == _shown(_parsed(text, monkeypatch)), text.content
