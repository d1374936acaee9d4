"""Values files: the shapes charts share, what looks like one and is none, and that only slots change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Chart, Text
from imagelock.formats.values.chart_values import (
    BARE_WORD,
    NAME_OR_REPOSITORY,
    NO_REPOSITORY,
    OWNER,
    SHA_KEY,
    VERSION,
)
from imagelock.formats.values.split_reference import (
    NO_APP_VERSION,
    NO_TAG,
    NULL_DIGEST,
    NULL_TAG,
    SHARED,
    TAG_IS_DIGEST,
    TWO_TAGS,
)
from imagelock.model.digest import Digest
from imagelock.model.place import Damaged, Place, Skipped

if TYPE_CHECKING:
    from imagelock.model.place import Found

DIGEST = Digest.of(b"made up")
OLD = Digest.of(b"an older one")


def found(content: str, path: str = "chart/values.yaml", chart: Chart | None = None) -> list[Found]:
    return find(Text(path, content, chart))


def places(content: str, path: str = "chart/values.yaml", chart: Chart | None = None) -> list[Place]:
    return [item for item in found(content, path, chart) if isinstance(item, Place)]


def references(content: str, path: str = "chart/values.yaml", chart: Chart | None = None) -> list[str]:
    return [str(place.reference) for place in places(content, path, chart)]


def pinned(content: str, chart: Chart | None = None) -> str:
    text = Text("chart/values.yaml", content, chart)
    return fill(
        text,
        [
            (item, item.reference.with_digest(DIGEST))
            for item in places(content, chart=chart)
            if item.pinnable
        ],
    )


def unpinned(content: str) -> str:
    text = Text("chart/values.yaml", content)
    return fill(text, [(item, item.reference.with_tag(item.reference.tag)) for item in places(content)])


SHAPES = {
    "image: quay.io/acme/app:1\n": "quay.io/acme/app:1",
    "image: nginx\n": "nginx",
    "web: {image: {repository: nginx, tag: '1.25'}}\n": "nginx:1.25",
    "image:\n  registry: quay.io\n  repository: acme/app\n  tag: v1\n": "quay.io/acme/app:v1",
    "image:\n  name: acme/app\n  tag: v1\n": "acme/app:v1",
    "image:\n  registry: quay.io\n  name: acme/app\n  tag: v1\n": "quay.io/acme/app:v1",
    "image:\n  repository: acme/app\n  name: app\n  tag: v1\n": "acme/app:v1",
    "proxy:\n  repository: acme/proxy\n  tag: v1\n": "acme/proxy:v1",
    "image: acme/app\nimageTag: 7\n": "acme/app:7",
    "image: acme/app\ntag: 7\n": "acme/app:7",
    "sidecarImage: acme/app\nsidecarImageTag: 7\n": "acme/app:7",
    "image_name: acme/app\nimage_tag: 7\n": "acme/app:7",
    "imageRepository: acme/app\nimageTag: 7\n": "acme/app:7",
    "operator:\n  sidecar_image: acme/app:7\n": "acme/app:7",
    "initImage: acme/app:7\n": "acme/app:7",
    "image: {registry: quay.io, image: acme/app, tag: v1}\n": "quay.io/acme/app:v1",
    "images:\n  tags:\n    keystone: docker.io/os/keystone:1\n": "docker.io/os/keystone:1",
    "images:\n- acme/one:1\n": "acme/one:1",
    "images:\n  one: acme/one:1\n": "acme/one:1",
    "image:\n  repository: acme/app:v1\n": "acme/app:v1",
    "global: {imageRegistry: corp:5000}\nimage: {registry: '', repository: app, tag: '1'}\n": "corp:5000/app:1",
    "extra: |\n  - name: x\n    image: acme/extra:1\n": "acme/extra:1",
    "extra: |\n  inner: |\n    image: {repository: acme/deep, tag: '1'}\n": "acme/deep:1",
}


@pytest.mark.parametrize(("content", "reference"), SHAPES.items())
def test_each_shape_is_found_pinned_and_put_back(content: str, reference: str) -> None:
    assert references(content) == [reference]
    assert references(pinned(content)) == [f"{reference}@{DIGEST}"]
    assert pinned(pinned(content)) == pinned(content)
    assert unpinned(pinned(content)) == content


@pytest.mark.parametrize("tag", ["1.20", "017", "7", "0x1F", "1e3", "'1.20'", '"1.20"', "2024-01-01", "true"])
def test_a_tag_counts_as_it_is_written_and_comes_back_so(tag: str) -> None:
    content = f"image:\n  repository: nginx\n  tag: {tag}   # the tag\n"

    assert references(content) == [f"nginx:{tag.strip(chr(34) + chr(39))}"]
    assert f"{tag.strip(chr(34) + chr(39))}@{DIGEST}" in pinned(content)
    assert pinned(content).endswith("   # the tag\n")
    assert unpinned(pinned(content)) == content


def test_a_digest_key_is_filled_and_the_tag_left_alone() -> None:
    content = 'image:\n  repository: acme/app\n  tag: v1\n  digest: ""\n'

    assert pinned(content) == f'image:\n  repository: acme/app\n  tag: v1\n  digest: "{DIGEST}"\n'
    assert unpinned(pinned(content)) == content


def test_a_digest_that_is_there_moves() -> None:
    content = f"image: {{repository: acme/app, tag: v1, digest: {OLD}}}\n"

    assert references(content) == [f"acme/app:v1@{OLD}"]
    assert pinned(content) == content.replace(str(OLD), str(DIGEST))


def test_a_digest_behind_the_tag_moves_even_beside_an_empty_digest_key() -> None:
    content = f'image: {{repository: acme/app, tag: "v1@{OLD}", digest: ""}}\n'

    assert pinned(content) == content.replace(str(OLD), str(DIGEST))


def test_an_empty_tag_means_the_charts_app_version_and_is_pinned_with_it() -> None:
    content = 'image:\n  repository: acme/app\n  tag: ""\n'

    assert references(content, chart=Chart(app_version="2.1")) == ["acme/app:2.1"]
    assert (
        pinned(content, Chart(app_version="2.1"))
        == f'image:\n  repository: acme/app\n  tag: "2.1@{DIGEST}"\n'
    )


def test_an_empty_tag_without_a_chart_is_told_and_nothing_is_made_up() -> None:
    (place,) = places('image:\n  repository: acme/app\n  tag: ""\n')

    assert not place.pinnable
    assert not place.tag_is_known
    assert place.refusal == NO_APP_VERSION


def test_an_empty_tag_beside_a_digest_key_keeps_its_emptiness() -> None:
    content = 'image:\n  repository: acme/app\n  tag: ""\n  digest: ""\n'

    assert pinned(content, Chart(app_version="2.1")) == content.replace('digest: ""', f'digest: "{DIGEST}"')
    assert not places(content)[0].tag_is_known


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("image: {repository: acme/app}\n", NO_TAG),
        ("image:\n  repository: acme/app\n  tag:\n", NULL_TAG),
        ("image:\n  repository: acme/app\n  tag: ~\n", NULL_TAG),
        ("image:\n  repository: acme/app\n  tag: v1\n  digest:\n", NULL_DIGEST),
        (f"image:\n  repository: acme/app\n  tag: {OLD}\n", TAG_IS_DIGEST),
        ('image:\n  repository: acme/app:v1\n  tag: ""\n', TWO_TAGS),
        ("image: {repository: acme/app, tag: v1, sha: 0a}\n", SHA_KEY),
    ],
)
def test_what_cannot_be_written_exactly_says_why(content: str, refusal: str) -> None:
    (place,) = places(content)

    assert not place.pinnable
    assert place.refusal == refusal


def test_a_global_registry_is_joined_to_an_empty_registry_only() -> None:
    start = "global: {imageRegistry: corp.example}\n"
    (other,) = places(start + "image: {registry: docker.io, repository: acme/app, tag: '1'}\n")
    (absent,) = places(start + "image: {repository: acme/app, tag: '1'}\n")
    (whole,) = places(start + "image: {repository: quay.io/acme/app, tag: '1'}\n")

    assert (str(other.reference), other.pinnable) == ("docker.io/acme/app:1", False)
    assert (str(absent.reference), absent.pinnable) == ("acme/app:1", False)
    assert (str(whole.reference), whole.pinnable) == ("quay.io/acme/app:1", True)


def test_a_tag_that_two_images_share_by_an_alias_is_not_written() -> None:
    one, other = places(
        "a: {image: {repository: x/a, tag: &v '1'}}\nb: {image: {repository: x/b, tag: *v}}\n"
    )

    assert (one.refusal, other.refusal) == (SHARED, SHARED)


def test_a_merged_repository_is_read_with_the_tag_beside_it() -> None:
    content = "base: &image\n  repository: acme/app\n  tag: '1'\nnext:\n  <<: *image\n  tag: '2'\n"

    assert references(content) == ["acme/app:1", "acme/app:2"]
    assert references(pinned(content)) == [f"acme/app:1@{DIGEST}", f"acme/app:2@{DIGEST}"]
    assert unpinned(pinned(content)) == content


@pytest.mark.parametrize(
    "content",
    [
        "git: {repository: acme/app, tag: v1}\n",
        "chart:\n  repository: https://charts.example\n  tag: v1\n",
        "repository: acme/app\n",
        "source: {repository: acme/app, tag: v1, branch: main}\n",
        "ui: {image: /static/logo.png}\n",
        "ui: {image: logo.svg}\n",
        "image: true\n",
        "imagePullSecrets: [a]\nimagePullPolicy: Always\n",
        "image: Ubuntu 22.04\n",
        "node: {image: ubuntu-22-04, machineType: e2}\n",
        "pool: {diskImage: flatcar-stable}\n",
        "description: set image nginx:1 here\n",
        "# image: acme/commented:1\na: 1\n",
        "images: [one, two]\n",
        "nodeSelector: {image: gpu}\n",
        "podLabels: {image: web}\n",
        "apiVersion: v1\nkind: Thing\nspec: {image: {repository: acme/app, tag: '1'}}\n",
        "$schema: x\nproperties: {image: {properties: {repository: {type: string}}}}\n",
    ],
)
def test_what_looks_like_an_image_and_is_none_is_not_taken(content: str) -> None:
    assert places(content) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("image: '{{ .Values.a }}/b:1'\n", "a template"),
        ("image: {repository: '${REGISTRY}/b', tag: '1'}\n", "a template"),
        ("image: {tag: '1'}\n", NO_REPOSITORY),
        ("image: {repository: '', tag: '1'}\n", NO_REPOSITORY),
        ("image: {repository: quay.io/acme, name: app, tag: '1'}\n", NAME_OR_REPOSITORY),
        ("hub: docker.io/istio\nimage: proxyv2\n", BARE_WORD),
    ],
)
def test_what_is_not_taken_is_told(content: str, reason: str) -> None:
    assert [item.reason for item in found(content) if isinstance(item, Skipped)] == [reason]
    assert places(content) == []


def test_a_repository_that_cannot_be_an_image_is_damage() -> None:
    (item,) = found("image: {repository: Acme/App, tag: '1'}\n")

    assert isinstance(item, Damaged)


@pytest.mark.parametrize(
    ("path", "chart", "is_read"),
    [
        ("values.yaml", None, True),
        ("a/values-prod.yml", None, True),
        ("a/prod.values.yaml", None, True),
        ("a/my-values.yaml", None, True),
        ("values/prod.yaml", None, True),
        ("values.json", None, True),
        ("chart/env/prod.yaml", Chart(), True),
        ("chart/env/prod.yaml", None, False),
        ("chart/templates/x.yaml", Chart(), False),
        ("charts/web/env/prod.yaml", Chart("charts/web"), True),
        ("chart/docker-compose.yaml", Chart("chart"), False),
        ("chart/.github/x.yaml", Chart("chart"), False),
        ("chart/Chart.yaml", Chart(), False),
        ("a/values.schema.json", None, False),
        ("valuesque.yaml", None, False),
    ],
)
def test_a_values_file_is_known_by_its_name_or_its_chart(
    path: str, chart: Chart | None, *, is_read: bool
) -> None:
    content = '{"image": {"repository": "acme/app", "tag": "1"}}\n'

    assert references(content, path, chart) == (["acme/app:1"] if is_read else [])


_MANY = 5000
HOSTILE = {
    "merges of a large mapping": "b: &b {"
    + ", ".join(f"k{i}: 1" for i in range(_MANY))
    + ", repository: x}\n"
    + "".join(f"c{i}: {{<<: *b}}\n" for i in range(_MANY)),
    "a list of merges": f"b: &b {{repository: a/b}}\nc: {{<<: [{', '.join(['*b'] * _MANY)}]}}\n",
    "one tag of all": "t: &t '1'\n"
    + "".join(f"c{i}: {{image: {{repository: a/b{i}, tag: *t}}}}\n" for i in range(_MANY)),
    "many texts": "".join(f"x{i}: |\n  image: a/b:1\n  y: 1\n" for i in range(_MANY)),
    "a long key": "a-" * 100_000 + "image" * 100 + ": a/b:1\n",
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_values_cost_what_was_typed(content: str) -> None:
    assert len(found(content)) <= content.count("\n") + _MANY


@pytest.mark.parametrize(
    "values",
    [
        "image: {reference: 'a/b:1'}",
        "image: {uri: 'a/b:1', pullPolicy: Always}",
        "image: {name: 'a/b:1', pullPolicy: Always}",
        "webImage: a/b\nwebTag: '1'",
        "web_image: a/b\nweb_tag: '1'",
        "image: {repo: a/b, tag: '1'}",
    ],
)
def test_other_spellings_of_an_image_are_read(values: str) -> None:
    assert references(values) == ["a/b:1"]
    assert pinned(values).count(f"1@{DIGEST}") == 1


@pytest.mark.parametrize(
    "values",
    [
        "image: {reference: main}",
        "image: {name: web, pullPolicy: Always}",
        "image: {url: 'https://a/b:1'}",
        "source: {reference: 'a/b:1'}",
    ],
)
def test_other_references_below_an_image_are_none(values: str) -> None:
    assert references(values) == []


@pytest.mark.parametrize("owner", ["org", "organization", "namespace", "account"])
def test_an_organization_apart_is_for_the_chart_to_join(owner: str) -> None:
    values = f"image: {{registry: ghcr.io, {owner}: acme, repository: web, tag: '1'}}"
    (skipped,) = found(values)
    assert isinstance(skipped, Skipped)
    assert skipped.reason == OWNER.format(owner)
    assert references(values.replace("web", "acme/web")) == ["ghcr.io/acme/web:1"]


@pytest.mark.parametrize(
    "values",
    [
        "image: {repository: a/b, version: '1'}",
        "image: a/b\nversion: '1'",
        "imageRepository: a/b\nimageVersion: 1.2",
    ],
)
def test_a_version_beside_an_image_may_be_its_tag_and_is_not_pinned(values: str) -> None:
    (place,) = places(values)
    assert (str(place.reference), place.refusal) == ("a/b", VERSION)


@pytest.mark.parametrize("hub", ["global: {hub: docker.io/istio, tag: 1.2.3}", "hub: docker.io/istio"])
def test_words_are_joined_to_a_hub_that_the_chart_has_for_all(hub: str) -> None:
    (skipped,) = found(f"{hub}\npilot: {{image: pilot}}\n")
    assert isinstance(skipped, Skipped)
    assert skipped.reason == BARE_WORD
    assert references(f"{hub}\npilot: {{image: 'a/pilot:1'}}\n") == ["a/pilot:1"]


@pytest.mark.parametrize(
    "top", ["kind: DaemonSet", "jobs: []", "dependencies: {}", "schemaVersion: 2", "swagger: {}"]
)
def test_a_values_file_may_have_any_key_at_its_top(top: str) -> None:
    assert references(f"{top}\nimage: {{repository: quay.io/acme/a, tag: v1}}\n") == ["quay.io/acme/a:v1"]


@pytest.mark.parametrize(
    "top", ["apiVersion: apps/v1\nkind: DaemonSet", "$schema: x\nproperties: {}", "openapi: 3.0.0"]
)
def test_an_object_or_a_schema_is_no_values_file(top: str) -> None:
    assert references(f"{top}\nimage: {{repository: quay.io/acme/a, tag: v1}}\n") == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("hub: quay.io/acme\ntag: '1.2'\nimage: pilot\n", "quay.io/acme/pilot:1.2"),
        ("defaultRegistry: quay.io\nweb: {image: acme/web:1}\n", "quay.io/acme/web:1"),
        (
            "global: {registry: quay.io}\nweb: {image: {repository: acme/web, tag: '1'}}\n",
            "quay.io/acme/web:1",
        ),
        ("defaultImageRepository: quay.io/acme/\nweb: {image: web, tag: '1'}\n", "quay.io/acme/web:1"),
        ("imageRegistry: corp.example:5000\nweb: {image: acme/web:1}\n", "corp.example:5000/acme/web:1"),
        ("web: {imagePrefix: quay.io/acme, image: web, tag: '1'}\n", "quay.io/acme/web:1"),
        ("driver: {repository: quay.io/acme, image: driver, version: '550'}\n", "quay.io/acme/driver:550"),
        ("driver: {repository: quay.io/acme, image: driver, tag: '550'}\n", "quay.io/acme/driver:550"),
        ("driver: {repository: quay.io/acme, image: 'driver:550'}\n", "quay.io/acme/driver:550"),
    ],
)
def test_a_name_that_the_chart_joins_is_never_taken_for_one_of_docker_hub(values: str, text: str) -> None:
    (item,) = found(values)
    assert isinstance(item, Skipped)
    assert item.text == text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("hub: quay.io/acme\nimage: ghcr.io/acme/pilot:1\n", "ghcr.io/acme/pilot:1"),
        ("defaultRegistry: docker.io\nimage: acme/web:1\n", "acme/web:1"),
        ("defaultRegistry: ''\nimage: acme/web:1\n", "acme/web:1"),
        ("defaultRegistry: not a host\nimage: acme/web:1\n", "acme/web:1"),
        ("web: {registry: quay.io, repository: acme/web, tag: '1', pullPolicy: x}\n", "quay.io/acme/web:1"),
    ],
)
def test_a_name_that_nothing_is_put_before_stays_found(values: str, expected: str) -> None:
    assert references(values) == [expected]
