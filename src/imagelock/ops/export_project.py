"""What an export may ask of the project besides the lock: references of files, variables of catalogs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.files import decode, read_bytes
from imagelock.ops.olm.env import generated_variables, read_environment
from imagelock.ops.scan.collect import collect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Finding
    from imagelock.model.reference import Reference
    from imagelock.ops.project import Project


class ProjectSurroundings:
    """A project as exports see it; ``findings`` is what was wrong with what was read."""

    def __init__(self, project: Project, lock: Lock) -> None:
        self._project = project
        self._lock = lock
        self.findings: tuple[Finding, ...] = ()

    def references(self, sources: Sequence[str]) -> Sequence[Reference]:
        """Return every reference that these files and directories name, as written."""
        collection = collect(self._project, sources)
        self.findings += collection.problems
        return [use.reference for use in collection.all_uses]

    def environment(self, file: str | None) -> Mapping[str, str]:
        """Return the variables of a file, or those that the configured catalogs generate; none without catalogs."""
        if file is not None:
            known = read_environment(decode(read_bytes(self._project.directory / file)))
            if not known:
                raise UsageError("there is no variable", where=file, hint="write it with `imagelock olm env`")
            return known
        if not self._project.config.olm.catalogs:
            return {}
        found, outcome = generated_variables(self._project, self._lock, (), ())
        self.findings += outcome.findings
        return {item.name: item.value for item in found}
