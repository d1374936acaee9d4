"""Every export and every import, and the one line that adds another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange import (
    admission,
    agent,
    containerd_hosts,
    epiphany,
    gatekeeper,
    icsp,
    idms,
    imagelist,
    itms,
    kyverno,
    mirror_job,
    olm_entrypoint,
    operator_manifest,
    operator_references,
    operator_replacements,
    policy_json,
    prepull,
    registries_conf,
    relatedimages,
    webhook,
)
from imagelock.interchange.bills import cyclonedx, in_toto, spdx
from imagelock.interchange.copying import hauler, oc_mirror, regsync, skopeo_sync, zarf
from imagelock.interchange.pinning import buildkit_policy, docker_lock, imgpkg, kbld, kustomize

if TYPE_CHECKING:
    from imagelock.interchange.base import Export, Import, LockImport

EXPORTS: tuple[Export, ...] = (
    imagelist,
    admission,
    kyverno,
    gatekeeper,
    policy_json,
    agent,
    webhook,
    idms,
    itms,
    icsp,
    registries_conf,
    containerd_hosts,
    mirror_job,
    relatedimages,
    operator_references,
    operator_replacements,
    prepull,
    olm_entrypoint,
    regsync,
    skopeo_sync,
    hauler,
    zarf,
    oc_mirror,
    imgpkg,
    kbld,
    kustomize,
    buildkit_policy,
    cyclonedx,
    spdx,
    in_toto,
)
IMPORTS: tuple[Import, ...] = (epiphany,)
LOCK_IMPORTS: tuple[LockImport, ...] = (operator_manifest, docker_lock, imgpkg, kbld, kustomize)
