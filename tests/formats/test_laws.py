"""The laws every format keeps, over samples of all of them and over texts nobody would write."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formats.samples import SAMPLES
from imagelock.errors import FileError, FormatError
from imagelock.files import UTF_8, decode, encode, encoding_of
from imagelock.formats.all import DOCUMENT_FORMATS, FILE_FORMATS, LAST_FORMATS, NAMED_FORMATS, names
from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Place

if TYPE_CHECKING:
    from formats.samples import Sample
    from imagelock.formats.base import DocumentFormat, FileFormat
    from imagelock.model.reference import Reference

DIGEST = Digest.of(b"an image")
EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


def _pinnable(text: Text) -> list[Place]:
    return [item for item in find(text) if isinstance(item, Place) and item.pinnable]


def _wanted(places: list[Place]) -> list[tuple[Place, Reference]]:
    return [(place, place.reference.with_digest(DIGEST)) for place in places]


def _where(place: Place) -> tuple[str, int, int]:
    """Return where a place is; an image that is a key is part of its own path."""
    path, written = place.path, str(place.reference)
    if path.endswith(written):
        path = path.removesuffix(written) + str(place.reference.with_tag(place.reference.tag))
    return path, place.line, place.document


def _pin(text: Text) -> Text:
    return replace(text, content=fill(text, _wanted(_pinnable(text))))


def _outside(text: Text) -> str:
    """Return the text without the characters of its slots."""
    ranges = {
        (slot.span.offset(0), slot.span.offset(len(slot.span)))
        for place in _pinnable(text)
        for slot in place.slots
    }
    pieces, at = [], 0
    for start, end in sorted(ranges):
        pieces.append(text.content[at:start])
        at = end
    return "".join([*pieces, text.content[at:]])


def _text(sample: Sample) -> Text:
    return Text(sample.path, sample.content, context=sample.context)


@EVERY
def test_every_sample_is_found_whole(sample: Sample) -> None:
    assert len(_pinnable(_text(sample))) == sample.places


def test_every_format_has_a_sample() -> None:
    found = {place.format for sample in SAMPLES for place in _pinnable(_text(sample))}
    assert found >= set(names())


@EVERY
def test_a_slot_holds_what_its_place_says(sample: Sample) -> None:
    for place in _pinnable(_text(sample)):
        for slot in place.slots:
            assert slot.text == slot.words(place.reference)
            assert len(slot.span) == len(slot.text)


@EVERY
def test_finding_after_pinning_gives_the_same_places_with_digests(sample: Sample) -> None:
    before = _pinnable(_text(sample))
    after = _pinnable(_pin(_text(sample)))
    assert [_where(place) for place in after] == [_where(place) for place in before]
    assert [place.reference for place in after] == [place.reference.with_digest(DIGEST) for place in before]


@EVERY
def test_characters_outside_the_slots_stay(sample: Sample) -> None:
    assert _outside(_pin(_text(sample))) == _outside(_text(sample))


@EVERY
def test_pinning_twice_is_pinning_once(sample: Sample) -> None:
    once = _pin(_text(sample))
    assert _pin(once).content == once.content


@EVERY
def test_unpinning_gives_the_original_back(sample: Sample) -> None:
    original = _text(sample)
    pinned = _pin(original)
    pairs = zip(_pinnable(pinned), _pinnable(original), strict=True)
    assert fill(pinned, [(place, old.reference) for place, old in pairs]) == original.content


@EVERY
def test_what_is_not_asked_for_stays(sample: Sample) -> None:
    text = _text(sample)
    for place, new in _wanted(_pinnable(text)):
        after = replace(text, content=fill(text, [(place, new)]))
        changed = [
            now
            for now, was in zip(_pinnable(after), _pinnable(text), strict=True)
            if now.reference != was.reference
        ]
        assert [item.reference for item in changed] == ([new] if new != place.reference else [])


@EVERY
def test_a_text_forced_to_its_format_gives_the_same(sample: Sample) -> None:
    text = _text(sample)
    formats = {place.format for place in _pinnable(text)}
    if len(formats) == 1:
        forced = [
            item
            for item in find(Text("anything", sample.content, context=sample.context), formats.pop())
            if isinstance(item, Place)
        ]
        assert {place.path for place in forced} >= {place.path for place in _pinnable(text)}


@given(st.binary(max_size=200))
def test_bytes_to_text_to_bytes_is_the_identity(data: bytes) -> None:
    try:
        text = decode(data)
    except FileError:
        assert encoding_of(data) != UTF_8
    else:
        assert encode(text, data) == data


_PATHS = st.sampled_from(
    [
        "a.yaml",
        "a.json",
        "Dockerfile",
        "images.txt",
        "external_images",
        "a.txt",
        "image_references/x",
        "none",
        "values.yaml",
        "Chart.yaml",
        "templates/a.yaml",
    ]
)
_FORCED = st.sampled_from([None, *names()])
_ANY_CHARACTER = st.characters(codec=None, categories=None)
_FRAGMENTS = st.sampled_from(
    [
        "apiVersion: v1\nkind: Pod\n",
        "kind: ClusterServiceVersion\n",
        "kind: Template\n",
        "containers:\n",
        "image:\n  repository: quay.io/a/b\n",
        "  registry: quay.io\n",
        "  tag: ",
        "  digest: ",
        "repository: a/b\ntag: ",
        "digest: ''\n",
        "images:\n",
        "- {name: a, newTag: v1}\n",
        "kind: Kustomization\nresources: []\n",
        "values: |\n  image: ",
        "<<: *a\n",
        "{{- if .Values.x }}\n",
        "- image: ",
        "  image: ",
        "env:\n",
        "- {name: RELATED_IMAGE_x, value: ",
        "}",
        "{{ .Values.x }}",
        "&a ",
        "*a",
        "!!str ",
        "!x ",
        "? ",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "'",
        '"',
        "\\",
        "|\n",
        ">-\n",
        "|2+\n",
        "#",
        " ",
        "\n",
        "\r\n",
        "\r",
        "\t",
        "\x85",
        "\u2028",
        "\ufeff",
        "\udcff",
        "\x00",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "nginx:1",
        "quay.io/a/b",
        f"@{DIGEST}",
        "${X}",
        "###X###",
        "null",
        "1.20",
        '{"image": "a/b:1"}',
        "volumes:\n",
        "FROM ",
        "ARG X=",
        "RUN <<EOF\n",
        "EOF\n",
        "AS x\n",
        "# escape=`\n",
        "<<<<<<< HEAD\n",
        "=======\n",
        ">>>>>>> x\n",
        "<<: *a\n",
        "images:\n",
        "src_ref: x\n",
        "name: ",
        "tag: ",
        "digest: ",
        "[images]\n",
        "sha1: x\n",
    ]
)
_FRAGMENTED = st.lists(_FRAGMENTS, max_size=30).map("".join)
_CALM = settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow])


@_CALM
@given(_PATHS, st.one_of(st.text(_ANY_CHARACTER), _FRAGMENTED), _FORCED)
def test_finding_raises_nothing_whatever_the_text(path: str, content: str, force: str | None) -> None:
    text = Text(path, content)
    last = content.count("\n") + 1
    for item in find(text, force):
        assert 1 <= item.line <= last
        assert item.column >= 1


@_CALM
@given(_PATHS, _FRAGMENTED)
def test_whatever_can_be_pinned_can_be_unpinned(path: str, content: str) -> None:
    text = Text(path, content)
    places = _pinnable(text)
    with suppress(FormatError):
        pinned = Text(path, fill(text, _wanted(places)))
        after = _pinnable(pinned)
        assert [place.reference for place in after] == [new for _, new in _wanted(places)]
        pairs = zip(after, places, strict=True)
        assert fill(pinned, [(place, old.reference) for place, old in pairs]) == content


_HEAD = "apiVersion: v1\nkind: Pod\nspec:\n  containers:"
_MANY = 100_000
HOSTILE = {
    "open lists": f"{_HEAD} {'[' * _MANY}",
    "closed lists": f"{_HEAD} {'[' * _MANY}{']' * _MANY}",
    "open mappings": f"{_HEAD} {'{a: ' * _MANY}",
    "dashes": f"{_HEAD}\n  {'- ' * _MANY}",
    "keys": f"{_HEAD}\n  {'? ' * _MANY}",
    "keys and dashes": f"{_HEAD}\n  {'? - ' * _MANY}",
    "empty keys": f"{_HEAD}\n  {': ' * _MANY}",
    "indentation": _HEAD + "\n" + "\n".join(" " * i + "-" for i in range(1, 1500)),
    "indentation by other breaks": _HEAD + "\n" + "\r".join(" " * i + "-" for i in range(1, 1500)),
    "json in a string": f"""{_HEAD}\n  - env: [{{name: x, value: '{{"image":{"[" * _MANY}'}}]""",
    "laughs": _HEAD
    + "\n  - &a0 [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"  - &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(40)),
    "a circle": f"{_HEAD} &a\n  - *a\n  - image: nginx\n    env: *a\n",
    "containers by alias": "apiVersion: v1\nkind: Pod\nx: &a\n"
    + "- image: nginx:1\n" * 3000
    + "y:\n"
    + "- containers: *a\n" * 3000,
    "environment by alias": "apiVersion: v1\nkind: Pod\nx: &a\n"
    + "- {name: RELATED_IMAGE_x, value: a:1}\n" * 3000
    + "containers:\n"
    + "- env: *a\n" * 3000,
    "json by alias": 'apiVersion: v1\nkind: Pod\nx: &a \'{"image": ['
    + "1," * 50_000
    + "1]}'\ncontainers:\n- env:\n"
    + "  - {name: x, value: *a}\n" * 2000,
    "directives": "".join(f"%TAG !e{i}! tag:x,2000:\n" for i in range(_MANY)) + f"---\n{_HEAD} []\n",
    "documents": "---\n" * 20_000,
    "document ends": "...\n" * _MANY,
    "image lines": "image: \n" * (1 << 17),
    "one long line": f"{_HEAD}\n  - image: {'x' * (1 << 20)}",
    "blanks in a line": f'{_HEAD}\n  - image: "\\x61{" " * (1 << 20)}"',
    "blanks before a key": f"{_HEAD}\n{' ' * (1 << 20)}x",
    "brackets": f"{_HEAD} [\n{'<' * (1 << 20)}",
    "blank lines": "\n" * (1 << 20) + "image: a/b:1",
    "an indented key": f"image: containers{' ' * (1 << 20)}x",
}
QUOTES = '"' * 3
_POD = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a/b:1\n"
HOSTILE_FILES = {
    "blanks in a list": ("images.txt", f"a{' ' * (1 << 20)}b\n"),
    "a list of brackets": ("images.txt", "<" * (1 << 20)),
    "unclosed heredocs": ("Dockerfile", "".join(f"RUN cat <<a{i}\n" for i in range(50_000))),
    "many heredocs": ("Dockerfile", "RUN cat <<a\na\n" * 50_000),
    "continued lines": ("Dockerfile", "RUN a \\\n" * 100_000),
    "many words": ("Dockerfile", f"FROM {'a ' * (1 << 20)}"),
    "one word": ("Dockerfile", f"FROM {'a' * (1 << 22)}"),
    "one instruction": ("Dockerfile", f"RUN {'a ' * (1 << 20)}"),
    "comments without an end": ("devcontainer.json", "/*" * (1 << 19)),
    "commas before nothing": ("devcontainer.json", f"{{{', ' * (1 << 19)}"),
    "a string without an end": ("devcontainer.json", '"' + '\\"' * (1 << 19)),
    "quotes of Groovy": ("Jenkinsfile", "'" * 3 + "''" * (1 << 19)),
    "quotes of Groovy alone": ("Jenkinsfile", "'" * (1 << 20) + "\n" + "image 'a" * (1 << 17)),
    "comments of Groovy": ("Jenkinsfile", "/*" * (1 << 19)),
    "images of Groovy": ("Jenkinsfile", "image 'a/b:1' \n" * (1 << 15)),
    "blanks of Groovy": ("Jenkinsfile", f"docker.image({' ' * (1 << 20)}'a'"),
    "blanks of a pod template": (
        "Jenkinsfile",
        f"{QUOTES}\n{' ' * (1 << 20)}image:{' ' * (1 << 20)}x {QUOTES}",
    ),
    "quotes of a job": ("a.nomad", 'image = "\n' * (1 << 17)),
    "braces of Terraform": ("image.tf", "{" * (1 << 19)),
    "images of Terraform": ("a.tf", 'image = "a/b:1"\n' * (1 << 14)),
    "variables of Terraform": (
        "a.tf",
        'variable "image" { default = "a/b:1" }\nimage = var.image\n' * (1 << 12),
    ),
    "commands": ("run.sh", "docker run -a b \\\n" * (1 << 15)),
    "commands without an end": ("run.sh", "kubectl run --image=a/b:1\n" * (1 << 14)),
    "commands by name": ("run.sh", "docker run a/b:1 a/b:1\n" * (1 << 14)),
    "variables of a script": ("run.sh", "IMAGE=a/b:1\ndocker run $IMAGE\n" * (1 << 13)),
    "variables of one line": ("run.sh", "${IMAGE:-a/b:1}\n" * (1 << 15)),
    "lines of a script": ("run.sh", "image: " * (1 << 18)),
    "calls of Bazel": ("BUILD", "oci.pull(" * (1 << 16)),
    "texts of Bazel": ("BUILD", 'oci.pull(image="a/b", tag="1")\n' * (1 << 14)),
    "lists of TOML": ("a.toml", 'images = [\n"a/b:1",\n"a/b:2"]\n' * (1 << 13)),
    "one list of TOML": ("a.toml", "images = [" + '"a/b:1",\n' * (1 << 14)),
    "tables of TOML": ("a.toml", '[tool.imagelock.x]\nimage = "a/b:1"\n' * (1 << 13)),
    "blocks of Jsonnet": ("a.jsonnet", "image: ||| " * (1 << 16)),
    **{
        name: ("a.yaml", f"{_POD}{words}\n")
        for name, words in {
            "keys in a comment": "# " + "image: " * (1 << 18),
            "keys in a text": "  x: |\n    " + "image: a/b:1 " * (1 << 17) + "\n    x",
            "keys in a folded text": "  x: >\n    " + "image: " * (1 << 18),
            "lines of a text": "  x: |\n" + "    image: a/b:1\n" * (1 << 15),
            "a long list": "  - image: a/b:1\n" * (1 << 16),
            "brackets in each other": f"  x: {'[' * (1 << 18)}{']' * (1 << 18)}",
            "words before a sign": "  - " + "image" * (1 << 18) + "=",
            "variables": "  - name: " + "image" * (1 << 18) + "\n",
        }.items()
    },
    "keys in a schema's comment": (
        "a.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n# " + "image: a," * (1 << 17),
    ),
    "words before a sign in JSON": (
        "a.json",
        '{"apiVersion": "v1", "kind": "Pod", "x": "' + "image" * (1 << 18) + '=", "image": 1}',
    ),
    "a matrix by alias": (
        ".cirrus.yml",
        "x: &a\n" + "- image: nginx:1\n" * 3000 + "y:\n" + "- container: {matrix: *a}\n" * 3000,
    ),
    "containers without a name by alias": (
        "a.yml",
        "x: &a\n" + "- image: nginx:1\n" * 3000 + "y:\n" + "- containers: *a\n" * 3000,
    ),
    "jobs by alias": (
        "build.yml",
        "on: push\nx: &a\n"
        + "- run: echo ${{ matrix.image }}\n" * 3000
        + "jobs:\n"
        + "".join(
            f"  j{i}: {{runs-on: x, container: '${{{{ matrix.image }}}}', strategy: {{matrix: {{image: [a:1]}}}}, "
            f"steps: *a}}\n"
            for i in range(2000)
        ),
    ),
    "variables by alias": (
        ".gitlab-ci.yml",
        "variables: &a\n"
        + "".join(f"  V{i}: nginx:1\n" for i in range(3000))
        + "".join(f"j{i}: {{script: [x], image: $V{i}, variables: *a}}\n" for i in range(3000)),
    ),
    "artifacts by alias": (
        "skaffold.yaml",
        "apiVersion: skaffold/v2\nkind: Config\nx: &a\n"
        + "- image: nginx\n" * 3000
        + "y:\n"
        + "- artifacts: *a\n" * 3000,
    ),
    "values by alias": (
        "helmfile.yaml",
        "x: &a\n"
        + "- image: nginx:1\n" * 3000
        + "releases:\n"
        + "- {name: a, chart: b, values: *a}\n" * 3000,
    ),
    "sidecars by alias": (
        "a.yaml",
        "apiVersion: a.b/v1\nkind: C\nx: &a\n"
        + "- image: nginx:1\n" * 3000
        + "y:\n"
        + "- sidecars: *a\n" * 3000,
    ),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("path", "content"),
    [
        *(pytest.param("a.yaml", content, id=name) for name, content in HOSTILE.items()),
        *(pytest.param(*pair, id=name) for name, pair in HOSTILE_FILES.items()),
    ],
)
def test_hostile_texts_cost_what_was_typed(path: str, content: str) -> None:
    text = Text(path, content)
    found = find(text)
    # What aliases repeat is written once, and so found once.
    assert len(found) <= content.count("\n") + 1
    places = [item for item in found if isinstance(item, Place)]
    fill(text, _wanted(places))


@pytest.mark.timeout(120)
def test_many_edits_of_many_documents_cost_what_was_typed() -> None:
    document = "---\napiVersion: v1\nkind: Pod\nspec: {containers: [{image: a/b:1}]}\n"
    text = Text("a.yaml", document * 3000)
    pinned = fill(text, _wanted(_pinnable(text)))
    assert pinned == document.replace("a/b:1", f"a/b:1@{DIGEST}") * 3000


@pytest.mark.timeout(120)
def test_many_edits_of_one_scalar_cost_what_was_typed() -> None:
    entries = ",\n        ".join(['{"image": "a/b:1"}'] * 5000)
    content = f"{_HEAD}\n  - env:\n    - name: x\n      value: |\n        [{entries}]\n"
    text = Text("a.yaml", content)
    assert fill(text, _wanted(_pinnable(text))) == content.replace("a/b:1", f"a/b:1@{DIGEST}")


def test_every_format_is_named_once() -> None:
    formats: list[FileFormat | DocumentFormat] = [
        *FILE_FORMATS,
        *DOCUMENT_FORMATS,
        *NAMED_FORMATS,
        *LAST_FORMATS,
    ]
    listed = [item.name for item in formats]
    assert sorted(listed) == list(names())
    assert len(set(listed)) == len(listed)
    assert all(item.summary for item in formats)
