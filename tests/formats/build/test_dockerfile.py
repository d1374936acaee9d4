"""Dockerfiles: the images of FROM, with everything a shell of their own may do around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.build import dockerfile
from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Damaged, Place, Skipped

if TYPE_CHECKING:
    from imagelock.model.place import Found

DIGEST = Digest.of(b"an image")


def _find(content: str) -> list[Found]:
    return find(Text("Dockerfile", content))


def _references(content: str) -> list[str]:
    return [str(item.reference) for item in _find(content) if isinstance(item, Place)]


def _pinned(content: str) -> str:
    text = Text("Dockerfile", content)
    places = [item for item in find(text) if isinstance(item, Place)]
    return fill(text, [(place, place.reference.with_digest(DIGEST)) for place in places])


@pytest.mark.parametrize(
    ("path", "claimed"),
    [
        ("Dockerfile", True),
        ("build/Containerfile", True),
        ("Dockerfile.dev", True),
        ("web.Dockerfile", True),
        ("Dockerfile-arm64", True),
        ("dockerfile", True),
        ("Dockerfile.md", False),
        ("Dockerfile.yaml", False),
        (".dockerignore", False),
        ("Dockerfile.dockerignore", False),
        ("mydockerfile", False),
        ("dockerfiles/web", False),
    ],
)
def test_dockerfiles_are_known_by_their_name(path: str, claimed: bool) -> None:  # noqa: FBT001 - a table
    assert dockerfile.claims(Text(path, "FROM nginx\n")) is claimed


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("FROM nginx:1", ["nginx:1"]),
        ("from nginx:1\n", ["nginx:1"]),
        ("  From\tnginx:1  as  x\n", ["nginx:1"]),
        ("FROM --platform=$BUILDPLATFORM nginx:1 AS x\n", ["nginx:1"]),
        ("FROM --platform=linux/amd64 nginx:1\n", ["nginx:1"]),
        ('FROM "nginx:1"\n', ["nginx:1"]),
        ("FROM 'nginx:1' AS x\n", ["nginx:1"]),
        ("FROM scratch\n", []),
        ("FROM nginx:1 AS Web\nFROM web\nFROM WEB AS x\n", ["nginx:1"]),
        ("FROM web\nFROM nginx:1 AS web\n", ["web", "nginx:1"]),
        ("FROM \\\n  nginx:1\n", ["nginx:1"]),
        ("FROM ngi\\\nnx:1\n", ["nginx:1"]),
        ("FROM \\  \n# a comment\n\n  # another\nnginx:1 \\\nAS x\nFROM x\n", ["nginx:1"]),
        ("RUN a \\\nFROM x:1\nFROM nginx:1\n", ["nginx:1"]),
        ("# FROM x:1\nFROM nginx:1 # not a comment\n", ["nginx:1"]),
        ("# a comment \\\nFROM nginx:1\n", ["nginx:1"]),
        ("\ufeff# a comment \\\nFROM nginx:1\n", ["nginx:1"]),
        ("\ufeffFROM nginx:1\n", ["nginx:1"]),
        ("FROM nginx:1\r\nFROM web:2\r\n", ["nginx:1", "web:2"]),
        ("ONBUILD RUN x\nFROM nginx:1\n", ["nginx:1"]),
        ("FROM\n", []),
        ("FROM --platform=x\n", []),
        ("", []),
    ],
)
def test_the_base_of_every_stage_is_found(content: str, expected: list[str]) -> None:
    assert _references(content) == expected
    assert len(_find(content)) == len(expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("# escape=`\nFROM `\nnginx:1\n", ["nginx:1"]),
        ("\ufeff#Escape = `\r\nRUN dir c:\\\r\nFROM nginx:1\r\n", ["nginx:1"]),
        ("# check=skip=all\n# escape=`\nRUN c:\\\nFROM nginx:1\n", ["nginx:1"]),
        ("# hello\n# escape=`\nRUN c:\\\nFROM nginx:1\n", []),
        ("\n# escape=`\nRUN c:\\\nFROM nginx:1\n", []),
    ],
)
def test_the_escape_directive_counts_before_everything_else(content: str, expected: list[str]) -> None:
    assert _references(content) == expected


@pytest.mark.parametrize(
    "content",
    [
        "RUN <<EOF\nFROM x:1\nEOF\n",
        "RUN cat <<'EOF' > /f\nFROM x:1\nEOF\n",
        'RUN <<"EOF" sh\nFROM x:1\nEOF\n',
        "RUN <<-EOF\n\tFROM x:1\n\t\tEOF\n",
        "RUN <<-EOF\nFROM x:1\nEOF\n",
        "COPY <<one <<two /d\nFROM x:1\none\nFROM y:1\ntwo\n",
        "ADD <<a.txt /d\nFROM x:1\na.txt\n",
        "ONBUILD RUN <<EOF\nFROM x:1\nEOF\n",
        "RUN 3<<EOF\nFROM x:1\nEOF\n",
        "RUN <<EOF\r\nFROM x:1\r\nEOF\r\n",
        "RUN a \\\n <<EOF\nFROM x:1\nEOF\n",
        "RUN <<EOF\nFROM x:1\n EOF\n\tEOF\nEOF\n",
    ],
)
def test_lines_of_heredocs_are_no_instructions(content: str) -> None:
    assert _references(f"{content}FROM nginx:1\n") == ["nginx:1"]


@pytest.mark.parametrize(
    "line",
    [
        "RUN echo $((1<<2))",
        "RUN cat <<<EOF",
        "RUN echo '<<EOF'",
        "RUN a <<EOF",
        "ENV X=<<EOF",
        "RUN a << EOF",
        "LABEL x=<<EOF",
    ],
)
def test_what_is_no_heredoc_does_not_swallow_the_file(line: str) -> None:
    assert _references(f"{line}\nFROM nginx:1\n") == ["nginx:1"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("ARG B=nginx:1\nFROM $B\n", ["nginx:1"]),
        ("ARG B=nginx:1\nFROM ${B}\nFROM $B\n", ["nginx:1"]),
        ('ARG B="nginx:1"\nFROM ${B}\n', ["nginx:1"]),
        ("ARG A=x B='nginx:1'\nFROM ${B}\n", ["nginx:1"]),
        ("ARG B=nginx:1\nARG B=web:2\nFROM $B\n", ["web:2"]),
        ("ARG B=nginx:1\nFROM ${B:-web:2}\n", ["nginx:1"]),
        ("FROM ${B:-web:2}\n", ["web:2"]),
        ("ARG B\nFROM ${B:-web:2}\n", ["web:2"]),
        ("ARG B=\nFROM ${B:-web:2}\n", ["web:2"]),
        ("ARG B=scratch\nFROM $B\n", []),
        ("FROM nginx:1 AS s\nARG B=s\nFROM s\n", ["nginx:1"]),
        ("ARG UNUSED=web:2\nFROM nginx:1\n", ["nginx:1"]),
    ],
)
def test_arguments_lead_to_their_defaults(content: str, expected: list[str]) -> None:
    assert _references(content) == expected


@pytest.mark.parametrize(
    "line",
    [
        "FROM $B",
        "FROM ${B}",
        "FROM nginx:$TAG",
        "FROM ${R}/nginx:1",
        "FROM ${B:+x}",
        "FROM {{ base }}",
        "FROM ###BASE###",
    ],
)
def test_what_cannot_be_known_is_skipped_with_the_reason(line: str) -> None:
    (found,) = _find(f"{line}\n")
    assert isinstance(found, Skipped)
    assert found.reason


def test_an_argument_behind_the_first_stage_is_no_base() -> None:
    found = _find("FROM nginx:1\nARG B=web:2\nFROM $B\n")
    assert [type(item) for item in found] == [Place, Skipped]


@pytest.mark.parametrize(
    "line", ["FROM Nginx", "FROM https://quay.io/a", f"FROM a@{DIGEST}@{DIGEST}", "FROM x=nginx:1"]
)
def test_what_is_no_reference_is_damage(line: str) -> None:
    (found,) = _find(f"{line}\n")
    assert isinstance(found, Damaged)
    assert (found.line, found.column) == (1, 6)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("FROM nginx:1", f"FROM nginx:1@{DIGEST}"),
        ("FROM nginx:1\tAS x\r\n", f"FROM nginx:1@{DIGEST}\tAS x\r\n"),
        ("FROM 'nginx:1' AS x", f"FROM 'nginx:1@{DIGEST}' AS x"),
        ("FROM ngi\\\nnx:1\\\n AS x\n", f"FROM ngi\\\nnx:1@{DIGEST}\\\n AS x\n"),
        ("ARG B=nginx:1\nFROM $B\nFROM ${B}\n", f"ARG B=nginx:1@{DIGEST}\nFROM $B\nFROM ${{B}}\n"),
        ("ARG A='a:1' B=b:1\nFROM $B\nFROM $A\n", f"ARG A='a:1@{DIGEST}' B=b:1@{DIGEST}\nFROM $B\nFROM $A\n"),
        ("FROM ${B:-nginx:1}\n", f"FROM ${{B:-nginx:1@{DIGEST}}}\n"),
        ("# escape=`\nFROM ngin`\nx:1`\n  AS x\n", f"# escape=`\nFROM ngin`\nx:1@{DIGEST}`\n  AS x\n"),
    ],
)
def test_pinning_writes_behind_the_name_wherever_it_stands(before: str, after: str) -> None:
    assert _pinned(before) == after
