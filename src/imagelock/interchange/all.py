"""Every export and every import, and the one line that adds another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange import (
    admission,
    agent,
    containerd_hosts,
    epiphany,
    idms,
    imagelist,
    itms,
    mirror_job,
    olm_entrypoint,
    operator_references,
    operator_replacements,
    prepull,
    registries_conf,
    relatedimages,
)

if TYPE_CHECKING:
    from imagelock.interchange.base import Export, Import

EXPORTS: tuple[Export, ...] = (
    imagelist,
    admission,
    agent,
    idms,
    itms,
    registries_conf,
    containerd_hosts,
    mirror_job,
    relatedimages,
    operator_references,
    operator_replacements,
    prepull,
    olm_entrypoint,
)
IMPORTS: tuple[Import, ...] = (epiphany,)
