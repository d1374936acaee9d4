"""Images by their value: reported whatever stands before them, and nothing that only looks like one."""

from __future__ import annotations

import pytest

from imagelock.formats.classify.by_value import is_image
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place, SkipKind, Skipped

IMAGE = "ghcr.io/acme/x:1.4"


def unread(content: str, name: str = "a.yaml") -> list[str]:
    found = find(Text(name, content))
    return [item.text for item in found if isinstance(item, Skipped) and item.kind is SkipKind.IMAGE]


@pytest.mark.parametrize(
    "content",
    [
        f"runtime: {IMAGE}\n",
        f"runtime: '{IMAGE}'  # a comment\n",
        f'runtime: "{IMAGE}"\n',
        f"wanted:\n  - {IMAGE}\n",
        f"wanted: [{IMAGE}, other]\n",
        f"wanted: {{a: {IMAGE}, b: 1}}\n",
        f"args: [--engine={IMAGE}]\n",
        f"args:\n  - --engine\n  - {IMAGE}\n",
        f"args:\n  - -images=rules={IMAGE}\n",
        f"command: run --engine {IMAGE} --fast\n",
        f"command: docker run --rm {IMAGE} true\n",
        f"text: |\n  4.0={IMAGE}\n",
        f"text: |\n  {IMAGE}\n",
        f'json: \'{{"a": "{IMAGE}"}}\'\n',
        f'json: "{{\\"a\\": \\"{IMAGE}\\"}}"\n',
        f'text: "a\\n{IMAGE}\\nb"\n',
        f"x: ${{IMAGE:-{IMAGE}}}\n",
        f"x: ${{IMAGE-{IMAGE}}}\n",
        f"x: docker://{IMAGE}\n",
        f"x: a={IMAGE},b=2\n",
        f"data:\n  builder.properties: |\n    unpacker={IMAGE}\n",
        f"note: {IMAGE} # imagelock\n",
        f"? {IMAGE}\n: 1\n",
    ],
)
def test_a_value_is_reported_whatever_stands_before_it(content: str) -> None:
    assert unread(content) == [IMAGE]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", f'{{"version": "1", "tags": [{{"name": "{IMAGE}"}}]}}'),
        ("php.json", '{"name": "ghcr.io\\/acme\\/x:1.4"}'),
        ("a.toml", f'sandbox = "{IMAGE}"\n'),
        ("a.properties", f"image.name={IMAGE}\n"),
        ("a.ini", f"[a]\nx = {IMAGE}\n"),
        ("run.sh", f"cleanup {IMAGE}\n"),
        ("Makefile", f"BASE ?= {IMAGE}\n"),
        ("main.go", f'package a\n\nvar image = "{IMAGE}"\n'),
        ("a.py", f"IMAGES = ['{IMAGE}']\n"),
        ("a.xml", f"<image>{IMAGE}</image>\n"),
        ("main.tf", f'resource "x" "y" {{\n  value = "{IMAGE}"\n}}\n'),
        (".env", f"IMAGE={IMAGE}\n"),
        ("images.csv", f"name,image\nx,{IMAGE}\n"),
    ],
)
def test_any_text_file_is_looked_at(name: str, content: str) -> None:
    assert unread(content, name) == [IMAGE]


@pytest.mark.parametrize(
    "content",
    [
        f"notes: see {IMAGE} for the image we used\n",
        f"notes: the image is {IMAGE}.\n",
        f"notes: |\n  Use {IMAGE} here,\n  {IMAGE} is the default\n",
        f"description: {IMAGE}\n",
        f"x-descriptors:\n  spec:\n    description: |-\n      Such as\n      image: {IMAGE}\n",
        f"a: 1 # {IMAGE}\n",
        f"# {IMAGE}\na: 1\n",
        "x: https://ghcr.io/acme/x:1.4\n",
        "x: http://localhost:5000/acme/x:1\n",
        "x: git@git.example.com:acme/web\n",
        "x: user:secret@example.com/acme/web:1\n",
        "listen: 0.0.0.0:9500\n",
        "x: --register-with-taints=node-role.kubernetes.io/master:NoSchedule\n",
        "x: example.com/pool:NoExecute\n",
        "x: 10.0.0.0/8:1\n",
        "x: ./data.d/config:ro\n",
        "x: github.com/acme/tool/cmd:v1\n",
        "x: com.example.acme:web:1.0\n",
        "x: pkg/server.go/main.go:12\n",
        "x: 1.2/foo:3\n",
        "x: ghcr.io/acme/x\n",
        "x: acme/x:1.4\n",
        "x: example.com/acme/x:8080/path\n",
        "system: system.x/y:\n",
    ],
)
def test_prose_addresses_and_comments_are_silent(content: str) -> None:
    assert unread(content) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", f"image: {IMAGE}\n"),
        ("page.html", f"<code>{IMAGE}</code>\n"),
        ("main.go", f"package a\n\n// {IMAGE}\n/* a\n   {IMAGE}\n*/\n"),
        ("main.go", f'package a\n\nvar e = "failed to pull {IMAGE} today"\n'),
        ("a.xml", f"<!-- <image>{IMAGE}</image> -->\n"),
        ("run.sh", f"true # {IMAGE}\n"),
        ("_helpers.tpl", f"{{{{/* like {IMAGE} */}}}}\n"),
    ],
)
def test_documentation_and_comments_of_any_language_are_silent(name: str, content: str) -> None:
    assert unread(content, name) == []


def test_what_a_format_found_or_skipped_is_not_reported_again() -> None:
    content = f"services:\n  a:\n    image: {IMAGE}\n  b:\n    image: {IMAGE}\n    build: .\n"
    found = find(Text("compose.yaml", content))
    assert [type(item) for item in found] == [Place, Skipped]
    assert unread(content, "compose.yaml") == []


def test_a_second_image_on_the_line_of_a_found_one_is_reported() -> None:
    other = "quay.io/acme/y:2"
    content = f'{{"kind":"Pod","apiVersion":"v1","metadata":{{"annotations":{{"y":"{other}"}}}},"spec":{{"containers":[{{"image":"{IMAGE}"}}]}}}}'
    assert unread(content, "a.json") == [other]


def test_what_a_template_touches_is_a_template() -> None:
    (item,) = find(Text("a.toml", "x = 'ghcr.io/acme/x:1-{{ variant }}'\n"))
    assert isinstance(item, Skipped)
    assert item.kind is SkipKind.TEMPLATE


def test_the_place_of_an_image_is_exact() -> None:
    (item,) = find(Text("a.yaml", f"a: 1\nargs: [--engine={IMAGE}]\n"))
    assert isinstance(item, Skipped)
    assert (item.line, item.column) == (2, 17)


@pytest.mark.parametrize(
    "text", [IMAGE, "localhost/x:1", "localhost:5000/x@sha256:" + "a" * 64, "10.0.0.1:5000/a:1"]
)
def test_a_whole_text_is_an_image_by_its_host_and_tag(text: str) -> None:
    assert is_image(text)


@pytest.mark.parametrize(
    "text", ["nginx:1", "acme/x:1", "ghcr.io/acme/x", f"see {IMAGE}", "github.com/a/b:1", ""]
)
def test_other_texts_are_no_images_by_value(text: str) -> None:
    assert not is_image(text)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("build.sh", f"docker build -t {IMAGE} .\ndocker run {IMAGE}\n"),
        ("a.yaml", f"args:\n  - build\n  - --tag\n  - {IMAGE}\n"),
        ("a.yaml", f"args: [build, -t, {IMAGE}, .]\n"),
        ("Makefile", f"push:\n\tdocker push {IMAGE}\n"),
    ],
)
def test_a_name_that_the_file_builds_is_no_image_to_read(name: str, content: str) -> None:
    items = [item for item in find(Text(name, content)) if isinstance(item, Skipped)]
    assert items
    assert {(item.text, item.kind) for item in items} == {(IMAGE, SkipKind.BUILT)}


@pytest.mark.parametrize(
    "above",
    ["# <!--\n", "x: '<!--'\n", "# {{/*\n", "x: '{#'\n", "# {{- /*\n", "run: |\n  echo '<!-- report'\n"],
)
@pytest.mark.parametrize("below", ["", "# --> */}} #}\n"])
def test_signs_of_comments_of_other_languages_hide_nothing_in_yaml(above: str, below: str) -> None:
    assert unread(f"{above}engine: {IMAGE}\n{below}") == [IMAGE]


def test_an_unclosed_comment_hides_nothing_and_a_closed_one_does() -> None:
    assert unread(f"<!--\n<a>\n{IMAGE}\n</a>\n", "a.xml") == [IMAGE]
    assert unread(f"<!--\n{IMAGE}\n-->\n", "a.xml") == []
    assert unread(f"{{{{/*\nengine: {IMAGE}\n*/}}}}\n", "templates/a.conf") == []
    assert unread(f'/* "{IMAGE}"\n', "a.go") == [IMAGE]


@pytest.mark.parametrize(
    "content",
    [
        f"steps:\n- run: bash hack/load.sh {IMAGE} other\n",
        f"steps:\n- run: |\n    set -e\n    if true; then\n      load {IMAGE} --fast\n    fi\n",
        f"job:\n  script:\n  - load {IMAGE} --fast\n",
        f"tasks:\n- command: load {IMAGE} now\n",
    ],
)
def test_any_word_of_a_script_in_a_pipeline_may_be_an_image(content: str) -> None:
    assert unread(content) == [IMAGE]


def test_a_sentence_behind_another_key_is_none_and_a_comment_in_a_script_neither() -> None:
    assert unread(f"title: we load {IMAGE} often\n") == []
    assert unread(f"run: |\n  # load {IMAGE} first\n  true\n") == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.libsonnet", "{ x: 'ghcr.io/acme/x:v' + version }\n"),
        ("a.go", 'var x = "ghcr.io/acme/x:v" + version\n'),
        ("a.py", "X = 'ghcr.io/acme/x:v' % version\n"),
    ],
)
def test_a_text_that_code_puts_together_is_a_template(name: str, content: str) -> None:
    (skipped,) = [item for item in find(Text(name, content)) if isinstance(item, Skipped)]
    assert skipped.kind is SkipKind.TEMPLATE


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("policy.json", '{"oidc.example.com/cluster.example.com:sub": "x"}'),
        ("config.json", f'{{"image": "sha256:{"9" * 64}"}}'),
        ("BUILD", f'oci_load(name = "x", repo_tags = ["{IMAGE}"])\n'),
    ],
)
def test_claims_digests_alone_and_names_of_loads_are_none(name: str, content: str) -> None:
    assert unread(content, name) == []


@pytest.mark.parametrize(
    "line",
    [
        f'image: [[ annotation .Meta `proxy`  "{IMAGE}"  ]]',
        f'engine: {{{{ .engine | default "{IMAGE}" }}}}',
        f"engine: {{% if x %}}{{{{ y or '{IMAGE}' }}}}{{% endif %}}",
    ],
)
def test_a_default_inside_the_tag_of_a_template_is_reported_as_a_part_of_it(line: str) -> None:
    found = find(Text("a.conf", f"{line}\n"))
    assert (IMAGE, SkipKind.TEMPLATE) in [
        (item.text, item.kind) for item in found if isinstance(item, Skipped)
    ]
