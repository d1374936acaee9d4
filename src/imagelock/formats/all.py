"""The table of formats: files, documents, and documents known by the file name, the more specific first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.build import (
    ansible,
    ansible_vars,
    che_plugin,
    compose_v1,
    devcontainer,
    devfile,
    dockerfile,
    env_file,
    hcl,
    ko,
    quadlet,
    skaffold,
)
from imagelock.formats.build import (
    compose as docker_compose,
)
from imagelock.formats.ci import (
    azure_pipelines,
    bitbucket_pipelines,
    buildkite,
    circleci,
    cirrus_ci,
    cloud_build,
    concourse,
    drone,
    github_actions,
    gitlab_ci,
    jenkins,
    pre_commit,
)
from imagelock.formats.gitops import argocd, flux, generator_file, json_patch, kustomization
from imagelock.formats.helm import chart as helm_chart
from imagelock.formats.helm import releases as helm_releases
from imagelock.formats.helm import template as helm_template
from imagelock.formats.helm import values_file as helm_values
from imagelock.formats.kubernetes import argo_workflows, container_lists, custom_resources, tekton
from imagelock.formats.kubernetes import objects as kubernetes
from imagelock.formats.lists import (
    epiphany_images,
    epiphany_registry,
    epiphany_text,
    package_manifests,
    starlingx,
)
from imagelock.formats.lists import plain as image_list
from imagelock.formats.olm import catalog as olm_catalog
from imagelock.formats.olm import cluster_service_version
from imagelock.formats.source import bazel, jsonnet, shell, terraform, toml

if TYPE_CHECKING:
    from imagelock.formats.base import DocumentFormat, FileFormat, NamedFormat


FILE_FORMATS: tuple[FileFormat, ...] = (
    helm_template,
    dockerfile,
    devcontainer,
    jenkins,
    hcl,
    terraform,
    shell,
    bazel,
    jsonnet,
    toml,
    quadlet,
    env_file,
    epiphany_text,
    image_list,
)
DOCUMENT_FORMATS: tuple[DocumentFormat, ...] = (
    cluster_service_version,
    kustomization,
    flux,
    argocd,
    olm_catalog,
    tekton,
    argo_workflows,
    custom_resources,
    devfile,
    helm_releases,
    skaffold,
    package_manifests,
    kubernetes,
    che_plugin,
    github_actions,
    circleci,
    cloud_build,
    concourse,
    pre_commit,
    ko,
    azure_pipelines,
    bitbucket_pipelines,
    buildkite,
    docker_compose,
    gitlab_ci,
    ansible,
    starlingx,
    epiphany_images,
    epiphany_registry,
    json_patch,
    container_lists,
)
NAMED_FORMATS: tuple[NamedFormat, ...] = (
    drone,
    cirrus_ci,
    compose_v1,
    generator_file,
    helm_chart,
    helm_values,
)
LAST_FORMATS: tuple[NamedFormat, ...] = (ansible_vars,)
"""Known by the file's name too, and asked after all that know a document by what is in it."""


def names() -> tuple[str, ...]:
    """Return the names that ``--format`` takes."""
    by_document = [item.name for item in (*DOCUMENT_FORMATS, *NAMED_FORMATS, *LAST_FORMATS)]
    return tuple(sorted([*(item.name for item in FILE_FORMATS), *by_document]))
