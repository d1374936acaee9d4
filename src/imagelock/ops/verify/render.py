"""``check --render``: prove with Helm and Kustomize that every digest reaches what is deployed.

The pinned result is rendered, whether it is on disk already or would be written by ``pin``.  Every image
in the output must carry its locked digest.  What could not be rendered is reported as not proven.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imagelock.errors import FileError, FormatError
from imagelock.files import decode
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.model.digest import same_digest
from imagelock.model.outcome import finding
from imagelock.model.place import Damaged, Place, SkipKind
from imagelock.model.reference import Reference
from imagelock.ops.pin.forms import Forms
from imagelock.ops.pin.plan import PinRequest, plan_pin
from imagelock.ops.verify.render_targets import Target, say, targets, tree_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Finding, Outcome
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.occurrence import Occurrence
    from imagelock.ops.verify.render_targets import Origin

RENDERED = ("helm-values", "helm-template", "argocd", "flux", "kustomization")
"""Formats whose places some program turns into what is deployed."""
NOT_AT_HAND = "no chart of this project uses it"
SWITCHED_OFF = "it is not in the output, so it is disabled or overridden"
_LABEL_KEYS = ("labels", "matchLabels")


@dataclass(frozen=True)
class _Proof:
    """What a run is about, and what it has found so far."""

    collection: Collection
    lock: Lock
    root: Path
    texts: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)
    proven: set[Origin] = field(default_factory=set)
    reasons: dict[Origin, str] = field(default_factory=dict)
    failed: dict[str, tuple[Target, str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    reported: set[tuple[str, str, str]] = field(default_factory=set)
    seen: set[tuple[str, str | None]] = field(default_factory=set)
    """Names and tags of the images that any rendering shows, right or wrong."""


def with_rendering(checked: Outcome, project: Project, collection: Collection, lock: Lock) -> Outcome:
    """Join what the files say and what rendering proves: one report, one exit code."""
    request = PinRequest(forms=Forms.of(project.config), keep_existing=project.config.existing == "keep")
    plan = plan_pin(collection, lock, request)
    texts = {name: after for name, _, after in plan.texts}
    proof = _Proof(collection, lock, project.root, texts)
    with tree_with(collection, project.root, texts) as tree:
        for item in targets(collection, project.root, texts):
            if isinstance(item, Target):
                _prove(item, tree, proof)
            else:
                proof.reasons.setdefault(item.origin, item.reason)
    _tell_unproven(proof)
    return replace(
        checked,
        findings=(*checked.findings, *proof.findings),
        summary={
            **checked.summary,
            "rendered": proof.counts["rendered"],
            "images rendered": proof.counts["images"],
            "not proven": proof.counts["unproven"],
        },
    )


def _prove(target: Target, tree: Path, proof: _Proof) -> None:
    try:
        after = decode(target.render(tree))
        before = decode(target.render(proof.root)) if proof.texts else after
    except FileError as error:
        proof.failed.setdefault(target.name, (target, say(error)))
        for origin in target.covers:
            proof.reasons.setdefault(origin, f"{target.name}: {say(error)}")
        return
    proof.counts["rendered"] += 1
    proof.proven.update(target.covers)
    uses = _uses(target, proof)
    rendered = Text("rendered.yaml", after)
    for item in find(rendered):
        if isinstance(item, Damaged):
            _broken(target, item, uses, tree, proof)
        elif isinstance(item, Place) and not proof.collection.is_exempt(item.reference):
            proof.counts["images"] += 1
            proof.seen.add((item.reference.name, item.reference.tag))
            reason = _wrong(item.reference, proof.lock)
            if reason is not None and not _is_replaced(item.reference, proof.collection):
                _report(target, str(item.reference), reason, _use_of(item.reference, uses), tree, proof)
    for reference in _lost(Text("rendered.yaml", before), rendered):
        _report(target, reference, "is no longer rendered once it is pinned", None, tree, proof)
    for words in _labels(rendered):
        use = next((use for use in uses if use.reference.tag and words.startswith(use.reference.tag)), None)
        reason = "is used in a label, and Kubernetes refuses a label with a digest"
        _report(target, words, reason, use, tree, proof)


def _uses(target: Target, proof: _Proof) -> list[Occurrence]:
    """Return the places that a target renders, those of its own files and documents first."""
    own: list[Occurrence] = []
    others: list[Occurrence] = []
    for use in proof.collection.all_uses:
        origins = {(use.file.name, -1), (use.file.name, use.place.document)}
        if use.place.format in RENDERED:
            (own if origins & target.covers else others).append(use)
    return own + (others if target.kind == "kustomize" or target.values else [])


def _is_replaced(reference: Reference, collection: Collection) -> bool:
    """Whether this is a name that another file gives the image for: a base alone is not what is deployed."""
    replaced = {
        found.canonical
        for _, item in collection.skipped
        if item.kind is SkipKind.REPLACED and (found := Reference.parse_or_none(item.text)) is not None
    }
    return reference.digest is None and reference.canonical in replaced


def _wrong(reference: Reference, lock: Lock) -> str | None:
    """Return what is wrong with a rendered image, or None."""
    if reference.digest is None:
        return "is rendered without a digest"
    entry = None if reference.tag is None else lock.tagged(reference.name, reference.tag)
    if entry is not None:
        return (
            None
            if same_digest(entry.digest, reference.digest)
            else "has a digest other than the one in the lock"
        )
    return (
        None if lock.with_digest(reference.name, reference.digest) else "has a digest that is not in the lock"
    )


def _use_of(reference: Reference, uses: list[Occurrence]) -> Occurrence | None:
    same_name = [use for use in uses if use.reference.name == reference.name]
    same_tag = [use for use in same_name if use.reference.tag == reference.tag]
    return next(iter(same_tag or same_name), None)


def _broken(target: Target, item: Damaged, uses: list[Occurrence], tree: Path, proof: _Proof) -> None:
    """Report an image that is not a reference once it is rendered."""
    named = [use for use in uses if item.text.startswith(use.reference.written_name)]
    use = max(named, key=lambda use: len(use.reference.written_name), default=None)
    _report(target, item.text, f"is not an image reference: {item.reason}", use, tree, proof)


def _report(
    target: Target, text: str, reason: str, use: Occurrence | None, tree: Path, proof: _Proof
) -> None:
    key = (target.name, text, reason)
    if key in proof.reported or (use is not None and use.silences("IL123")):
        return
    proof.reported.add(key)
    if use is not None:
        proof.seen.add((use.reference.name, use.reference.tag))
    form = None if use is None or target.kind != "helm" else _form_that_works(target, use, tree, proof.lock)
    proof.findings.append(
        finding(
            "IL123",
            f"{text} {reason}",
            reference=text if use is None else use.reference,
            file=target.name.partition(" ")[0] if use is None else use.file.name,
            line=None if use is None else use.place.line,
            column=None if use is None else use.place.column,
            notes=[f"rendered from {target.name}"],
            hint=None if form is None else f"this form works with the chart: {form}",
        )
    )


def _form_that_works(target: Target, use: Occurrence, tree: Path, lock: Lock) -> str | None:
    """Try the other forms of a value with the chart and return the first whose digest arrives whole."""
    entry = lock.match(use.reference)
    path = use.place.path.rpartition("valuesObject.")[2] if use.place.format == "argocd" else use.place.path
    digest = getattr(entry, "digest", None)
    if digest is None or any(mark in path for mark in (">", "<<", "[", "parameters")):
        return None
    for form in _forms(path.removeprefix("spec.values."), use.reference.with_digest(digest)):
        try:
            rendered = Text("rendered.yaml", decode(target.render(tree, form)))
        except FileError:
            continue
        items = find(rendered)
        images = [item.reference for item in items if isinstance(item, Place)]
        arrives = any(
            image.name == use.reference.name
            and image.digest is not None
            and same_digest(image.digest, digest)
            for image in images
        )
        if arrives and not any(isinstance(item, Damaged) for item in items) and not list(_labels(rendered)):
            return ", ".join(words.replace("=", ": ", 1) for words in form if not words.endswith("="))
    return None


def _forms(path: str, reference: Reference) -> Iterator[tuple[str, ...]]:
    """Yield the ways people write an image in several keys, as ``--set-string`` arguments."""
    above, _, key = path.rpartition(".")
    start = f"{above}." if above else ""
    tag, digest, name = reference.tag or "", reference.digest, reference.written_name
    if digest is None:
        return
    algorithm, _, characters = str(digest).partition(":")
    if key == "image":
        yield (f"{path}={name}", f"{start}imageTag={tag}@{digest}")
        yield (f"{path}={name}@{algorithm}", f"{start}imageTag={characters}")
    else:
        yield (f"{start}tag={tag}@{digest}", f"{start}digest=")
        yield (f"{start}tag={tag}", f"{start}digest={digest}")
        yield (f"{start}tag={tag}", f"{start}digest={characters}")
        yield (f"{start}tag={tag}", f"{start}sha={characters}")
        yield (f"{start}tag={characters}", f"{start}digest={algorithm}")
        yield (
            f"{start}registry=",
            f"{path}={name}@{algorithm}",
            f"{start}tag={characters}",
            f"{start}digest=",
        )
    yield (f"{path}={name}@{algorithm}", f"{start}tag={characters}")
    yield (f"{path}={name}:{tag}@{digest}", f"{start}tag=", f"{start}digest=")


def _lost(before: Text, after: Text) -> list[str]:
    """Return the images of the first rendering whose name and tag are not in the second."""
    was, now = (
        [(item.reference.name, item.reference.tag) for item in find(text) if isinstance(item, Place)]
        for text in (before, after)
    )
    if any(isinstance(item, Damaged) for item in find(after)):
        return []
    # A chart may write the digest in place of the tag.
    gone = [(name, tag) for name, tag in Counter(was) - Counter(now) if (name, None) not in now]
    return [f"{name}:{tag}" if tag else name for name, tag in gone]


def _labels(rendered: Text) -> Iterator[str]:
    """Yield the labels that hold a digest."""
    for chunk in chunks(rendered):
        try:
            document = compose(rendered, chunk) if "@sha256:" in rendered.content else None
        except FormatError:
            continue
        for _, labels in document.top.values_of(*_LABEL_KEYS) if document is not None else ():
            for _, value in labels.entries():
                if "@sha256:" in (value.scalar or ""):
                    yield value.scalar or ""


def _tell_unproven(proof: _Proof) -> None:
    """Report what no rendering shows: once a file and reason, and each image that is switched off."""
    reported: set[tuple[str, str, str]] = set()
    covered: set[Origin] = set()
    for use in proof.collection.uses:
        reason = _why_unproven(use, proof)
        if reason is None:
            continue
        proof.counts["unproven"] += 1
        covered |= {(use.file.name, use.place.document), (use.file.name, -1)}
        key = (use.file.name, reason, str(use.reference) if reason == SWITCHED_OFF else "")
        if key not in reported and not use.silences("IL124"):
            reported.add(key)
            proof.findings.append(
                finding(
                    "IL124",
                    f"{use.reference} is not proven by rendering: {reason}",
                    reference=use.reference,
                    file=use.file.name,
                    line=use.place.line,
                    column=use.place.column,
                )
            )

    _tell_failed(proof, covered)


def _tell_failed(proof: _Proof, covered: set[Origin]) -> None:
    """Report what did not render and has no image of its own to say so: what it deploys is not known."""
    for target, reason in proof.failed.values():
        if not target.covers & covered:
            proof.counts["unproven"] += 1
            proof.findings.append(
                finding(
                    "IL124",
                    f"{target.name} is not proven by rendering: {reason}",
                    file=target.name.partition(" ")[0],
                    line=1,
                )
            )


def _why_unproven(use: Occurrence, proof: _Proof) -> str | None:
    """Return why no rendering proves a place, or None when one does."""
    origin, whole = (use.file.name, use.place.document), (use.file.name, -1)
    if use.place.format not in RENDERED or "!" in use.file.name:
        return None
    if not {origin, whole} & proof.proven:
        return proof.reasons.get(origin) or proof.reasons.get(whole) or NOT_AT_HAND
    name = use.reference.name
    is_seen = {(name, use.reference.tag), (name, None)} & proof.seen
    return None if is_seen or not use.place.tag_is_known else SWITCHED_OFF
