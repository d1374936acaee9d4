"""WWW-Authenticate as registries write it; the forms are from their public documentation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelock.registry.auth.challenge import Challenge, parse_challenges

HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:library/nginx:pull"'
)


def test_docker_hub() -> None:
    assert parse_challenges([HUB]) == (
        Challenge(
            scheme="bearer",
            realm="https://auth.docker.io/token",
            service="registry.docker.io",
            scope="repository:library/nginx:pull",
        ),
    )


@pytest.mark.parametrize(
    ("header", "schemes"),
    [
        ('Basic realm="Registry Realm"', ["basic"]),
        ('bearer Realm = "https://a/t" , SERVICE=b', ["bearer"]),
        ('Negotiate, NTLM, Basic realm="x"', ["negotiate", "ntlm", "basic"]),
        ('Negotiate YIIab/+cd==, Bearer realm="https://a"', ["negotiate", "bearer"]),
        ('Basic realm="a, Bearer realm=b"', ["basic"]),
        ("", []),
        (",,, ", []),
        ('realm="orphan"', []),
        ("\x00\x01", []),
    ],
)
def test_schemes_are_told_from_parameters(header: str, schemes: list[str]) -> None:
    assert [challenge.scheme for challenge in parse_challenges([header])] == schemes


def test_many_headers_and_many_challenges_in_one() -> None:
    headers = [f'Basic realm="x", {HUB}', 'Bearer realm="https://b/t"']
    assert [one.realm for one in parse_challenges(headers)] == [
        "x",
        "https://auth.docker.io/token",
        "https://b/t",
    ]


def test_quoted_strings_keep_commas_and_lose_escapes() -> None:
    (one,) = parse_challenges(
        [r'Bearer realm="https://a/?x=1,2",service="a \"b\" \\c",scope="a:b:pull,push"']
    )
    assert (one.realm, one.service, one.scope) == ("https://a/?x=1,2", r'a "b" \c', "a:b:pull,push")


def test_the_first_of_two_equal_parameters_counts() -> None:
    (one,) = parse_challenges(['Bearer realm="https://a",realm="https://b"'])
    assert one.realm == "https://a"


@given(st.lists(st.text(max_size=200), max_size=3))
def test_nothing_breaks_the_reader(headers: list[str]) -> None:
    parse_challenges(headers)
