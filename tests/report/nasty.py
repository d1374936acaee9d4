"""Outcomes for the tests of reports: one of every kind, and one whose files are hostile."""

from __future__ import annotations

from imagelock.model.finding_codes import FINDING_CODES
from imagelock.model.outcome import Change, Exempted, Outcome, finding

DIGEST = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "fedcba9876543210" * 4

NASTY = (
    "\x1b[31m\x07\r\n::error::owned\n##[stop-commands]x</script><script>alert(1)</script>"
    "<img src=x onerror=alert(1)>](https://evil.example) [a](https://evil.example) @team #1 | `x` ``y`` "
    "\u202e\u2028]]>&lt;\ufffe\udcff %0A::set-env name=A::b\\[x](y)"
)
"""Everything a file could say to a terminal, a runner, a browser or a renderer of Markdown."""

EVERY = Outcome(
    command="check",
    findings=(
        *(
            finding(
                code,
                f"something about {code}",
                reference="quay.io/acme/app:1",
                file="deploy/a b.yaml",
                line=3,
                column=9,
                hint="run `imagelock pin`",
            )
            for code in FINDING_CODES
        ),
        finding("IL101", "the same again", reference="quay.io/acme/app:1", file="deploy/a b.yaml", line=30),
        finding("IL103", "nothing uses quay.io/acme/old:1", reference="quay.io/acme/old:1"),
        finding("IL302", "could not ask", reference="quay.io/acme/far:1"),
        finding("IL114", "not YAML", file="broken.yaml"),
    ),
    changes=(
        Change(reference="quay.io/acme/new:1", before=None, after=DIGEST),
        Change(reference="quay.io/acme/gone:1", before=DIGEST, after=None),
        Change(reference="quay.io/acme/tag:1", before=DIGEST, after=None),
        Change(reference="quay.io/acme/tag:2", before=None, after=OTHER),
        Change(reference="quay.io/acme/app:1", before=DIGEST, after=OTHER),
        Change(reference="nginx:1", before="nginx:1", after=f"nginx:1@{DIGEST}", file="a.yaml", line=7),
    ),
    summary={"files": 2, "could_not_tell": 1, "wrong": 0},
    images=("docker.io/library/fine:1", "quay.io/acme/app:1"),
    exempt=(Exempted(reference="quay.io/acme/idea:next", reason="on purpose", file="a.yaml", line=1),),
)

HOSTILE = Outcome(
    command="check",
    findings=(
        finding(
            "IL111", NASTY, reference=NASTY, file=f"{NASTY}.yaml", line=2, column=1, hint=NASTY, notes=[NASTY]
        ),
        finding("IL103", NASTY, reference=NASTY, file=f"{NASTY}.yaml", line=2, hint=NASTY),
    ),
    changes=(Change(reference=NASTY, before=NASTY, after=NASTY, file=NASTY, line=1),),
    images=(NASTY,),
    exempt=(Exempted(reference=NASTY, reason=NASTY, file=NASTY, line=1),),
)
