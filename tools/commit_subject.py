"""Check the subject of a commit message: at most 72 characters, a capital first, no full stop at the end.

    python tools/commit_subject.py FILE

Git's own subjects ("Merge …", "fixup! …") pass.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

LONGEST = 72
_GITS_OWN = re.compile(r"(Merge|Revert|fixup!|squash!|amend!) ?")


def problems(message: str) -> list[str]:
    """Return what is wrong with the message; comment lines do not count."""
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    subject = lines[0] if lines else ""
    if _GITS_OWN.match(subject):
        return []
    found = []
    if not subject.strip():
        found.append("the first line is empty")
    elif not subject[0].isupper():
        found.append("the subject does not begin with a capital letter")
    if len(subject) > LONGEST:
        found.append(f"the subject has {len(subject)} characters, more than {LONGEST}")
    if subject.endswith("."):
        found.append("the subject ends with a full stop")
    if len(lines) > 1 and lines[1].strip():
        found.append("the line after the subject is not empty")
    return found


def main() -> int:
    """Print what is wrong with the message in the file and return the exit code."""
    found = problems(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for problem in found:
        print(f"commit message: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
