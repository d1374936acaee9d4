"""An outcome as JUnit XML: a case per image, failed by its errors, so that every CI shows what was checked.

Follows the form that Jenkins and GitLab read: ``testsuites``, ``testsuite``, ``testcase`` with ``failure``,
``error`` (could not tell), ``skipped`` (exempt), and warnings as ``system-out``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from imagelock.model.finding_codes import FINDING_CODES, Level
from imagelock.report.facts import image_name, words
from imagelock.report.style import printable, printable_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.model.outcome import Finding, Outcome

_NOT_XML = re.compile("[\ufffe\uffff]")


def junit(outcome: Outcome) -> str:
    """Return one suite: each image that was looked at, and each file that could not be read, is a case."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for item in outcome.findings:
        found[_case_name(item)].append(item)
    exempt = {image_name(item.reference): item.reason for item in outcome.exempt}
    cases = [
        _case(outcome.command, name, found.get(name, ()))
        for name in sorted({*map(image_name, outcome.images), *found})
    ]
    cases += [
        _skipped(outcome.command, name, reason)
        for name, reason in sorted(exempt.items())
        if name not in found
    ]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
    }
    suite = ET.Element("testsuite", {"name": f"imagelock {outcome.command}", **counts, "time": "0"})
    suite.extend(cases)
    root = ET.Element("testsuites", {**counts, "time": "0"})
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case_name(item: Finding) -> str:
    if item.reference is not None:
        return image_name(item.reference)
    return item.file or item.name


def _case(command: str, name: str, findings: Sequence[Finding]) -> ET.Element:
    case = _element(command, name)
    errors = [item for item in findings if item.level is Level.ERROR]
    first = next((item for item in errors if item.file), None)
    if first is not None and first.file is not None:
        case.set("file", _text(printable(first.file)))
    # One of the two, as readers expect; what could not be determined weighs more.
    if errors:
        unknown = any(FINDING_CODES[item.code].exit_code == 3 for item in errors)
        problem = ET.SubElement(case, "error" if unknown else "failure")
        problem.set("type", ", ".join(dict.fromkeys(item.code for item in errors)))
        problem.set("message", _text(printable("; ".join(item.message for item in errors))))
        problem.text = _text("\n\n".join(map(_words, errors)))
    warnings = [item for item in findings if item.level is Level.WARNING]
    if warnings:
        ET.SubElement(case, "system-out").text = _text("\n\n".join(map(_words, warnings)))
    return case


def _skipped(command: str, name: str, reason: str) -> ET.Element:
    case = _element(command, name)
    ET.SubElement(case, "skipped", {"message": _text(printable(f"exempt: {reason}"))})
    return case


def _element(command: str, name: str) -> ET.Element:
    return ET.Element(
        "testcase", {"classname": f"imagelock.{command}", "name": _text(printable(name)), "time": "0"}
    )


def _words(item: Finding) -> str:
    place = f"{item.where}: " if item.where else ""
    return printable_lines(f"{place}{item.level.value}[{item.code}] {item.name}: {words(item)}")


def _text(text: str) -> str:
    """Leave out the last characters that XML cannot say; the others are shown by their escapes already."""
    return _NOT_XML.sub("\ufffd", text)
