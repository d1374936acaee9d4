"""Names that OLM sees: related images, generated variables in both dialects, and what they decode to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelock.model import olm
from imagelock.model.digest import Digest
from imagelock.model.olm import Decoded
from imagelock.model.reference import Reference

DIGEST = str(Digest.of(b"an image"))
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)


def _related(*texts: str) -> list[str]:
    return list(olm.related_names(map(Reference.parse, texts)).values())


def _variables(*texts: str, dialect: str = olm.PLAIN) -> list[str]:
    return list(olm.env_names(map(Reference.parse, texts), "plugin_registry_image", dialect).values())


def test_a_related_image_is_named_by_its_last_part_and_tag() -> None:
    assert _related("quay.io/acme/web:1.2", "docker.io/acme/plain", f"quay.io/acme/own@{DIGEST}") == [
        "web-1.2",
        "plain-",
        f"own-@{DIGEST}",
    ]


def test_equal_names_all_take_the_full_path() -> None:
    assert _related("quay.io/a/web:1", "quay.io/b/web:1", "quay.io/b/web:2") == [
        "a-web-1",
        "b-web-1",
        "web-2",
    ]
    assert _variables("quay.io/a/web:1", "quay.io/b/web:1")[0].startswith("RELATED_IMAGE_a_web_plugin")


def test_what_still_collides_is_told_and_nothing_is_lost() -> None:
    names = olm.related_names(map(Reference.parse, ("quay.io/a/web:1", "docker.io/a/web:1", "b/other:1")))
    assert len(names) == 3
    assert list(olm.collisions(names).values()) == [[("quay.io/a/web", "1"), ("docker.io/a/web", "1")]]


def test_two_spellings_of_one_image_are_one() -> None:
    assert _related("nginx:1", "docker.io/library/nginx:1") == ["nginx-1"]


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        ("acme/code-server:3.6.2", "plain", "RELATED_IMAGE_code_server_plugin_registry_image_GMXDMLRS"),
        (
            "quay.io/acme/java-11:nightly",
            "plain",
            "RELATED_IMAGE_java_11_plugin_registry_image_NZUWO2DUNR4Q____",
        ),
        (
            "quay.io/acme/java-11:nightly",
            "newline",
            "RELATED_IMAGE_java_11_plugin_registry_image_NZUWO2DUNR4QU___",
        ),
        ("quay.io/acme/a--b.c", "plain", "RELATED_IMAGE_a__b_c_plugin_registry_image_"),
    ],
)
def test_a_variable_carries_its_tag_in_base32(text: str, dialect: str, expected: str) -> None:
    assert _variables(text, dialect=dialect) == [expected]
    assert olm.generated(olm.Catalog(label="plugin_registry_image")).fullmatch(expected)


@given(TAGS, st.sampled_from(olm.DIALECTS))
def test_every_tag_is_decoded_from_its_name_without_the_label(tag: str, dialect: str) -> None:
    (name,) = _variables(f"quay.io/acme/web:{tag}", dialect=dialect)
    assert olm.decode_name(name) == Decoded(tag=tag)


def test_an_image_that_came_with_its_digest_says_so() -> None:
    for dialect in olm.DIALECTS:
        (name,) = _variables(f"quay.io/acme/web@{DIGEST}", dialect=dialect)
        assert olm.decode_name(name) == Decoded(digest=DIGEST)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RELATED_IMAGE_x_image_", Decoded()),
        ("RELATED_IMAGE_x_image_BI______", Decoded()),
        ("RELATED_IMAGE_x_image", None),
        ("RELATED_IMAGE_x_image_GMXDMLR", None),
        ("RELATED_IMAGE_x_image___", None),
        ("PATH", None),
        ("", None),
    ],
)
def test_what_is_no_encoded_tag_is_none(name: str, expected: Decoded | None) -> None:
    assert olm.decode_name(name) == expected


@given(st.text(alphabet="AB27_az", max_size=24))
def test_decoding_raises_nothing(name: str) -> None:
    olm.decode_name(name)
