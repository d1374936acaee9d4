"""Read ``imagelock.toml`` strictly into values; drop what weakens trust unless the file is trusted.

The text comes from the caller; nothing here reads files.  A configuration that was merely found in a
tree must not switch off verification, name token services, or send requests for tags to hosts of its own
choice (docs/concepts/trust.md); loopback is always allowed.
"""

from __future__ import annotations

import contextlib
import re
import tomllib

from imagelock.config import EXISTING, FORMS, PYPROJECT, Config
from imagelock.errors import ConfigError, InvalidValueError
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import SCAN_FILE_BYTES, SCAN_FILE_MOST_BYTES
from imagelock.model import toml_text
from imagelock.model.exemption import Exemption
from imagelock.model.form_rule import FormRule
from imagelock.model.helm import HelmRelease
from imagelock.model.olm import BASE32, DIALECTS, NAMINGS, Catalog, OlmSettings, safe
from imagelock.model.platform import Platform
from imagelock.model.reference import Reference
from imagelock.model.registry_table import host_settings, registry_name
from imagelock.model.rule import ScanRule
from imagelock.model.selection import REGEX, SEMVER, Selection, require_range
from imagelock.model.sizes import parse_size
from imagelock.model.tagfile import TagRule
from imagelock.model.toml_lines import line_of
from imagelock.model.toml_table import Table, TableError, expression

_MOST_TAGS_CHARS = 1_000
"""What chooses tags; the reader of ranges takes time with the length."""
_RELEASE = lazy_regex(r"[a-z0-9](?:[a-z0-9.-]{0,51}[a-z0-9])?", re.ASCII)
_LINE = lazy_regex(r"line ([0-9]+)", re.ASCII)


def parse_config(text: str, where: str, *, trusted: bool) -> Config:
    """Read the text of a configuration file (``pyproject.toml`` by its name: ``[tool.imagelock]``)."""
    try:
        document = toml_text.loads(text)
        root = Table(document)
        if where.endswith(PYPROJECT):
            root = root.table("tool").table("imagelock")
        return _config(root, where, trusted=trusted)
    except tomllib.TOMLDecodeError as error:
        line = _LINE.search(str(error))
        raise ConfigError(f"not TOML: {error}", where=f"{where}:{line[1]}" if line else where) from error
    except TableError as error:
        at = line_of(text, error.path)
        raise ConfigError(
            str(error),
            where=where if at is None else f"{where}:{at}",
            hint="`imagelock help configuration` has every key",
        ) from error
    except (ValueError, RecursionError) as error:
        # A number of a million digits and a thousand brackets are not TOMLDecodeErrors to tomllib.
        raise ConfigError(f"not a configuration: {error}", where=where) from error


def _size(table: Table, key: str) -> int:
    """Return a size in bytes: ``"128 MiB"``, or 64 MiB where none is written."""
    written = table.optional(key, str)
    if written is None:
        return SCAN_FILE_BYTES
    size = 0
    with contextlib.suppress(InvalidValueError):
        size = parse_size(written)
    if not 0 < size <= SCAN_FILE_MOST_BYTES:
        raise TableError(table.key(key), 'expected a size of at most 1 GiB, such as "128 MiB"')
    return size


def _config(root: Table, where: str, *, trusted: bool) -> Config:
    names = ("scan", "lock", "build", "pin", "tags", "mirror")
    scan, lock, build, pin, tags, mirror = (root.table(name) for name in names)
    warnings: list[str] = []
    config = Config(
        sources=scan.strings("sources") or (".",),
        exclude=scan.strings("exclude") or (),
        include=scan.strings("include") or (),
        max_file_bytes=_size(scan, "max-file-size"),
        rules=tuple(_rule(table, trusted=trusted) for table in scan.tables("rule")),
        platforms=tuple(_platform(lock, text) for text in lock.strings("platforms") or ()),
        lock_from=lock.strings("from") or (),
        build_images=build.strings("images") or (),
        build_references=build.strings("references") or (),
        says_lists=bool(build.values) or "from" in lock.values,
        form=_choice(pin, "form", FORMS),
        forms=tuple(_form_rule(table) for table in pin.tables("rule")),
        existing=_choice(pin, "existing", EXISTING),
        insert_keys=pin.optional("insert-keys", bool) or False,
        hosts={
            registry_name(table, host): host_settings(host, table, warnings, where, trusted=trusted)
            for host, table in root.table("registries").named_tables()
        },
        exemptions=tuple(_exemption(table) for table in root.tables("exempt")),
        helm=tuple(_helm(table) for table in root.tables("helm")),
        tag_rules=tuple(_tag_rule(table, trusted=trusted) for table in tags.tables("rule")),
        selections=tuple(_selection(table, trusted=trusted) for table in mirror.tables("select")),
        olm=_olm(root.table("olm"), trusted=trusted),
        warnings=tuple(warnings),
    )
    for table in (scan, lock, build, pin, tags, mirror, root):
        table.done()
    return config


def _choice(table: Table, name: str, choices: tuple[str, ...]) -> str:
    value = table.optional(name, str)
    if value is not None and value not in choices:
        raise TableError(table.key(name), f"expected one of {', '.join(choices)}, found {value!r}")
    return value or choices[0]


def _form_rule(table: Table) -> FormRule:
    rule = FormRule(
        form=_choice(table, "form", FORMS), files=table.globs("files"), format=table.optional("format", str)
    )
    table.done()
    if "form" not in table.values:
        raise TableError(table.path, "'form' is missing")
    if not rule.files and rule.format is None:
        raise TableError(table.path, "a rule needs files, a format, or both")
    return rule


def _platform(table: Table, text: str) -> Platform:
    try:
        return Platform.parse(text)
    except InvalidValueError as error:
        raise TableError(table.key("platforms"), f"{error.message}; {error.hint}") from error


def _rule(table: Table, *, trusted: bool) -> ScanRule:
    words = ("path", "regex", "kind", "name", "namespace", "group")
    rule = ScanRule(**{word: table.optional(word, str) for word in words}, files=table.strings("files") or ())
    table.done()
    if rule.path is None and rule.regex is None:
        raise TableError(table.path, "a rule has a path, a regex, or both")
    if rule.regex is not None:
        found = expression(table.key("regex"), rule.regex, multiline=True, trusted=trusted)
        if "image" not in found.names:
            raise TableError(table.key("regex"), "the expression needs a group (?P<image>…)")
    return rule


def _helm(table: Table) -> HelmRelease:
    release = HelmRelease(
        chart=_below(table, "chart", table.required("chart", str)),
        values=tuple(_below(table, "values", item) for item in table.strings("values") or ()),
        release=table.optional("release", str) or "imagelock",
        namespace=table.optional("namespace", str),
        kube_version=table.optional("kube-version", str),
        api_versions=table.strings("api-versions") or (),
        sets=table.strings("set") or (),
    )
    if _RELEASE.fullmatch(release.release) is None:
        raise TableError(table.key("release"), f"{release.release!r} is not the name of a release")
    table.done()
    return release


def _below(table: Table, key: str, path: str) -> str:
    """Return a path below the project, without a leading ``./``; one that leads out of it is refused."""
    parts = path.removeprefix("./").rstrip("/").split("/")
    if path.startswith("/") or ".." in parts or "" in parts:
        raise TableError(table.key(key), f"{path!r} is not a path below the project")
    return "/".join(parts)


def _tag_rule(table: Table, *, trusted: bool) -> TagRule:
    rule = TagRule(
        files=table.optional("files", str) or "*",
        tag=table.optional("tag", str),
        suffix=table.optional("suffix", str),
        reason=table.optional("reason", str),
    )
    table.done()
    if rule.tag is None and rule.suffix is None:
        raise TableError(table.path, "a rule for tags needs a tag (a regular expression) or a suffix")
    if rule.tag is not None:
        expression(table.key("tag"), rule.tag, trusted=trusted)
    return rule


def _selection(table: Table, *, trusted: bool) -> Selection:
    written, tags, newest = (
        table.required("name", str),
        table.optional("tags", str),
        table.optional("newest", int),
    )
    try:
        reference = Reference.parse(written)
    except InvalidValueError as error:
        raise TableError(table.key("name"), error.message) from error
    if reference.tag is not None or reference.digest is not None:
        raise TableError(table.key("name"), "a repository, without a tag or a digest")
    if tags is not None:
        _require_tags(table.key("tags"), tags, trusted=trusted)
    if newest is not None and newest < 1:
        raise TableError(table.key("newest"), "expected how many of the newest tags, at least 1")
    if tags is None and newest is None:
        raise TableError(table.path, "a selection needs tags, newest, or both")
    table.done()
    return Selection(name=reference.name, tags=tags, newest=newest)


def _require_tags(key: str, tags: str, *, trusted: bool) -> None:
    if len(tags) > _MOST_TAGS_CHARS:
        raise TableError(key, f"longer than {_MOST_TAGS_CHARS} characters")
    if tags.startswith(REGEX):
        expression(key, tags.removeprefix(REGEX), trusted=trusted)
        return
    if not tags.startswith(SEMVER):
        raise TableError(key, f'expected "{SEMVER}>=1.2 <2" or "{REGEX}…", found {tags!r}')
    try:
        require_range(tags.removeprefix(SEMVER))
    except ValueError as error:
        raise TableError(key, str(error)) from error


def _olm(table: Table, *, trusted: bool) -> OlmSettings:
    settings = OlmSettings(
        related_images=table.optional("related-images", bool) is True,
        base32=_choice(table, "base32", DIALECTS),
        env_into=table.strings("env-into") or (),
        catalogs=tuple(_catalog(inner, trusted=trusted) for inner in table.tables("catalog")),
    )
    table.done()
    if (settings.env_into or settings.catalogs) and not settings.related_images:
        raise TableError(table.path, "catalogs and env-into require related-images = true")
    labels = [safe(item.label) for item in settings.catalogs]
    for label in labels:
        if labels.count(label) > 1:
            raise TableError(table.key("catalog"), f"two catalogs have the label {label}")
    return settings


def _catalog(table: Table, *, trusted: bool) -> Catalog:
    words = ("env", "files", "source")
    naming = _choice(table, "naming", NAMINGS)
    # The names of editors and samples hold no label: there it is only what --label means.
    label = table.required("label", str) if naming == BASE32 else table.optional("label", str) or naming
    catalog = Catalog(label=label, naming=naming, **{word: table.optional(word, str) for word in words})
    table.done()
    if not safe(catalog.label).strip("_"):
        raise TableError(table.key("label"), "a label needs letters or digits")
    if (catalog.source is None) == (catalog.files is None):
        raise TableError(table.path, "a catalog needs either source, or env and files")
    if catalog.files is not None and catalog.env is None:
        raise TableError(table.path, "env is missing: it names the image that files are read from")
    if catalog.env is not None:
        expression(table.key("env"), catalog.env, trusted=trusted)
    return catalog


def _exemption(table: Table) -> Exemption:
    import datetime as dt  # noqa: PLC0415 - only configurations with exemptions need it

    files = table.globs("files")
    exemption = Exemption(
        image=(table.optional("image", str) or "*") if files else table.required("image", str),
        files=files,
        reason=table.required("reason", str),
        namespace=table.optional("namespace", str),
        owner=table.optional("owner", str),
        expires=table.optional("expires", dt.date),
    )
    if isinstance(exemption.expires, dt.datetime):
        raise TableError(table.key("expires"), "expected a date (2030-12-31), found a time")
    if files and exemption.is_for_pods:
        raise TableError(table.path, "files and pods are exempt by two tables: files with namespace or owner")
    table.done()
    return exemption
