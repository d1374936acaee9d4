"""Credentials are found where docker, podman and skopeo keep them, and are never shown."""

from __future__ import annotations

import base64
import json
import stat
import time
from typing import TYPE_CHECKING

import pytest

from imagelock import limits
from imagelock.errors import AccessDeniedError, ConfigError
from imagelock.registry.auth.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagelock.registry.auth.credentials import Credential

SECRET = "canary-7f3a"


def auth(user: str = "me", password: str = SECRET) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def docker(home: Path, document: object) -> Credentials:
    """Return a lookup that has only this ~/.docker/config.json."""
    write(home / ".docker" / "config.json", document)
    return Credentials({"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin"})


def helper(home: Path, name: str, script: str) -> None:
    """Write a credential helper; ``$server`` is what it was asked for."""
    path = home / "bin" / f"docker-credential-{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\nread server\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def user(found: Credential | None) -> str | None:
    return None if found is None else found.username


def test_every_place_is_looked_into_in_order(tmp_path: Path) -> None:
    environ = {
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "HOME": str(tmp_path / "home"),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
    }
    files = [
        tmp_path / "docker" / "config.json",
        tmp_path / "home" / ".config" / "containers" / "auth.json",
        tmp_path / "run" / "containers" / "auth.json",
    ]
    for path in files:  # the last one written is the first one asked
        write(
            path, {"auths": {"quay.io": auth(path.parent.parent.name), path.parent.parent.name: auth("own")}}
        )
        assert user(Credentials(environ).lookup("quay.io/a")) == path.parent.parent.name
    assert user(Credentials(environ).lookup(f"{files[0].parent.parent.name}/a")) == "own"


def test_without_docker_config_the_home_directory_is_asked(tmp_path: Path) -> None:
    assert user(docker(tmp_path, {"auths": {"quay.io": auth()}}).lookup("quay.io/a/b")) == "me"


def test_registry_auth_file_replaces_all_others(tmp_path: Path) -> None:
    docker(tmp_path, {"auths": {"quay.io": auth()}})
    chosen = write(tmp_path / "chosen.json", {"auths": {"ghcr.io": auth("chosen")}})
    found = Credentials({"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(chosen)})
    assert user(found.lookup("ghcr.io/a")) == "chosen"
    assert found.lookup("quay.io/a") is None


def test_registry_auth_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        Credentials({"REGISTRY_AUTH_FILE": str(tmp_path / "none.json")}).lookup("quay.io/a")


def test_no_file_is_no_credential(tmp_path: Path) -> None:
    assert Credentials({"HOME": str(tmp_path)}).lookup("quay.io/a") is None
    assert Credentials({}).lookup("quay.io/a") is None


def test_the_most_specific_path_wins(tmp_path: Path) -> None:
    keys = {"quay.io": auth("host"), "quay.io/acme": auth("team"), "quay.io/acme/app": auth("app")}
    found = docker(tmp_path, {"auths": keys})
    assert user(found.lookup("quay.io/acme/app")) == "app"
    assert user(found.lookup("quay.io/acme/other")) == "team"
    assert user(found.lookup("quay.io/acme-other/app")) == "host"
    assert found.lookup("quay.io.evil/acme/app") is None


@pytest.mark.parametrize(
    "key",
    [
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "https://index.docker.io/v1/",
        "index.docker.io/v1",
    ],
)
def test_docker_hub_has_many_names(tmp_path: Path, key: str) -> None:
    assert user(docker(tmp_path, {"auths": {key: auth()}}).lookup("docker.io/library/nginx")) == "me"


@pytest.mark.parametrize("key", ["https://quay.io", "http://quay.io/v2/", "quay.io/"])
def test_keys_may_be_addresses(tmp_path: Path, key: str) -> None:
    assert user(docker(tmp_path, {"auths": {key: auth()}}).lookup("quay.io/a")) == "me"


def test_username_password_and_identity_token_are_read(tmp_path: Path) -> None:
    entries: Mapping[str, Mapping[str, str]] = {
        "a.io": {"username": "u", "password": SECRET},
        "b.io": {"identitytoken": SECRET},
        "c.io": {**auth("00000000-0000", ""), "identitytoken": SECRET},
        "d.io": {},
    }
    found = docker(tmp_path, {"auths": entries})
    plain, token, both = (found.lookup(f"{host}/x") for host in ("a.io", "b.io", "c.io"))
    assert plain is not None
    assert (plain.username, plain.password) == ("u", SECRET)
    assert token is not None
    assert token.identity_token == SECRET
    assert token.basic == f"Basic {base64.b64encode(f'<token>:{SECRET}'.encode()).decode()}"
    assert both is not None
    assert (both.username, both.identity_token) == ("00000000-0000", SECRET)
    assert found.lookup("d.io/x") is None


def test_a_password_may_have_colons(tmp_path: Path) -> None:
    found = docker(tmp_path, {"auths": {"a.io": auth("u", "a:b:c")}}).lookup("a.io/x")
    assert found is not None
    assert found.password == "a:b:c"


def test_a_credential_never_shows_its_secret(tmp_path: Path) -> None:
    found = docker(tmp_path, {"auths": {"a.io": {**auth(), "identitytoken": SECRET}}})
    credential = found.lookup("a.io/x")
    assert SECRET not in repr(credential)
    assert SECRET not in repr(vars(found))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        f'{{"auths": {{"a.io": {{"auth": "{SECRET}!"}}}}}}',
        f'{{"auths": {{"a.io": {{"auth": "{base64.b64encode(SECRET.encode()).decode()}"}}}}}}',
        f'{{"{SECRET}": 1, "{SECRET}": 2}}',
    ],
)
def test_a_damaged_file_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / ".docker" / "config.json", {})
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Credentials({"HOME": str(tmp_path)}).lookup("a.io/x")
    assert caught.value.where == str(path)
    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / ".docker" / "config.json", {})
    path.write_text(" " * (limits.CREDENTIAL_FILE_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        Credentials({"HOME": str(tmp_path)}).lookup("a.io/x")


def test_a_helper_is_asked_once_and_its_token_is_known(tmp_path: Path) -> None:
    helper(
        tmp_path,
        "made.up-1",
        f'echo "$server" >> {tmp_path}/asked; echo \'{{"Username":"<token>","Secret":"{SECRET}"}}\'',
    )
    found = docker(tmp_path, {"credHelpers": {"a.io": "made.up-1"}})
    for path in ("x", "y"):
        credential = found.lookup(f"a.io/{path}")
        assert credential is not None
        assert (credential.identity_token, credential.source) == (SECRET, "docker-credential-made.up-1")
    assert (tmp_path / "asked").read_text() == "a.io\n"


def test_the_store_is_asked_for_docker_hub_by_both_names(tmp_path: Path) -> None:
    helper(
        tmp_path,
        "store",
        'if [ "$server" = docker.io ]; then echo \'{"Username":"u","Secret":"s"}\'; '
        "else echo 'credentials not found in native keychain'; exit 1; fi",
    )
    assert user(docker(tmp_path, {"credsStore": "store"}).lookup("docker.io/library/nginx")) == "u"


def test_a_store_without_the_host_leaves_the_entry_of_the_file(tmp_path: Path) -> None:
    helper(tmp_path, "store", "echo 'credentials not found in native keychain'; exit 1")
    found = docker(tmp_path, {"credsStore": "store", "auths": {"a.io": auth()}})
    assert user(found.lookup("a.io/x")) == "me"
    assert found.lookup("b.io/x") is None


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (f"echo {SECRET}; exit 3", "exit code 3"),
        (f"echo {SECRET}", "did not return a user name and secret"),
        (f'echo \'{{"Username":"{SECRET}"}}\'', "did not return a user name and secret"),
        ("exec head -c 200000 /dev/zero", "more than"),
    ],
)
def test_a_failing_helper_is_named_and_not_quoted(tmp_path: Path, script: str, words: str) -> None:
    helper(tmp_path, "bad", script)
    with pytest.raises(AccessDeniedError, match="docker-credential-bad") as caught:
        docker(tmp_path, {"credHelpers": {"a.io": "bad"}}).lookup("a.io/x")
    assert words in caught.value.message
    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_a_helper_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HELPER_SECONDS", 0.3)
    helper(tmp_path, "slow", "sleep 600 & sleep 600")
    found = docker(tmp_path, {"credsStore": "slow"})
    begin = time.monotonic()
    with pytest.raises(AccessDeniedError, match=r"docker-credential-slow did not answer within 0\.3 s"):
        found.lookup("a.io/x")
    assert time.monotonic() - begin < 120


@pytest.mark.parametrize("name", ["../evil", "a b", "x;id", "a/b"])
def test_a_helper_is_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(AccessDeniedError, match="not the name of a credential helper"):
        docker(tmp_path, {"credsStore": name}).lookup("a.io/x")


def test_a_missing_helper_is_named(tmp_path: Path) -> None:
    with pytest.raises(AccessDeniedError, match="docker-credential-desktop is not on PATH"):
        docker(tmp_path, {"credsStore": "desktop"}).lookup("a.io/x")
