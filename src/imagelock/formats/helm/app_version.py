"""Whether templates of a chart take its appVersion for the tag of an image, and for which values.

Only the lines that name ``.Chart.AppVersion`` beside a tag or an image count: almost every chart writes it into a
label as well.  Follows "Built-in Objects" of Helm's documentation and the chart that ``helm create`` makes.
"""

from __future__ import annotations

from imagelock.lazy_regex import lazy_regex

_LINE = lazy_regex(r"[^\n]*\bAppVersion\b[^\n]*")
_TAG = lazy_regex(r"[tT]ag|[iI]mage|[rR]epository")
_PATH = lazy_regex(r"\.Values\.(?P<path>[\w.]+?)\.?(?:tag|imageTag|image_tag)\b")
_LABELS = ("app.kubernetes.io/version", "helm.sh/chart")


def app_version_uses(content: str) -> frozenset[str] | None:
    """Return the paths of the values whose tag a template fills in; None where it does so for any image."""
    if "AppVersion" not in content:
        return frozenset()
    paths: set[str] = set()
    for line in _LINE.findall(content):
        if _TAG.search(line) is None or any(label in line for label in _LABELS):
            continue
        found = {match["path"] for match in _PATH.finditer(line)}
        if not found:
            return None
        paths |= found
    return frozenset(paths)
