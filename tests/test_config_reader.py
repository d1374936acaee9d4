"""The configuration: read strictly, and believed no further than its place allows."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelock.config import Config, has_config
from imagelock.config_reader import parse_config
from imagelock.errors import ConfigError
from imagelock.model.hosts import Alternate, HostSettings, Mirror
from imagelock.model.platform import Platform

WHOLE = """
[scan]
sources = ["deploy"]
exclude = ["vendor/**"]
[lock]
platforms = ["linux/amd64"]
from = ["external_images"]
[registries."quay.io"]
mirrors = ["http://localhost:5000/quay.io", { url = "mirror.example/x/", resolve = false }]
fallback = false
alternates = [{ match = "quay.io/acme/(.*)", to = "localhost:5000/acme-$1" }]
ca = "corp.pem"
[pin]
form = "name@digest"
existing = "keep"
[[exempt]]
image = "quay.io/acme/idea:next"
reason = "floating on purpose"
expires = 2030-12-31
"""


OLM = """
[olm]
related-images = true
base32 = "newline"
env-into = ["config/manager/manager.yaml"]
[[olm.catalog]]
env = "RELATED_IMAGE_.*plugin_registry"
files = "var/www/html/*/external_images.txt"
label = "plugin_registry_image"
[[olm.catalog]]
source = "devfiles"
label = "devfile_registry_image"
"""


def _parse(text: str, *, trusted: bool = True) -> Config:
    return parse_config(text, "imagelock.toml", trusted=trusted)


def _host(text: str, host: str = "quay.io", *, trusted: bool = True) -> HostSettings:
    return _parse(f'[registries."{host}"]\n{text}\n', trusted=trusted).hosts[host]


def test_nothing_written_is_every_default() -> None:
    assert _parse("") == Config()


@pytest.mark.parametrize("trusted", [True, False])
def test_everything_of_the_contract_is_read(trusted: bool) -> None:  # noqa: FBT001 - both ways
    config = _parse(WHOLE, trusted=trusted)
    assert config.sources == ("deploy",)
    assert config.exclude == ("vendor/**",)
    assert config.platforms == (Platform("linux", "amd64"),)
    assert config.lock_from == ("external_images",)
    assert (config.form, config.existing) == ("name@digest", "keep")
    assert config.hosts["quay.io"] == HostSettings(
        mirrors=(
            Mirror(url="http://localhost:5000/quay.io"),
            Mirror(url="https://mirror.example/x", resolve=False),
        ),
        fallback=False,
        alternates=(Alternate(match="quay.io/acme/(.*)", to="localhost:5000/acme-$1"),),
        ca="corp.pem" if trusted else None,
    )
    (exemption,) = config.exemptions
    assert (exemption.image, exemption.expires) == ("quay.io/acme/idea:next", dt.date(2030, 12, 31))
    assert len(config.warnings) == (0 if trusted else 1)


def test_a_project_file_is_read_from_its_table() -> None:
    text = "[project]\nname = 'x'\n[tool.imagelock.scan]\nsources = ['a']\n"
    assert parse_config(text, "sub/pyproject.toml", trusted=True).sources == ("a",)
    assert parse_config("[project]\nname = 'x'\n", "pyproject.toml", trusted=True) == Config()


@pytest.mark.parametrize("text", ["tool = 1\n", "[tool]\nimagelock = 1\n", "[[tool]]\n"])
def test_a_project_file_of_another_shape_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a table"):
        parse_config(text, "pyproject.toml", trusted=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tool.imagelock]\n", True),
        ("[project]\n[tool.imagelock.scan]\n", True),
        ('  [ tool . "imagelock" ]\n', True),
        ("[[tool.imagelock.exempt]]\n", True),
        ("[tool.imagelock-extra]\n", False),
        ("[tool.other]\nimagelock = 1\n", False),
        ("# [tool.imagelock]\n", False),
        ("\n" * (1 << 20), False),
    ],
)
def test_a_project_file_with_the_table_is_known(text: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert has_config(text) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("new = 1\n", "new: unknown key"),
        ("[scan]\nsource = []\n", "scan.source: unknown key; did you mean sources?"),
        ("[scan]\nsources = 'x'\n", "scan.sources: expected a list, found a string"),
        ("[scan]\nsources = [1]\n", r"scan.sources\[0\]: expected a string, found an integer"),
        ("scan = 1\n", "scan: expected a table"),
        ("[lock]\nplatforms = ['linux']\n", "is not a platform"),
        ("[pin]\nform = 'tag'\n", "pin.form: expected one of name:tag@digest, name@digest"),
        ("[pin]\nexisting = true\n", "expected a string, found true or false"),
        ("[[exempt]]\nimage = 'x'\n", r"exempt\[0\]: 'reason' is missing"),
        ("[[exempt]]\nreason = 'x'\n", r"exempt\[0\]: 'image' is missing"),
        ("[[exempt]]\nfiles = 1\nreason = 'x'\n", r"exempt\[0\].files: expected a list"),
        ("[[exempt]]\nfiles = 'a'\nnamespace = 'b'\nreason = 'x'\n", "files and pods"),
        ("[[pin.rule]]\nfiles = 'a'\n", r"pin.rule\[0\]: 'form' is missing"),
        ("[[pin.rule]]\nform = 'name@digest'\n", "a rule needs files, a format, or both"),
        ("[[pin.rule]]\nform = 'x'\nfiles = 'a'\n", r"pin.rule\[0\].form: expected one of"),
        ("[olm]\nrelated-images = true\n[[olm.catalog]]\nnaming = 'x'\n", r"naming: expected one of"),
        ("[olm]\nrelated-images = true\n[[olm.catalog]]\nsource = 'x'\n", "'label' is missing"),
        ("[[exempt]]\nimage = 'x'\nreason = 'y'\nexpires = 'z'\n", r"exempt\[0\].expires: expected"),
        ("[[exempt]]\nimage = 'x'\nreason = 'y'\nexpires = 2030-01-01T00:00:00\n", "expected a date"),
        ("[exempt]\nimage = 'x'\n", "exempt: expected a list"),
        ("[registries]\n'quay.io' = 1\n", "registries.quay.io: expected a table"),
        ("[registries.'quay.io']\nmirror = []\n", "registries.quay.io.mirror: unknown key"),
        ("[registries.'quay.io']\nfallback = 'no'\n", "fallback: expected true or false"),
        ("[registries.'quay.io']\nmirrors = [1]\n", r"mirrors\[0\]: expected a URL"),
        ("[registries.'quay.io']\nmirrors = [{ resolve = true }]\n", "'url' is missing"),
        ("[registries.'quay.io']\nmirrors = [{ url = 'a.example', x = 1 }]\n", "unknown key"),
        (
            "[registries.'quay.io']\nalternates = [{ match = '(', to = 'x' }]\n",
            "not a usable regular expression",
        ),
        ("[registries.'quay.io']\nalternates = [{ match = 'x' }]\n", "'to' is missing"),
        (
            "[registries.'quay.io']\nalternates = [{ match = 'x(.*)', to = 'a.example/$2' }]\n",
            r"no group \$2",
        ),
        ("[registries.'https://quay.io']\n", "is not a registry host"),
        ("[registries.'quay.io/acme']\n", "is not a registry host"),
        ("[registries.'index.docker.io']\n", "write docker.io"),
        ("[registries.quay]\n", "is not a registry host"),
        ("[registries.'']\n", "is not a registry host"),
        ("[scan]\nsources = [\n", "not TOML"),
        (f"x = {'1' * 5000}\n", "not a configuration"),
        (f"x = {'[' * 100_000}\n", "not"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_key(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        _parse(text)
    assert str(refusal.value.where).startswith("imagelock.toml")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example", "https://", "https:///x", "https://a.example?x=1", "https://a.example/#x", "https://a.example:0",
        "https://a.example:65536", "https://a.example:x", "https://[::1", "https://a b", "https://a.example/x y", "http:a",
        "https://a.example\\.localhost", "http://evil.example\\@localhost", "https://\u2100.example", "https://a.example\n", "",
    ],
)  # fmt: skip
def test_what_two_readers_could_take_for_two_addresses_is_none(url: str) -> None:
    with pytest.raises(ConfigError):
        _host(f"mirrors = [{_quoted(url)}]")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return f'"{escaped}"'


@pytest.mark.parametrize(
    "url", ["https://me:secret@a.example", "me:secret@a.example", "https://me@a.example"]
)
def test_credentials_in_an_address_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match="credential file") as refusal:
        _host(f'mirrors = ["{url}"]')
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "host", "refused"),
    [
        ("insecure = true", "quay.io", "insecure = true"),
        ("realms = ['https://token.example']", "quay.io", "realms"),
        ("cert = 'me.pem'", "quay.io", "a client certificate"),
        ("ca = 'corp.pem'", "quay.io", "a certificate authority"),
        ("mirrors = ['http://mirror.example']", "quay.io", "plain HTTP to mirror.example"),
        ("mirrors = ['http://10.0.0.1:5000/x']", "quay.io", "plain HTTP to 10.0.0.1:5000"),
        ("mirrors = ['mirror.example']", "quay.io", "resolving tags by mirror.example"),
        ("mirrors = ['https://localhost.example']", "quay.io", "resolving tags by localhost.example"),
        ("alternates = [{ match = '.*', to = 'evil.example/x' }]", "quay.io", "an alternate on another host"),
        ("alternates = [{ match = '(.*)', to = '$1' }]", "quay.io", "an alternate on another host"),
        ("alternates = [{ match = 'quay.io/(.*)', to = 'localhost$1' }]", "quay.io", "an alternate"),
        ("alternates = [{ match = 'quay.io/(.*)', to = 'localhost:5000$1/x' }]", "quay.io", "an alternate"),
        ("alternates = [{ match = 'quay.io/(.*)', to = '[$1' }]", "quay.io", "an alternate"),
    ],
)
def test_a_file_found_in_the_tree_cannot_weaken_trust(text: str, host: str, refused: str) -> None:
    config = _parse(f'[registries."{host}"]\n{text}\n', trusted=False)
    (warning,) = config.warnings
    assert refused in warning
    assert warning.startswith("imagelock.toml: ")
    settings = config.hosts[host]
    assert not settings.insecure
    assert not settings.realms
    assert settings.cert is None
    assert settings.ca is None
    assert not settings.alternates
    assert not any(mirror.resolve for mirror in settings.mirrors)
    assert not _parse(f'[registries."{host}"]\n{text}\n', trusted=True).warnings


@pytest.mark.parametrize("text", [
    "mirrors = ['http://localhost:5000/x']", "mirrors = ['http://127.0.0.1:5000']", "mirrors = ['http://[::1]:5000']",
    "mirrors = ['http://registry.localhost']", "mirrors = [{ url = 'https://mirror.example', resolve = false }]",
    "alternates = [{ match = 'quay.io/(.*)', to = 'localhost:5000/$1' }]", "fallback = false",
])  # fmt: skip
def test_loopback_and_content_by_digest_are_always_allowed(text: str) -> None:
    assert _host(text, trusted=False) == _host(text, trusted=True)


def test_this_machine_may_be_insecure_whoever_says_so() -> None:
    assert _host("insecure = true", "localhost:5000", trusted=False).insecure
    assert not _host("insecure = true", "127.0.0.1.example", trusted=False).insecure
    assert _host("ca = 'x.pem'", "localhost:5000", trusted=False).ca == "x.pem"


@given(st.text(st.characters(codec=None, categories=None), max_size=60), st.booleans())
def test_any_text_is_a_configuration_or_an_error(text: str, trusted: bool) -> None:  # noqa: FBT001 - drawn
    for start in ("", '[registries."quay.io"]\n', "[scan]\nsources = "):
        for where in ("imagelock.toml", "pyproject.toml"):
            try:
                parse_config(start + text, where, trusted=trusted)
            except ConfigError as error:
                assert error.message  # noqa: PT017 - any error of this kind is right


def test_olm_is_read_whole() -> None:
    olm = _parse(OLM).olm
    assert (olm.related_images, olm.base32, olm.env_into) == (
        True,
        "newline",
        ("config/manager/manager.yaml",),
    )
    assert [(item.label, item.env, item.files, item.source) for item in olm.catalogs] == [
        (
            "plugin_registry_image",
            "RELATED_IMAGE_.*plugin_registry",
            "var/www/html/*/external_images.txt",
            None,
        ),
        ("devfile_registry_image", None, None, "devfiles"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base32 = "hex"', "olm.base32: expected one of plain, newline"),
        ('env-into = ["a"]', "require related-images = true"),
        ('related-images = "yes"', "expected true or false"),
        ("other = 1", "olm.other: unknown key"),
        ('[[olm.catalog]]\nsource = "a"', "'label' is missing"),
        ('[[olm.catalog]]\nlabel = "a"', "either source, or env and files"),
        ('[[olm.catalog]]\nlabel = "a"\nsource = "a"\nfiles = "b"', "either source, or env and files"),
        ('[[olm.catalog]]\nlabel = "a"\nfiles = "b"', "env is missing"),
        ('[[olm.catalog]]\nlabel = "-"\nsource = "b"', "needs letters or digits"),
        ('[[olm.catalog]]\nlabel = "a"\nenv = "("\nsource = "b"', "not a usable regular expression"),
        (
            '[[olm.catalog]]\nlabel = "a-b"\nsource = "b"\n[[olm.catalog]]\nlabel = "a_b"\nsource = "c"',
            "two catalogs have the label a_b",
        ),
    ],
)
def test_what_olm_cannot_mean_is_told(text: str, message: str) -> None:
    prefix = "" if "require" in message or "related-images" in text else "related-images = true\n"
    with pytest.raises(ConfigError, match=re.escape(message)):
        _parse(f"[olm]\n{prefix}{text}\n")
