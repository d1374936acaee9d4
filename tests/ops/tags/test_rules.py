"""The rules of tag files: what each finds, where, and what comes close and is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.finding_codes import Level
from imagelock.model.tagfile import TagRule
from imagelock.ops.tags.files import tag_file as read_tag_file
from imagelock.ops.tags.rules import judge, lint
from support.tagged import BUILD, COMMIT, item, tag_file

if TYPE_CHECKING:
    from imagelock.model.outcome import Finding
    from imagelock.ops.tags.rules import Linted

DEX = "docker.io/acme/dex"
DIGEST = Digest.of(b"made up")


def linted(*contents: str, rules: tuple[TagRule, ...] = (), forms: bool = True) -> Linted:
    files = [
        read_tag_file(Text(f"image-tags-{number}.yaml", content)) for number, content in enumerate(contents)
    ]
    return judge(files, rules, forms=forms)


def only(found: Linted) -> Finding:
    (finding,) = found.findings
    return finding


def place(finding: Finding) -> tuple[str, str | None]:
    return finding.code, finding.where


def test_a_right_file_has_no_findings() -> None:
    found = linted(tag_file(item(DEX, "stx.4.0-v1.0"), item("docker.io/acme/rvmc", "v2")))

    assert found.findings == ()
    assert [entry.shown for entry in found.entries] == [f"{DEX}:stx.4.0-v1.0", "docker.io/acme/rvmc:v2"]
    assert (found.entries[0].source_tag, found.entries[0].commit) == (BUILD, COMMIT)


@pytest.mark.parametrize("tag", ["stx.8.0.v1.0.5", "stx8.0-v1.0.5", "stx.8-v1.0", "stx.8.0-1.0.5", "stx"])
def test_a_mistyped_tag_is_found_at_its_own_column(tag: str) -> None:
    found = linted(tag_file(item(DEX, tag)))

    assert place(only(found)) == ("IL402", "image-tags-0.yaml:7:10")
    assert found.entries == ()
    assert found.invalid == 1


def test_a_mistyped_tag_comes_with_the_tag_that_is_meant() -> None:
    assert only(linted(tag_file(item(DEX, "stx.8.0.v1.0.5")))).hint == "did you mean stx.8.0-v1.0.5?"


@pytest.mark.parametrize("tag", ["stx.8.0-v1.0.5", "stx.13.0-v1.38.3-1-trixie", "v1", "1.0-stx.8"])
def test_right_tags_and_other_peoples_tags_are_left_alone(tag: str) -> None:
    assert linted(tag_file(item(DEX, tag))).findings == ()


def test_a_rule_of_the_configuration_takes_the_place_of_the_built_in_form() -> None:
    rules = (TagRule(tag=r"rel-[0-9]+", reason="agreed in May"),)
    found = linted(tag_file(item(DEX, "stx.8.0-v1"), item("a/b", "rel-7")), rules=rules)

    assert only(found).message == "the tag stx.8.0-v1 is not of the form rel-[0-9]+"
    assert only(found).notes == ("agreed in May",)
    assert [entry.tag for entry in found.entries] == ["rel-7"]


def test_a_suffix_is_asked_of_the_files_the_rule_names_only() -> None:
    rules = (TagRule(files="*-1.yaml", suffix="-trixie"),)
    found = linted(
        tag_file(item(DEX, "stx.8.0-v1")),
        tag_file(item("a/b", "stx.8.0-v1"), item("a/c", "stx.8.0-v1-trixie")),
        rules=rules,
    )

    assert only(found).message == "the tag stx.8.0-v1 does not end in -trixie"
    assert only(found).file == "image-tags-1.yaml"


def test_a_suffix_rule_leaves_the_built_in_form_in_force() -> None:
    found = linted(tag_file(item(DEX, "stx.8.0.v1-trixie")), rules=(TagRule(suffix="-trixie"),))

    assert place(only(found))[0] == "IL402"


def test_a_silenced_finding_leaves_the_entry_valid() -> None:
    content = tag_file(item(DEX, "stx.8.0.v1  # imagelock: ignore[IL402] published"))
    found = linted(content)

    assert found.findings == ()
    assert len(found.entries) == 1


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("---\nimage: []\n", 2, "the key images is missing"),
        ("# nothing\n", 1, "the file has no content"),
        (tag_file("  - just text\n"), 4, "an item that is not a mapping"),
        (tag_file(item(DEX, "''")), 7, "tag: it is empty"),
        (tag_file(item(DEX, "")), 4, f"tag of {DEX} is missing"),
        (tag_file(item(DEX, "1.20")), 7, "tag: 1.20 is not a string in YAML: write it in quotes"),
        (tag_file(item(DEX, "a:b")), 7, "tag: 'a:b' is not a tag"),
        (tag_file(item(f"{DEX}:v1", "v2")), 4, "name: the name includes the tag 'v1'"),
        (tag_file(item(f"{DEX}@{DIGEST}", "v2")), 4, "name: the name includes a digest"),
        (tag_file(item("Docker.IO/ACME", "v2")), 4, "name: 'Docker.IO/ACME': a repository name must be in lower case"),
        (tag_file(item(DEX, "v1", build="a b")), 5, "src_build_tag: 'a b' is not a tag"),
        (tag_file(item(DEX, "v1", commit="x y")), 6, "src_ref: white space is not allowed here"),
        (tag_file(item(DEX, "v1", more="    tag: v2\n")), 8, "tag is twice in one item; YAML readers take the last one"),
        (tag_file(item(DEX, "v1", more="    digest: sha256:abc\n")), 8, "digest: 'sha256:abc': a sha256 digest has 64 hex characters, this has 3"),
    ],
)  # fmt: skip
def test_what_breaks_a_file_is_an_error_with_its_line(content: str, line: int, message: str) -> None:
    found = linted(content)

    told = next(finding for finding in found.findings if finding.line == line)
    assert (told.code, told.level, told.message) == ("IL402", Level.ERROR, message)
    assert found.entries == ()


@pytest.mark.parametrize("key", ["name", "src_build_tag", "src_ref", "tag"])
def test_every_missing_key_is_told(key: str) -> None:
    lines = [line for line in item(DEX, "v1").splitlines() if f"{key}:" not in line]
    content = tag_file("\n".join(["  - digest: ''", *(line.replace("- ", "  ") for line in lines)]) + "\n")

    assert any(finding.message.startswith(key) for finding in linted(content).findings)


def test_unknown_keys_and_short_commits_are_warnings() -> None:
    found = linted(tag_file(item(DEX, "v1", commit="abc", more="    owner: me\n")))

    assert {finding.level for finding in found.findings} == {Level.WARNING}
    assert len(found.entries) == 1


def test_a_document_that_does_not_parse_is_unreadable_and_the_next_is_read() -> None:
    found = linted("images: [\n" + tag_file(item(DEX, "v1")))

    assert only(found).code == "IL114"
    assert len(found.entries) == 1


def test_the_same_entry_twice_is_a_warning_and_counts_once() -> None:
    found = linted(tag_file(item(DEX, "v1")), tag_file(item(DEX, "v1")))

    assert (only(found).code, only(found).level) == ("IL109", Level.WARNING)
    assert only(found).notes == ("first at image-tags-0.yaml:7",)
    assert found.counts == {"items": 2, "duplicate": 1, "invalid": 0}


def test_one_name_and_tag_with_two_sources_is_an_error_across_files() -> None:
    found = linted(tag_file(item(DEX, "v1")), tag_file(item(DEX, "v1", build="another")))

    assert only(found).message == f"{DEX}:v1 has two sources"
    assert place(only(found)) == ("IL402", "image-tags-1.yaml:7:10")
    assert [note.partition(": ")[0] for note in only(found).notes] == [
        "image-tags-0.yaml:7",
        "image-tags-1.yaml:7",
    ]
    assert (found.entries, found.invalid) == ((), 2)


def test_a_short_and_a_full_spelling_are_one_name() -> None:
    found = linted(tag_file(item("acme/dex", "v1"), item("docker.io/acme/dex", "v1", build="another")))

    assert only(found).code == "IL402"


def test_two_digests_of_one_tag_are_an_error() -> None:
    one, other = (f"    digest: {Digest.of(text)}\n" for text in (b"one", b"other"))
    found = linted(tag_file(item(DEX, "v1", more=one), item(DEX, "v1", more=other)))

    assert only(found).code == "IL104"
    assert found.entries == ()


def test_of_duplicates_the_one_with_a_digest_counts() -> None:
    found = linted(tag_file(item(DEX, "v1"), item(DEX, "v1", more=f"    digest: {DIGEST}\n")))

    assert [entry.digest for entry in found.entries] == [DIGEST]


def test_an_empty_list_is_right() -> None:
    assert linted("images: []\n").findings == ()


def test_without_forms_any_tag_is_right() -> None:
    assert len(linted(tag_file(item(DEX, "stx.8.0.v1")), forms=False).entries) == 1


def test_the_summary_counts_every_item_once() -> None:
    content = tag_file(item(DEX, "v1"), item(DEX, "v1"), item("a/b", "stx"), item("a/c", "v1"))
    outcome = lint([read_tag_file(Text("t.yaml", content))], ())

    assert outcome.summary == {"files": 1, "items": 4, "duplicate": 1, "invalid": 1, "valid": 2}
    assert outcome.exit_code() == 1


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        (f"https://git.example/app/commit/{COMMIT}", None),
        (f"https://git.example/app/commit/{COMMIT}/", None),
        ("https://git.example/app/commit/5d6701b", "is cut short"),
        (f"https://git.example/app/commit/{COMMIT.upper()}", "in capitals"),
        (f"https://git.example/app/commits/{COMMIT}", "the address of commits, not of a commit"),
        (f"https://git.example/app/tree/{COMMIT}", "the address of tree"),
        (f"ssh://git.example/app/commit/{COMMIT}", "not for the web"),
        (COMMIT, "without its repository"),
        ("https://git.example/app/tree/master", "not a full commit"),
        ("HEAD", "not a full commit"),
    ],
)
def test_a_source_is_the_address_of_a_full_commit(ref: str, says: str | None) -> None:
    content = tag_file(item(DEX, "stx.4.0-v1.0")).replace(f"https://git.example/app/commit/{COMMIT}", ref)
    found = linted(content)
    assert len(found.entries) == 1
    if says is None:
        assert found.findings == ()
    else:
        assert says in only(found).message
        assert (only(found).level, place(only(found))) == (Level.WARNING, ("IL402", "image-tags-0.yaml:6:14"))


@pytest.mark.parametrize("build", ["latest", "master-debian-stable-latest"])
def test_a_build_that_floats_is_a_warning_at_its_line(build: str) -> None:
    found = linted(tag_file(item(DEX, "stx.4.0-v1.0", build=build)))
    assert (only(found).level, place(only(found))) == (Level.WARNING, ("IL405", "image-tags-0.yaml:5:20"))


def test_an_unknown_key_makes_its_item_invalid_where_it_is_strict() -> None:
    content = tag_file(item(DEX, "stx.4.0-v1.0", more="    colour: red\n"))
    file = read_tag_file(Text("t.yaml", content))
    assert [item.level for item in judge([file], ()).findings] == [Level.WARNING]
    strict = judge([file], (), strict=True)
    assert ([item.level for item in strict.findings], strict.entries) == ([Level.ERROR], ())


def test_one_version_that_files_build_from_two_revisions_is_reported_with_both() -> None:
    other = "b" * 40
    files = [
        read_tag_file(Text("tags-bullseye.yaml", tag_file(item(DEX, "stx.13.0-v1.0-bullseye")))),
        read_tag_file(Text("tags-trixie.yaml", tag_file(item(DEX, "stx.13.0-v1.0-trixie", commit=other)))),
    ]
    (found,) = lint(files, ()).findings
    assert (found.code, found.level) == ("IL402", Level.WARNING)
    assert "version stx.13.0-v1.0 is built from 2 revisions" in found.message
    assert [note.partition(":")[0] for note in found.notes] == ["tags-bullseye.yaml", "tags-trixie.yaml"]
    same = [files[0], read_tag_file(Text("tags-trixie.yaml", tag_file(item(DEX, "stx.13.0-v1.0-trixie"))))]
    assert lint(same, ()).findings == ()
