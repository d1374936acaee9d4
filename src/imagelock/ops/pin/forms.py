"""Decide in which form each place is written: by the configuration's rules, by what OLM asks, or as by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import ConfigError
from imagelock.formats.all import names
from imagelock.ops.scan.file_patterns import matches_file

if TYPE_CHECKING:
    from imagelock.config import Config
    from imagelock.model.form_rule import FormRule
    from imagelock.ops.scan.occurrence import Occurrence

NAME_DIGEST = "name@digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """The form of every place: ``rules`` first, then OLM's own with ``is_olm``, then the default."""

    default: str = "name:tag@digest"
    rules: tuple[FormRule, ...] = ()
    is_olm: bool = False

    @classmethod
    def of(cls, config: Config, *, is_olm: bool = False) -> Forms:
        """Return what a configuration says; raise :class:`ConfigError` for a format that there is not."""
        for rule in config.forms:
            if rule.format is not None and rule.format not in names():
                raise ConfigError(
                    f"[[pin.rule]] names no format: {rule.format}",
                    hint="`imagelock scan -o json` names the format of each place",
                )
        return cls(default=config.form, rules=config.forms, is_olm=is_olm)

    def at(self, use: Occurrence) -> str:
        """Return the form a place is pinned in."""
        for rule in self.rules:
            if rule.format not in (None, use.place.format):
                continue
            if not rule.files or matches_file(rule.files, use.file.name):
                return rule.form
        return NAME_DIGEST if self.is_olm and _is_olm(use) else self.default


def _is_olm(use: Occurrence) -> bool:
    """Whether a place is in a bundle or in the blobs of a catalog, which name digests alone."""
    place = use.place
    return place.format == "csv" or (place.format == "olm-catalog" and not place.path.startswith("spec."))
