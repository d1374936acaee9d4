"""Placeholders: what another program replaces is skipped with its reason, what is wrong stays damage."""

from __future__ import annotations

import pytest

from formats.reading import damage, reasons, references
from imagelock.formats.classify import placeholders

POD = "apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: '{}'}}]}}\n"
DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("ko://example.com/acme/cmd/app", placeholders.KO),
        ("${IMAGE}", placeholders.VARIABLE),
        ("$IMAGE", placeholders.VARIABLE),
        ("$(params.image)", placeholders.VARIABLE),
        ("quay.io/acme/web:${TAG}", placeholders.VARIABLE),
        ("${REGISTRY}/web:1", placeholders.VARIABLE),
        ("{IMAGE}", placeholders.MARKED),
        ("quay.io/acme/web:{tag}", placeholders.MARKED),
        ("@IMAGE@", placeholders.MARKED),
        ("@@image@@:@@tag@@", placeholders.MARKED),
        ("%IMAGE%", placeholders.MARKED),
        ("#{IMAGE}#", placeholders.MARKED),
        ("[IMAGE]", placeholders.MARKED),
        ("__IMAGE__", placeholders.MARKED),
        ("IMAGE_URL", placeholders.CAPITALS),
        ("IMAGE:TAG", placeholders.CAPITALS),
        ("REPLACE-ME", placeholders.CAPITALS),
        ("REGISTRY/IMAGE:TAG", placeholders.CAPITALS),
        ("gcr.io/PROJECT_ID/web:1", placeholders.CAPITALS),
        ("REGISTRY_HOST/web:1", placeholders.CAPITALS),
        ("REGISTRY/web:1", placeholders.CAPITALS),
        ("quay.io/acme/web:IMAGE_TAG", placeholders.CAPITALS),
        ("*:*", placeholders.PATTERN),
        ("!*:latest", placeholders.PATTERN),
        ("?*", placeholders.PATTERN),
        ("ghcr.io/acme/* | quay.io/acme/*", placeholders.PATTERN),
        ("(contains(@, ''acme''))", placeholders.PATTERN),
    ],
)
def test_a_placeholder_is_skipped_with_what_replaces_it(written: str, reason: str) -> None:
    content = POD.format(written)
    assert damage(content, "a.yaml") == []
    assert references(content, "a.yaml") == []
    assert list(reasons(content, "a.yaml").values()) == [reason]


@pytest.mark.parametrize(
    "written",
    [
        "Nginx:1.2",
        "quay.io/Acme/web:1",
        "web=quay.io/acme/web:1",
        f"quay.io/acme/web@{DIGEST}@{DIGEST}",
        "https://quay.io/acme/web:1",
        "quay.io/acme/web:",
        "quay.io//web:1",
    ],
)
def test_what_no_program_replaces_stays_damage(written: str) -> None:
    assert damage(POD.format(written), "a.yaml") == [written]


@pytest.mark.parametrize(
    "written", ["quay.io/acme/web:LATEST", "LOCALHOST:5000/web:1", "quay.io/acme/web:RELEASE_2", "nginx:V1"]
)
def test_capitals_that_somebody_uses_stay_references(written: str) -> None:
    assert references(POD.format(written), "a.yaml") == [written]


@pytest.mark.parametrize("path", ["images.txt", "external_images.txt"])
def test_a_variable_in_what_is_published_was_forgotten(path: str) -> None:
    assert damage("quay.io/acme/web:1\n${IMAGE}\n", path) == ["${IMAGE}"]
