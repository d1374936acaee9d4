"""Images of a Dockerfile outside FROM: flags of COPY and RUN, triggers, the syntax directive."""

from __future__ import annotations

import pytest

from formats.reading import damage, pinned, reasons, references

PATH = "Dockerfile"


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("COPY --from=a/b:1 /x /y", "COPY --from=a/b:1@DIGEST /x /y"),
        ("COPY --link --from=a/b:1 --chown=1 /x /y", "COPY --link --from=a/b:1@DIGEST --chown=1 /x /y"),
        ("copy --from='a/b:1' /x /y", "copy --from='a/b:1@DIGEST' /x /y"),
        (
            "RUN --mount=type=bind,from=a/b:1,target=/x ls",
            "RUN --mount=type=bind,from=a/b:1@DIGEST,target=/x ls",
        ),
        ("RUN --mount=from=a/b:1 ls", "RUN --mount=from=a/b:1@DIGEST ls"),
        ('RUN --mount="type=bind,from=a/b:1" ls', 'RUN --mount="type=bind,from=a/b:1@DIGEST" ls'),
        ("RUN --mount=type=bind,\\\nfrom=a/\\\nb:1 ls", "RUN --mount=type=bind,\\\nfrom=a/\\\nb:1@DIGEST ls"),
        ("ONBUILD COPY --from=a/b:1 /x /y", "ONBUILD COPY --from=a/b:1@DIGEST /x /y"),
        ("ONBUILD RUN --mount=from=a/b:1 ls", "ONBUILD RUN --mount=from=a/b:1@DIGEST ls"),
    ],
)
def test_flags_that_pull_an_image_are_pinned(line: str, after: str) -> None:
    assert pinned(f"FROM scratch\n{line}\n", PATH) == f"FROM scratch\n{after}\n"


@pytest.mark.parametrize(
    "line",
    [
        "COPY --from=one /x /y",
        "COPY --from=ONE /x /y",
        "COPY --from=0 /x /y",
        "COPY --from=scratch /x /y",
        "COPY /x --from=a/b:1",
        "RUN --mount=type=cache,target=/x,from=one ls",
        "RUN --mount=type=cache,target=/x ls",
        "RUN docker build --mount=from=a/b:1",
        "RUN ls --mount=from=a/b:1",
        "ADD --from=a/b:1 /x /y",
        "LABEL --from=a/b:1",
        "ONBUILD ARG X=a/b:1",
    ],
)
def test_stages_and_words_of_commands_are_no_images(line: str) -> None:
    assert references(f"FROM a:1 AS one\n{line}\n", PATH) == ["a:1"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("COPY --from=late /x /y", "the name of a later stage"),
        ("COPY --from=$X /x /y", "variables are not replaced here"),
        ("ONBUILD COPY --from=builder /x /y", "a stage of the build that inherits this, or an image"),
    ],
)
def test_what_may_be_something_else_is_skipped_with_the_reason(line: str, reason: str) -> None:
    content = f"FROM scratch\n{line}\nFROM scratch AS late\n"
    assert list(reasons(content, PATH).values()) == [reason]


def test_damage_in_a_flag_is_told() -> None:
    assert damage("FROM scratch\nCOPY --from=a/B:1 /x /y\n", PATH) == ["a/B:1"]


@pytest.mark.parametrize(
    "head",
    [
        "# syntax=docker/dockerfile:1\n",
        "#syntax = docker/dockerfile:1 \r\n",
        "# escape=\\\n# Syntax=docker/dockerfile:1\n",
    ],
)
def test_the_syntax_directive_is_pinned(head: str) -> None:
    content = f"{head}FROM scratch\n"
    assert references(content, PATH) == ["docker/dockerfile:1"]
    assert pinned(content, PATH) == content.replace(":1", ":1@DIGEST", 1)


@pytest.mark.parametrize(
    "head", ["# a comment\n# syntax=a/b:1\n", "\n# syntax=a/b:1\n", "FROM a:1\n# syntax=a/b:1\n"]
)
def test_a_comment_below_the_directives_is_none(head: str) -> None:
    assert "a/b:1" not in references(f"{head}FROM scratch\n", PATH)


def test_a_file_of_any_name_with_the_directive_is_read() -> None:
    assert references("# syntax=docker/dockerfile:1\nFROM a:1\n", "build/image") == [
        "docker/dockerfile:1",
        "a:1",
    ]
    assert references("# nothing\nFROM a:1\n", "build/image") == []


def test_a_directive_of_an_escape_counts_for_flags() -> None:
    content = "# escape=`\nFROM scratch\nCOPY --from=a/`\nb:1 C:\\x\\ C:\\y\\\n"
    assert references(content, PATH) == ["a/b:1"]
