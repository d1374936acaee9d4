"""Rules for places that no format knows (``[[scan.rule]]``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRule:
    r"""One more place: a dotted path, a regular expression with a group ``image``, or both.

    ``path`` has ``[]`` for each item of a list and ``\.`` for a dot in a key.  ``kind``, ``name``,
    ``namespace`` and ``group`` narrow it to documents, ``files`` (patterns as in .gitignore) to files.
    """

    path: str | None = None
    regex: str | None = None
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None
    group: str | None = None
    files: tuple[str, ...] = ()

    @property
    def reads_documents(self) -> bool:
        """Whether the rule looks into YAML or JSON documents rather than at the raw text."""
        return any((self.path, self.kind, self.name, self.namespace, self.group))
