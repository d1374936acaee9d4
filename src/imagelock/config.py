"""What a configuration says, and what counts without one; :mod:`imagelock.config_reader` reads the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagelock.lazy_regex import lazy_regex
from imagelock.limits import SCAN_FILE_BYTES
from imagelock.model.olm import OlmSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelock.model.exemption import Exemption
    from imagelock.model.form_rule import FormRule
    from imagelock.model.helm import HelmRelease
    from imagelock.model.hosts import HostSettings
    from imagelock.model.platform import Platform
    from imagelock.model.rule import ScanRule
    from imagelock.model.selection import Selection
    from imagelock.model.tagfile import TagRule

FILE_NAME = "imagelock.toml"
PYPROJECT = "pyproject.toml"
FORMS = ("name:tag@digest", "name@digest")
EXISTING = ("move", "keep")
_CONFIG_TABLE = lazy_regex(
    r"^[ \t]*\[\[?[ \t]*tool[ \t]*\.[ \t]*[\"']?imagelock[\"']?[ \t]*[.\]]", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the configuration says; the defaults are those of a project without one.

    ``warnings`` lists settings of an untrusted file that were ignored.
    """

    sources: tuple[str, ...] = (".",)
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    max_file_bytes: int = SCAN_FILE_BYTES
    rules: tuple[ScanRule, ...] = ()
    platforms: tuple[Platform, ...] = ()
    lock_from: tuple[str, ...] = ()
    build_images: tuple[str, ...] = ()
    build_references: tuple[str, ...] = ()
    says_lists: bool = False
    """Whether the file says which lists there are; without it lists of the usual names count where they are there."""
    form: str = FORMS[0]
    forms: tuple[FormRule, ...] = ()
    existing: str = EXISTING[0]
    insert_keys: bool = False
    hosts: Mapping[str, HostSettings] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    helm: tuple[HelmRelease, ...] = ()
    tag_rules: tuple[TagRule, ...] = ()
    selections: tuple[Selection, ...] = ()
    olm: OlmSettings = field(default_factory=OlmSettings)
    warnings: tuple[str, ...] = ()


def has_config(text: str) -> bool:
    """Whether a ``pyproject.toml`` has a ``[tool.imagelock]`` table."""
    return _CONFIG_TABLE.search(text) is not None
