"""Text that cannot do harm to a terminal, and colour only where it was asked for."""

from __future__ import annotations

import json
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from imagelock.report.json import document_json
from imagelock.report.style import Style, printable, printable_json, printable_lines

TEXT = st.text(st.characters(codec=None, exclude_categories=()))
HARMFUL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@given(TEXT)
def test_no_control_character_survives_and_everything_else_does(text: str) -> None:
    shown = printable(text)
    assert not HARMFUL.search(shown)
    if not HARMFUL.search(text):
        assert shown == text


def test_what_is_hidden_is_shown_by_its_escape() -> None:
    assert printable("a\x1b[2J\nb\udce9\u202e") == "a\\x1b[2J\\x0ab\\xe9\\u202e"


def test_lines_stay_lines_whichever_way_they_end() -> None:
    assert printable_lines("a\r\nb\x07\n\nc\rd") == "a\nb\\x07\n\nc\\x0dd"


@given(TEXT)
def test_json_of_any_text_is_valid_harmless_and_means_the_same(text: str) -> None:
    document = document_json("x", {"text": text})
    assert not [mark for mark in document if unicodedata.category(mark) == "Cc" and mark != "\n"]
    meant = re.sub("[\ud800-\udfff]", "\ufffd", text)
    assert json.loads(document) == {"schema": "imagelock/x/v1", "text": meant}


def test_json_escapes_are_jsons_own() -> None:
    assert json.loads(printable_json('"\x9b\u202e"')) == "\x9b\u202e"


def test_a_style_without_colour_leaves_the_words_alone() -> None:
    style = Style()
    for paint in (style.bold, style.dim, style.red, style.yellow, style.green, style.cyan):
        assert paint("x") == "x"
    assert Style(colour=True).red("x") == "\x1b[1;31mx\x1b[0m"
