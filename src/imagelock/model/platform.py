"""Platforms of images: ``os/architecture[/variant]``, with ``os(version)`` for Windows.

Follows the ``platform`` object of the OCI image index; the text form is containerd's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from imagelock.errors import InvalidValueError
from imagelock.lazy_regex import lazy_regex

_PLATFORM = lazy_regex(
    r"(?P<os>[A-Za-z0-9_.-]+)(?:\((?P<version>[A-Za-z0-9_.+-]+)\))?"
    r"/(?P<architecture>[A-Za-z0-9_.-]+)(?:/(?P<variant>[A-Za-z0-9_.-]+))?",
    re.ASCII,
)
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386"}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """One platform; absent parts are empty strings, so that platforms sort."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read the text form; ``linux/x86_64`` and ``linux/aarch64`` get their OCI names."""
        match = _PLATFORM.fullmatch(text)
        if match is None:
            raise InvalidValueError(
                f"{text[:80]!r} is not a platform",
                text=text,
                hint="write os/architecture[/variant]: linux/amd64",
            )
        architecture = match["architecture"].lower()
        return cls(
            os=match["os"].lower(),
            architecture=_ARCHITECTURES.get(architecture, architecture),
            variant=(match["variant"] or "").lower(),
            os_version=match["version"] or "",
        )

    @property
    def is_unknown(self) -> bool:
        """Whether this is ``unknown/unknown``, which marks attestations and not an image."""
        return self.os == "unknown" or self.architecture == "unknown"

    def satisfies(self, wanted: Platform) -> bool:
        """Whether an image of this platform is what someone means who asks for ``wanted``.

        Parts that ``wanted`` leaves out do not count, and ``arm64`` is ``arm64/v8``.
        """
        if (self.os, self.architecture) != (wanted.os, wanted.architecture):
            return False
        if wanted.os_version and not self.os_version.startswith(wanted.os_version):
            return False
        return not wanted.variant or _variant(self) == _variant(wanted)

    def __str__(self) -> str:
        version = f"({self.os_version})" if self.os_version else ""
        variant = f"/{self.variant}" if self.variant else ""
        return f"{self.os}{version}/{self.architecture}{variant}"


def _variant(platform: Platform) -> str:
    if platform.architecture == "arm64" and not platform.variant:
        return "v8"
    return platform.variant
