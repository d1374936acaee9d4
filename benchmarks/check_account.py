"""List strings with a registry's host and a tag or digest that a scan neither found nor reported.

    python benchmarks/check_account.py DIR…

Knows nothing of imagelock's formats: a regular expression over the raw lines of every text file that git
would show (or that is there), with comments, documentation and sentences left out by rules of its own.
What it finds must be in the output of ``imagelock scan -o json`` for the same file and line.  Prints every
string that is not, and the totals; exit code 1 when there is one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

_HOSTS = (
    r"(?:[a-z0-9-]+\.)*(?:docker\.io|quay\.io|ghcr\.io|gcr\.io|pkg\.dev|registry\.k8s\.io|k8s\.gcr\.io|mcr\.microsoft\.com"
    r"|amazonaws\.com|azurecr\.io|elastic\.co|nvcr\.io|registry\.gitlab\.com|registry\.redhat\.io|cr\.fluentbit\.io"
    r"|access\.redhat\.com|registry\.suse\.com|icr\.io|public\.ecr\.aws|docker\.elastic\.co|registry\.ci\.openshift\.org)"
    r"|localhost:[0-9]+|registry[a-z0-9-]*(?:\.[a-z0-9-]+)+(?::[0-9]+)?"
)
_IMAGE = re.compile(
    rf"(?<![\w./@%~+-])(?:{_HOSTS})/[a-z0-9][a-z0-9._/-]*[a-z0-9](?::\w[\w.-]*(?:@sha256:[0-9a-f]{{64}})?|@sha256:[0-9a-f]{{64}})"
    r"(?=[\s\"'`,;)\]}<>|&\\]|$)"
)
_PROSE_FILES = re.compile(
    r"\.(?:md|mdx|markdown|rst|adoc|html?|txt|tex|svg|css|log|patch|diff|ipynb|po|pot)(?:\.\w+)?$|(?:^|/)(?:ISSUE_TEMPLATE/|README|CHANGELOG"
    r"|LICENSE|NOTICE)[^/]*$",
    re.IGNORECASE,
)
_CODE_FILES = re.compile(r"\.(?:go|py|js|ts|tsx|java|rs|rb|c|cc|h|cs|php|kt|scala)$")
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|--|\*|/\*|<!--|\{\{/\*|\{#|;)")
_BLOCK_COMMENT = re.compile(r"\{\{-?\s*/\*.*?\*/|<!--.*?-->|^\s*/\*.*?\*/", re.DOTALL | re.MULTILINE)
_SENTENCE = re.compile(r"[a-zA-Z]{2,} +[a-zA-Z]{2,} +\S*$")
_DESCRIPTION = re.compile(r"(?i)(?:description|example|summary|title|comment|doc)s?[\"']?\s*:")
_STARTS_ITEM = re.compile(r"^\s*(?:- )*[\"']?[\w./-]+[\"']?\s*[:=]|^\s*-\s")
_LONGEST = 4096


def main() -> None:
    """Check the trees given."""
    lost = sum(_check(Path(name)) for name in sys.argv[1:])
    sys.exit(1 if lost else 0)


def _check(top: Path) -> int:
    known = _scanned(top)
    total = lost = 0
    for name in _files(top):
        for line, text in _candidates(top / name):
            total += 1
            if not any(text in words or words in text for words in known[name, line] if words):
                lost += 1
                print(f"{name}:{line}: {text}")
    print(f"{top}: {total} strings with a registry's host and a tag, {lost} neither found nor reported")
    return lost


def _scanned(top: Path) -> dict[tuple[str, int], list[str]]:
    """Return what imagelock says of each line of each file."""
    command = [sys.executable, "-m", "imagelock", "scan", "-o", "json"]
    done = subprocess.run(command, cwd=top, capture_output=True, check=False)
    data = json.loads(done.stdout)
    known: dict[tuple[str, int], list[str]] = defaultdict(list)
    for item in data["references"]:
        known[item["file"], item["line"]].append(item["reference"])
    for item in data["skipped"]:
        known[item["file"], item["line"]].append(item["text"])
    for item in data["findings"]:
        known[item.get("file", ""), item.get("line", 0)].append(item.get("reference") or item["message"])
    return known


def _files(top: Path) -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=top,
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if ".git" not in path.parts)


def _candidates(path: Path) -> list[tuple[int, str]]:
    """Return the lines and strings of a file that look like images at a place of a value."""
    if _PROSE_FILES.search(str(path)) or path.is_symlink() or not path.is_file():
        return []
    data = path.read_bytes()
    if b"\0" in data[:8192]:
        return []
    text = _BLOCK_COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), data.decode("utf-8", "replace"))
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for match in _IMAGE.finditer(line[:_LONGEST]):
            before, after = line[: match.start()], line[match.end() : _LONGEST]
            if not _is_comment_or_sentence(path, before, after):
                found.append((number, match[0]))
    return found


def _is_comment_or_sentence(path: Path, before: str, after: str) -> bool:
    if _COMMENT.search(before) or _DESCRIPTION.search(before) or _SENTENCE.search(before):
        return True
    if _CODE_FILES.search(path.name):
        return before[-1:] not in ("'", '"', "`") or after[:1] != before[-1:]
    is_followed = re.match(r"\s+[a-zA-Z]{2,}(?: |$)", after) is not None
    return is_followed or (not _STARTS_ITEM.match(before) and bool(before.strip(" -\"'")))


if __name__ == "__main__":
    main()
