"""The catalogue of findings: every code, its name, its level and its meaning.

A code never changes its meaning.  New ones take the next number of their hundred: 1xx files and lock,
2xx clusters, 3xx registries, 4xx release tags.  ``explain`` and the reference in the docs are made
from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much a finding weighs; ``--strict`` turns warnings into errors."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCode:
    """One line of the catalogue; ``exit_code`` is what an error of this kind costs."""

    code: str
    name: str
    level: Level = Level.ERROR
    exit_code: int = 1
    meaning: str
    remedy: str


def _by_code(*kinds: FindingCode) -> dict[str, FindingCode]:
    return {kind.code: kind for kind in kinds}


FINDING_CODES = _by_code(
    FindingCode(
        code="IL101",
        name="unpinned-reference",
        meaning="A reference names an image without a digest, so what it means can change at any time.",
        remedy="Run `imagelock lock`, then `imagelock pin`.",
    ),
    FindingCode(
        code="IL102",
        name="tag-moved",
        meaning="The registry's tag points to a digest other than the one in the lock. Deployed files are not "
        "affected: they carry the lock's digest.",
        remedy="Look at the new image, then run `imagelock update IMAGE` to take it, or leave the lock as it is.",
    ),
    FindingCode(
        code="IL103",
        name="unused-lock-entry",
        level=Level.WARNING,
        meaning="The lock holds an image that no file of the project uses any more.",
        remedy="Run `imagelock lock` over the whole project; it removes what nothing uses.",
    ),
    FindingCode(
        code="IL104",
        name="two-digests-one-tag",
        meaning="Two sources give the same name and tag two different digests.",
        remedy="Decide which one is right and remove the other.",
    ),
    FindingCode(
        code="IL105",
        name="digest-not-in-lock",
        meaning="A file carries a digest that the lock does not have: the lock has this name and tag with "
        "another digest, or does not know the image at all, which `check` counts as unknown and not as pinned.",
        remedy="Run `imagelock pin` to write the lock's digest, or `imagelock lock --adopt` to take the file's.",
    ),
    FindingCode(
        code="IL106",
        name="platform-missing",
        level=Level.WARNING,
        meaning="An image has no manifest for a platform that `[lock] platforms` asks for; an error where Epiphany's list of "
        "an architecture names it.",
        remedy="Build the image for that platform, or remove the platform from the configuration.",
    ),
    FindingCode(
        code="IL107",
        name="related-image-missing",
        meaning="A ClusterServiceVersion uses an image that its spec.relatedImages does not list, so a "
        "disconnected cluster will not have it.",
        remedy="Set `[olm] related-images = true` and run `imagelock pin`.",
    ),
    FindingCode(
        code="IL108",
        name="child-manifest-pinned",
        level=Level.WARNING,
        meaning="A reference is pinned to the manifest of one platform of a multi-platform image; nodes of "
        "other platforms cannot run it.",
        remedy="Pin the index: run `imagelock update IMAGE`.",
    ),
    FindingCode(
        code="IL109",
        name="duplicate-entry",
        level=Level.WARNING,
        meaning="A list has the same name, or the same name and tag, twice.",
        remedy="Remove one of the two.",
    ),
    FindingCode(
        code="IL110",
        name="untagged-ambiguous",
        meaning="A reference without a tag matches several entries of the lock.",
        remedy="Write the intended tag, or use `--untagged first` with a list, which keeps its order.",
    ),
    FindingCode(
        code="IL111",
        name="damaged-reference",
        meaning="A place that must hold an image reference holds something else.",
        remedy="Correct the reference; the finding says what is wrong with it.",
    ),
    FindingCode(
        code="IL112",
        name="not-in-lock",
        meaning="A reference is not in the lock, so there is no digest to write.",
        remedy="Run `imagelock lock`, or exempt the image in imagelock.toml.",
    ),
    FindingCode(
        code="IL113",
        name="not-pinnable",
        level=Level.WARNING,
        meaning="A reference was found in a place that cannot be changed exactly, or its tag is not known.",
        remedy="Change the place by hand as the finding says.",
    ),
    FindingCode(
        code="IL114",
        name="unreadable-file",
        meaning="A file, or one document of it, cannot be read in its format, so references in it are not seen.",
        remedy="Correct the file, or exclude it with `[scan] exclude`.",
    ),
    FindingCode(
        code="IL115",
        name="tag-beside-digest-disagrees",
        level=Level.WARNING,
        meaning="A reference carries a tag and a digest, and the lock has that digest under another tag.",
        remedy="Correct the tag, or run `imagelock pin`.",
    ),
    FindingCode(
        code="IL116",
        name="generated-name-collision",
        meaning="Two images get the same generated name, in an OLM bundle even with their full path, or as "
        "archives whose names are made of the last part of the name and the tag.",
        remedy="Rename one of the images or give it another tag.",
    ),
    FindingCode(
        code="IL117",
        name="image-not-read",
        level=Level.WARNING,
        meaning="A text is an image by its value (a registry's host, a path, and a tag or digest), at a place "
        "that no format reads, so it is neither locked nor pinned.",
        remedy="Read the place with a `[[scan.rule]]`, exempt the image with an `[[exempt]]`, or silence the line "
        "with `# imagelock: ignore[IL117] reason`.",
    ),
    FindingCode(
        code="IL120",
        name="files-disagree",
        meaning="Two places name the same image and tag with two different digests.",
        remedy="Run `imagelock pin` to write the lock's digest into both.",
    ),
    FindingCode(
        code="IL121",
        name="lists-disagree",
        meaning="Two lists must name the same images, and an image is in only one of them; or a template or a cluster's "
        "manifest needs an image that no list has.",
        remedy="Add the image to the other list, or remove it from this one.",
    ),
    FindingCode(
        code="IL122",
        name="archive-name-wrong",
        meaning="A list of images to load names an archive other than the one made from the image.",
        remedy="Use the file name in the finding.",
    ),
    FindingCode(
        code="IL123",
        name="rendered-not-pinned",
        meaning="What a chart or kustomization renders does not carry the locked digest: the chart joins its "
        "values so that the digest breaks or gets lost, or writes it into a label.",
        remedy="Write the values in the form that the finding names, or correct the template.",
    ),
    FindingCode(
        code="IL124",
        name="not-proven",
        level=Level.WARNING,
        meaning="`check --render` or `trace` could not render what these references are for, so whether the digests reach "
        "the cluster is not known: the chart is not available, needs something else, or helm or kustomize is missing.",
        remedy="Install the program or add the chart to the project; the finding says which.",
    ),
    FindingCode(
        code="IL125",
        name="variable-misnamed",
        level=Level.WARNING,
        meaning="A variable does not have the name that the operator looks for: in "
        "`RELATED_IMAGE_editor_definition_*` every run of characters other than letters and digits becomes one `_`, what "
        "follows `RELATED_IMAGE_sample_encoded_` is the whole image and a line break in base64 with `____` for `=`, and a "
        "name with `/` or `+` is none. The operator will not find it. An error where `pin` can make no name at all.",
        remedy="Use the name that the operator computes.",
    ),
    FindingCode(
        code="IL126",
        name="tag-names-other-digest",
        level=Level.WARNING,
        meaning="A tag ends in 64 hexadecimal digits, as tags of copies do, but the image has a different digest.",
        remedy="Find out which of the two is right; the copy may have been overwritten.",
    ),
    FindingCode(
        code="IL127",
        name="trace-stale",
        level=Level.WARNING,
        meaning="The record of traces (`images.trace`) is not about the files as they are: a chart, its values or what "
        "deploys it changed, or is new. Nothing is read from such a record; the values are judged by their keys instead.",
        remedy="Run `imagelock trace` and commit the record.",
    ),
    FindingCode(
        code="IL128",
        name="generated-list-outdated",
        meaning="A bundle, or a Deployment of `[olm] env-into`, does not have the variables and related images that its "
        "catalogs give now: a list or an editor definition changed, or a digest moved, after the last `pin`.",
        remedy="Run `imagelock pin`.",
    ),
    FindingCode(
        code="IL201",
        name="pod-not-locked",
        meaning="A pod runs an image that is not in the lock.",
        remedy="Deploy the pinned files again, or exempt the image and give a reason.",
    ),
    FindingCode(
        code="IL202",
        name="pod-not-pinned",
        meaning="A pod names its image without a digest.",
        remedy="Pin the manifest that the pod comes from and deploy it again.",
    ),
    FindingCode(
        code="IL301",
        name="not-resolved",
        exit_code=3,
        meaning="A reference could not be resolved to a digest.",
        remedy="The finding says what was tried and what to do: correct the reference, log in, or try again.",
    ),
    FindingCode(
        code="IL302",
        name="could-not-tell",
        exit_code=3,
        meaning="A registry or cluster did not answer, so the result is unknown: neither fine nor drift.",
        remedy="Try again when it answers, or correct the credentials.",
    ),
    FindingCode(
        code="IL303",
        name="digest-gone",
        meaning="The registry no longer has the locked digest: nothing can pull this image any more.",
        remedy="Load it from a mirror or bundle, or take a new one with `imagelock update IMAGE`.",
    ),
    FindingCode(
        code="IL304",
        name="tag-gone",
        meaning="The registry no longer has the tag; the locked digest is still there.",
        remedy="Nothing breaks now. Registries collect untagged digests: mirror the image, or set the tag again.",
    ),
    FindingCode(
        code="IL305",
        name="damaged-content",
        meaning="The bytes of a blob or manifest do not match their digest; they were not used.",
        remedy="Copy the image again from a good source, or create the bundle again.",
    ),
    FindingCode(
        code="IL306",
        name="missing-content",
        meaning="A bundle lacks an image, manifest or blob that it should contain.",
        remedy="Run the same `imagelock bundle create` again: it continues where it stopped.",
    ),
    FindingCode(
        code="IL307",
        name="partial-image-refused",
        meaning="A registry refuses an image because some of its platforms or layers were left out on purpose. "
        "The kept platforms are there, with tags of their own, but the image's own digest is not.",
        remedy="Copy all platforms, or configure the registry to accept indexes with missing platforms.",
    ),
    FindingCode(
        code="IL308",
        name="push-refused",
        meaning="A registry answered and refuses to take an image: a quota, an immutable tag, no right to write, or a "
        "project that does not exist. Trying again changes nothing.",
        remedy="The finding has the registry's own words: change the rule, the right or the place there, or push elsewhere.",
    ),
    FindingCode(
        code="IL401",
        name="tag-conflict",
        meaning="A release tag exists already and points to another digest.",
        remedy="Choose another tag, or move this one on purpose with `--move NAME`.",
    ),
    FindingCode(
        code="IL402",
        name="tag-file-invalid",
        meaning="A tag file breaks the rules for tag files.",
        remedy="Correct the line named in the finding.",
    ),
    FindingCode(
        code="IL403",
        name="tag-source-missing",
        meaning="The build that a release tag should be made from is not in the registry. A warning if the "
        "release tag already exists: then there is just nothing to compare it with.",
        remedy="Correct `src_build_tag`, or build the image again.",
    ),
    FindingCode(
        code="IL404",
        name="tag-source-differs",
        meaning="The build that a release tag should be made from does not have the digest of the tag file's "
        "`digest` key.",
        remedy="Find out why the build's tag has moved, then correct `src_build_tag` or `digest`.",
    ),
    FindingCode(
        code="IL405",
        name="floating-tag",
        level=Level.WARNING,
        meaning="A file uses a floating tag for an image that has a release tag, or a tag file names a floating tag as the "
        "build that a release tag is made from.",
        remedy="Use the release tag named in the finding (`imagelock tags suggest --write`), or the tag of the build itself.",
    ),
    FindingCode(
        code="IL406",
        name="no-version",
        meaning="git finds no tag that leads to the revision in a tag file, so no tag can be suggested.",
        remedy="Fetch the tags of the repository (`git fetch --tags`), or tag the revision.",
    ),
)
"""Every finding by its code, in the order of the codes."""
