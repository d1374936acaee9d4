"""Template tags hide what they touch and nothing else, and every character keeps its place."""

from __future__ import annotations

import pytest

from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.masked import MASK, masked
from imagelock.formats.syntax.text import Chart, Text
from imagelock.model.digest import Digest
from imagelock.model.place import Place, SkipKind, Skipped

DIGEST = Digest.parse("sha256:" + "a" * 64)
IMAGE = "ghcr.io/acme/x:1.4"


def places(name: str, content: str, chart: Chart | None = None) -> list[str]:
    return [str(item.reference) for item in find(Text(name, content, chart)) if isinstance(item, Place)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("values.yaml.gotmpl", f"{{{{- if .Values.x }}}}\na: 1\n{{{{- end }}}}\nimage: {IMAGE}\n"),
        ("values.yaml", f"{{% if x %}}\na: 1\n{{% endif %}}\nimage: {IMAGE}\n"),
        ("values.yaml.j2", f"<% if x %>\na: 1\n<% end %>\nimage: {IMAGE}\n"),
        (
            "values.yaml.tplt",
            f"{{# a\n  comment #}}\nimage: {IMAGE}\nb: {{{{ x }}}}: 1\n".replace(": 1\n", "\n"),
        ),
        (
            "helmfile.yaml.gotmpl",
            (
                f'{{{{ if eq .Environment.Name "a" }}}}\nx: 1\n{{{{ end }}}}\nreleases:\n- name: a\n  chart: b/c\n'
                f"  values:\n  - image: {IMAGE}\n"
            ),
        ),
        (
            "pod.yaml.j2",
            (
                f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{{% for x in y %}}\n  - name: a\n    image: {IMAGE}\n"
                "{% endfor %}\n"
            ),
        ),
        ("Dockerfile.tmpl", f"{{{{ if .X }}}}\nFROM {IMAGE}\n{{{{ end }}}}\nRUN true\n"),
    ],
)
def test_places_that_no_tag_touches_are_found_and_pinned_exactly(name: str, content: str) -> None:
    text = Text(name, content)
    (place,) = [item for item in find(text) if isinstance(item, Place)]
    assert str(place.reference) == IMAGE
    assert place.pinnable
    after = fill(text, [(place, place.reference.with_digest(DIGEST))])
    assert after == content.replace(IMAGE, f"{IMAGE}@{DIGEST}")


def test_a_place_that_a_tag_touches_is_skipped_with_the_tag_as_written() -> None:
    content = "{{- if .x }}\na: 1\n{{- end }}\nimage: ghcr.io/acme/{{ .name }}:1\n"
    (item,) = find(Text("values.yaml", content))
    assert isinstance(item, Skipped)
    assert (item.text, item.kind) == ("ghcr.io/acme/{{ .name }}:1", SkipKind.TEMPLATE)


def test_a_marked_word_hides_its_place_and_no_other() -> None:
    content = (
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: ###REGISTRY###/acme/x:1\n"
        f"  - name: b\n    image: {IMAGE}\n"
    )
    found = find(Text("pod.yaml", content))
    assert [str(item.reference) for item in found if isinstance(item, Place)] == [IMAGE]
    assert [item.text for item in found if isinstance(item, Skipped)] == ["###REGISTRY###/acme/x:1"]


def test_both_branches_of_a_template_are_looked_at() -> None:
    content = f"{{{{ if .x }}}}\nimage: {IMAGE}\n{{{{ else }}}}\nimage: quay.io/acme/y:2\n{{{{ end }}}}\n"
    found = find(Text("values.yaml", content))
    seen = {str(item.reference) for item in found if isinstance(item, Place)}
    seen |= {item.text for item in found if isinstance(item, Skipped)}
    assert seen == {IMAGE, "quay.io/acme/y:2"}


def test_a_release_in_the_templates_of_a_chart_is_read_around_its_tags() -> None:
    content = (
        "{{- range .Values.apps }}\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n"
        "  name: {{ .name }}\nspec:\n  chart: {spec: {chart: a}}\n  values:\n    image:\n"
        "      repository: ghcr.io/acme/x\n      tag: '1.4'\n{{- end }}\n"
    )
    assert places("c/templates/a.yaml", content, Chart("c")) == [IMAGE]


@pytest.mark.parametrize(
    "content",
    [
        'a: {{ "}}" }} b\n',
        "{{/* a\r\nb */}}\r\nc: 1\r\n",
        "a: {{ x\n  y }}\n",
        "{% x %} {{ y }}\n",
        "{{ never closed\n",
    ],
)
def test_hiding_keeps_lengths_and_lines(content: str) -> None:
    hidden = masked(content)
    assert hidden is None or (len(hidden), hidden.count("\n")) == (len(content), content.count("\n"))
    assert hidden is None or not any(sign in hidden for sign in ("{{", "}}", "{%"))


def test_a_text_without_tags_or_with_the_mask_is_left_alone() -> None:
    assert masked("a: ${{ x }}\n") is None
    assert masked(f"{MASK}: {{{{ x }}}}\n") is None
