"""Charts around files and packaged charts: what is read of them, and what is refused."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelock.errors import FileError
from imagelock.limits import CHART_BYTES, MIB
from imagelock.ops.scan import charts
from imagelock.ops.scan.charts import READ_ONLY, packed_texts

if TYPE_CHECKING:
    from support.world import World

CHART = 'apiVersion: v2\nname: web\nversion: 0.1.0\nappVersion: "1.27"\n'
VALUES = 'image:\n  repository: acme/web\n  tag: ""\n'


def packed(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def rows(world: World, *arguments: str) -> list[tuple[str, str, bool]]:
    found = world.json("scan", *arguments).document["references"]
    return [(item["file"], item["reference"], item["pinnable"]) for item in found]


def test_an_empty_tag_is_the_app_version_of_the_chart_around(world: World) -> None:
    world.write("deploy/web/Chart.yaml", CHART)
    world.write("deploy/web/values.yaml", VALUES)
    world.write("deploy/web/env/prod.yaml", VALUES)
    world.write("deploy/web/charts/db/Chart.yaml", CHART.replace("1.27", "16"))
    world.write("deploy/web/charts/db/values.yaml", VALUES)
    world.write("deploy/values.yaml", VALUES)

    assert rows(world) == [
        ("deploy/values.yaml", "acme/web", False),
        ("deploy/web/values.yaml", "acme/web:1.27", True),
        ("deploy/web/charts/db/values.yaml", "acme/web:16", True),
        ("deploy/web/env/prod.yaml", "acme/web:1.27", True),
    ]


@pytest.mark.parametrize("chart", ["", "[broken", "apiVersion: v2\n", "- list\n", "appVersion:\n"])
def test_a_chart_that_says_no_version_leaves_the_tag_unknown(world: World, chart: str) -> None:
    world.write("web/Chart.yaml", chart)
    world.write("web/values.yaml", VALUES)

    assert ("web/values.yaml", "acme/web", False) in rows(world)


def test_the_folder_we_are_in_is_no_chart_of_the_top_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Chart.yaml").write_text(CHART)
    monkeypatch.chdir(tmp_path)
    assert charts.Charts(Path("/")).around("/values.yaml", "values.yaml") is None


def test_a_tag_that_is_not_known_is_neither_locked_nor_pinned_and_is_told(world: World) -> None:
    world.write("values.yaml", "image: {repository: acme/web}\n")

    assert world.run("lock").code == 0
    assert not (world.root / "images.lock").exists()
    assert world.run("pin").code == 0
    assert world.json("check").codes == ["IL113"]


@pytest.mark.parametrize(
    ("template", "tags"),
    [
        (
            "image: '{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}'",
            "1.27 ",
        ),
        ("{{- $tag := default $.Chart.AppVersion .root.tag }}", "1.27 1.27"),
        ("image: {{ .Values.image.repository }}:{{ .Values.image.tag }}", " "),
        ("app.kubernetes.io/version: {{ .Chart.AppVersion | quote }} # of the image", " "),
    ],
)
def test_an_empty_tag_means_the_app_version_only_where_a_template_takes_it(
    world: World, template: str, tags: str
) -> None:
    world.write("web/Chart.yaml", CHART)
    world.write("web/templates/pod.yaml", template + "\n")
    world.write("web/values.yaml", VALUES + VALUES.replace("image", "other").replace("web", "other/image"))

    found = world.json("scan").document["references"]
    assert [item["tag"] or "" for item in found] == tags.split(" ")


def test_values_of_a_dependency_do_not_take_the_app_version_of_the_chart_around(world: World) -> None:
    world.write("web/Chart.yaml", CHART + "dependencies: [{name: db, version: 1.0.0}]\n")
    world.write("web/templates/_helpers.tpl", "{{ default .Chart.AppVersion .image.tag }}")
    world.write("web/values.yaml", VALUES + "db:\n  image: {repository: acme/db, tag: ''}\n")

    assert rows(world) == [("web/values.yaml", "acme/web:1.27", True), ("web/values.yaml", "acme/db", False)]


@pytest.mark.parametrize("tag", ["", "~", "null"])
def test_a_tag_of_null_means_the_same_as_an_empty_one(world: World, tag: str) -> None:
    world.write("web/Chart.yaml", CHART)
    world.write("web/values.yaml", VALUES.replace('""', tag))

    assert rows(world) == [("web/values.yaml", "acme/web:1.27", False)]


def test_pinning_writes_the_app_version_with_its_digest(world: World) -> None:
    world.write("web/Chart.yaml", CHART)
    world.write("web/values.yaml", VALUES)
    digest = world.push("acme/web:1.27")

    assert world.run("lock").code == 0
    assert world.run("pin").code == 0
    assert world.read("web/values.yaml") == VALUES.replace('""', f'"1.27@{digest}"')
    assert world.run("check").code == 0


@pytest.mark.parametrize(
    ("template", "tag"),
    [("{{ .Values.image.tag | default .Chart.AppVersion }}", '""'), ("{{ .Values.image.tag }}", '"1.27"')],
)
def test_unpinning_gives_an_empty_tag_back_as_empty_where_the_chart_has_a_default(
    world: World, template: str, tag: str
) -> None:
    world.write("web/Chart.yaml", CHART)
    values = VALUES.replace('""', tag)
    world.write("web/values.yaml", values)
    world.write("web/templates/a.yaml", f"image: acme/web:{template}\n")
    digest = world.push("acme/web:1.27")
    world.run("lock")
    assert world.run("pin").code == 0
    assert f'"1.27@{digest}"' in world.read("web/values.yaml")
    assert world.run("unpin").code == 0
    assert world.read("web/values.yaml") == values


def test_a_tag_written_plain_stays_although_it_is_the_app_version(world: World) -> None:
    plain = VALUES.replace('""', "1.27")
    world.write("web/Chart.yaml", CHART)
    world.write("web/values.yaml", plain)
    world.write("web/templates/a.yaml", "image: acme/web:{{ default .Chart.AppVersion .Values.image.tag }}\n")
    world.push("acme/web:1.27")
    assert [world.run(verb).code for verb in ("lock", "pin", "unpin")] == [0, 0, 0]
    assert world.read("web/values.yaml") == plain


def test_a_packaged_chart_is_read_with_the_charts_inside_and_never_written(world: World) -> None:
    inner = packed({"db/Chart.yaml": CHART.replace("1.27", "16"), "db/values.yaml": VALUES})
    data = packed(
        {
            "web/Chart.yaml": CHART,
            "web/values.yaml": VALUES,
            "web/templates/pod.yaml": "tag: {{ default .Chart.AppVersion .Values.image.tag }}\nimage: acme/literal:1\n",
            "web/charts/db-1.tgz": inner,
            "web/logo.png": b"\0",
        }
    )
    world.write("charts/web-0.1.0.tgz", data)

    assert rows(world) == [
        ("charts/web-0.1.0.tgz!web/values.yaml", "acme/web:1.27", False),
        ("charts/web-0.1.0.tgz!web/templates/pod.yaml", "acme/literal:1", False),
        ("charts/web-0.1.0.tgz!web/charts/db-1.tgz!db/values.yaml", "acme/web:16", False),
    ]
    for image in ("acme/web:1.27", "acme/web:16", "acme/literal:1"):
        world.push(image)
    assert world.run("lock").code == 0
    result = world.json("pin")
    assert result.codes == ["IL113"] * 3
    assert READ_ONLY in result.document["findings"][0]["message"]
    assert (world.root / "charts/web-0.1.0.tgz").read_bytes() == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        gzip.compress(b"no archive", mtime=0),
        packed({"package/package.json": '{"image": "acme/web:1"}'}),
        packed({"a/values.yaml": VALUES}),
    ],
)
def test_other_archives_hold_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(data)

    assert packed_texts(path, "a.tgz") == []


def test_an_archive_larger_than_a_chart_can_be_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    with path.open("wb") as stream:
        stream.truncate(17 * MIB)

    assert packed_texts(path, "a.tgz") == []


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(packed({"a/Chart.yaml": CHART, "a/values.yaml": b" " * CHART_BYTES}))

    with pytest.raises(FileError, match="larger than"):
        packed_texts(path, "a.tgz")


def test_a_bomb_of_charts_in_charts_shares_one_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "CHART_BYTES", MIB)
    monkeypatch.setattr(charts, "CHART_FILES", 100)
    inner = packed({"b/Chart.yaml": CHART, "b/values.yaml": b" " * (MIB // 3)})
    path = tmp_path / "a.tgz"
    path.write_bytes(packed({"a/Chart.yaml": CHART, **{f"a/charts/{i}.tgz": inner for i in range(4)}}))

    with pytest.raises(FileError, match="larger than"):
        packed_texts(path, "a.tgz")


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "CHART_FILES", 10)
    path = tmp_path / "a.tgz"
    path.write_bytes(packed({"a/Chart.yaml": CHART, **{f"a/{i}": "" for i in range(10)}}))

    with pytest.raises(FileError, match="more than"):
        packed_texts(path, "a.tgz")


def test_a_cut_archive_of_a_chart_is_told(tmp_path: Path, world: World) -> None:
    data = packed({"a/Chart.yaml": CHART, "a/values.yaml": bytes(range(256)) * 400})
    world.write("a.tgz", data[: len(data) // 2])

    assert world.json("scan").codes == ["IL114"]


def test_odd_names_and_links_are_left_out(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in ("a/Chart.yaml", "../a/values.yaml", "/a/values.yaml"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
        link = tarfile.TarInfo("a/values.yaml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    path = tmp_path / "a.tgz"
    path.write_bytes(stream.getvalue())

    assert [item.path for item in packed_texts(path, "a.tgz")] == ["a.tgz!a/Chart.yaml"]


def test_chart_files_that_are_packed_deeply_are_left_after_four(tmp_path: Path) -> None:
    data = packed({"x/Chart.yaml": CHART, "x/values.yaml": VALUES})
    for _ in range(5):
        data = packed({"x/Chart.yaml": CHART, "x/charts/x.tgz": data})
    path = tmp_path / "a.tgz"
    path.write_bytes(data)

    assert len(packed_texts(path, "a.tgz")) == 4
