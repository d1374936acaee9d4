"""Find every reference in one text: choose the formats that read it, and report what none of them took."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats import custom_rules as rule_format
from imagelock.formats.all import DOCUMENT_FORMATS, FILE_FORMATS, LAST_FORMATS, NAMED_FORMATS
from imagelock.formats.classify.by_value import unread_images
from imagelock.formats.classify.candidates import SHOWN_CHARS, is_templated
from imagelock.formats.classify.not_sources import dumped, exported, reported
from imagelock.formats.classify.objects import objects
from imagelock.formats.classify.placeholders import settled
from imagelock.formats.classify.prose import is_described, language_of
from imagelock.formats.classify.renamed import meant
from imagelock.formats.classify.unmatched import UNMATCHED, loose_lines, overwritten, unmatched
from imagelock.formats.fast.json_objects import quick_json, shallow
from imagelock.formats.fast.plain import built_in_kind
from imagelock.formats.fast.yaml_objects import quick
from imagelock.formats.helm import template as helm_template
from imagelock.formats.kubernetes import objects as kubernetes
from imagelock.formats.olm import catalog as olm_catalog
from imagelock.formats.sharing.ask import refuse_shared
from imagelock.formats.syntax.masked import MASK, compose_masked
from imagelock.formats.syntax.text import Marks
from imagelock.formats.syntax.yaml_text import MERGE_CONFLICT, chunks, compose
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Damaged, Place, SkipKind, Skipped, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.base import DocumentFormat, FileFormat
    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document
    from imagelock.formats.syntax.yaml_text import Chunk
    from imagelock.model.place import Found
    from imagelock.model.rule import ScanRule

UNKNOWN = "no format knows this kind of document"
DOCUMENT_SUFFIXES = (".yaml", ".yml", ".json")
# One of the two keys at the start of a line makes a file worth reading as Kubernetes objects, whatever
# its name.
_OBJECT = lazy_regex(r"^\ufeff?[\"']?(?:apiVersion|kind)[\"']?[ \t]*:", re.MULTILINE)
# A file without a telling name counts only when comments and `---` are all that precedes the first key.
_BEGIN = lazy_regex(
    r"\ufeff?(?:[ \t]*(?:#[^\n]*)?\n)*(?:---[^\n]*\n)?(?:[ \t]*(?:#[^\n]*)?\n)*[\"']?(?:apiVersion|kind)[\"']?[ \t]*:"
)
_IMAGE_WORDS = ("mage", "MAGE", "docker://", "oci://", "containers", "services")
"""What a document with an image has, one of these."""
_TEMPLATE_SUFFIX = lazy_regex(r"\.(?:j2|jinja2?|tmpl|gotmpl|tplt?|erb|in|template|example|sample|dist)\Z")
_OBJECT_KEYS = ("apiVersion", "kind")
_HEAD_CHARS = 65536
_LINE_CHARS = 4096


def find(
    text: Text, force: str | None = None, rules: Sequence[ScanRule] = (), *, believes: bool = True
) -> list[Found]:
    """Return everything one text holds, in the order of the file; raises nothing, whatever the text.

    ``force`` names the only format that may read the text; ``rules`` find what no format does.  ``believes`` says
    whether a text that says imagelock wrote it is passed over.
    """
    documents: list[Document] = []
    found = [
        settled(_unmasked(text, item), text)
        for item in _find(text, force, rules, documents, believes=believes)
    ]
    is_report = believes and not any(isinstance(item, Place) for item in found)
    report = reported(text) if is_report else None
    if report is not None:
        return [report]
    if documents:
        found = refuse_shared(documents, found)
    if any(not rule.reads_documents for rule in rules):
        found = _without_unwritable([*found, *rule_format.find_in_text(text, rules, _characters(found))])
    if text.context is not None:
        found = meant(found, text.context)
    if not any(isinstance(item, Skipped) and item.kind is SkipKind.NOT_A_SOURCE for item in found):
        found += unread_images(text, found)
    if any(type(item) is Unreadable for item in found):
        found = [_unreadable(item) for item in found]
    if any(type(item) is Skipped for item in found):
        language = language_of(text)
        found = [_in_prose(text, item, language) for item in found]
    if rules:
        found = _without_taken(found)
    if len(found) > 1:
        found.sort(key=_where)
    return found


def _unreadable(item: Found) -> Found:
    """Return what was found in a file that cannot be read whole: what its images are shows once it can be."""
    if not isinstance(item, Skipped) or item.kind.is_expected:
        return item
    return replace(item, kind=SkipKind.UNREADABLE)


def _in_prose(text: Text, item: Found, language: str | None) -> Found:
    """Return what was found: an image that no format takes is an example in documentation and descriptions."""
    if not isinstance(item, Skipped) or item.kind.is_expected:
        return item
    if language is not None:
        line = text.line_start(item.line)
        before = text.content[line : line + min(item.column - 1, _LINE_CHARS)]
        if not is_described(text.content, line, before, language):
            return item
    return Skipped(
        text=item.text,
        line=item.line,
        column=item.column,
        reason=item.reason,
        format=item.format,
        kind=SkipKind.PROSE,
    )


def _without_taken(found: list[Found]) -> list[Found]:
    """Return everything but what was skipped until a rule took it."""
    taken = {(item.line, str(item.reference)) for item in found if isinstance(item, Place)}
    return [item for item in found if not isinstance(item, Skipped) or (item.line, item.text) not in taken]


def _without_unwritable(found: list[Found]) -> list[Found]:
    """Return everything but the places that cannot be written until a rule took them."""
    places = (item for item in found if isinstance(item, Place) and item.format == rule_format.name)
    taken = {(item.line, item.reference) for item in places}
    return [
        item
        for item in found
        if not isinstance(item, Place) or item.slots or (item.line, item.reference) not in taken
    ]


def _where(item: Found) -> tuple[int, int]:
    return item.line, item.column


def _find(
    text: Text, force: str | None, rules: Sequence[ScanRule], documents: list[Document], *, believes: bool
) -> Iterator[Found]:
    export = exported(text) if force is None and believes else None
    if export is not None:
        yield export
        return
    file_format = file_format_of(text, force)
    if file_format is not None:
        found = list(file_format.find(text))
        if file_format is helm_template:
            found = _without_taken([*found, *_inside_template(text, found)])
        yield from found
    elif force is not None or _may_be_documents(text):
        for chunk in chunks(text):
            dump = dumped(text, chunk) if force is None and believes else None
            yield from _chunk(text, chunk, force, rules, documents) if dump is None else (dump,)


def file_format_of(text: Text, force: str | None = None) -> FileFormat | None:
    """Return the format that reads this text as a whole, or None when it is read as documents."""
    for item in FILE_FORMATS:
        if force == item.name or (force is None and item.claims(text)):
            return item
    return None


def _characters(found: Sequence[Found]) -> list[range]:
    """Return the ranges of the file that places fill already."""
    slots = (slot for item in found if isinstance(item, Place) for slot in item.slots)
    return [range(slot.span.offset(0), slot.span.offset(len(slot.span))) for slot in slots]


def is_documents(text: Text) -> bool:
    """Whether a text is read as YAML or JSON documents."""
    return file_format_of(text) is None and _may_be_documents(text)


def _may_be_documents(text: Text) -> bool:
    if text.context is not None and text.context.read_as is not None:
        return True
    name = text.file_name.lower()
    if name.endswith(DOCUMENT_SUFFIXES) or _TEMPLATE_SUFFIX.sub("", name).endswith(DOCUMENT_SUFFIXES):
        return True
    has_key = any(text.content.find(key, 0, _HEAD_CHARS) >= 0 for key in _OBJECT_KEYS)
    return has_key and _OBJECT.search(text.content, 0, _HEAD_CHARS) is not None


def _is_meant_as_documents(text: Text) -> bool:
    """Whether a text is YAML or JSON by its name, or begins with an object: scripts and code only hold some."""
    return text.file_name.lower().endswith(DOCUMENT_SUFFIXES) or _BEGIN.match(text.content) is not None


def _chunk(
    text: Text, chunk: Chunk, force: str | None, rules: Sequence[ScanRule], documents: list[Document]
) -> Iterator[Found]:
    context = text.context
    is_said = context is not None and (context.read_as is not None or bool(context.value_keys))
    is_forced = force is not None or is_said or any(rule.reads_documents for rule in rules)
    found = None if is_forced or not _is_meant_as_documents(text) else _read_quickly(text, chunk)
    if found is not None:
        yield from found
        return
    formats = _formats_for(text, force)
    if not is_forced and not _may_hold_images(text, chunk, formats):
        yield from loose_lines(text, chunk, "no format knows this place")
        return
    if not is_forced and _is_other_json(text, chunk, formats):
        return
    try:
        document = _composed(text, chunk)
    except FormatError as error:
        yield from _broken(text, chunk, error)
        return
    if document is None:
        return
    document = replace(document, read=_read_inner)
    claimed = formats if force is not None else _claiming(document, formats)
    if claimed != (olm_catalog,) or text.content.find("&", chunk.start, chunk.end) >= 0:
        # A catalog has thousands of documents and no characters with two uses: their trees are not kept.
        documents.append(document)
    for item in claimed:
        yield from item.find(document)
    yield from rule_format.find_in_document(document, rules)
    yield from overwritten(document)
    yield from unmatched(document, UNMATCHED if claimed else UNKNOWN)


def _composed(text: Text, chunk: Chunk) -> Document | None:
    """Compose a document; one that is no YAML for its template tags with these hidden."""
    if text.content.find("###", chunk.start, chunk.end) >= 0:
        # To YAML a marked word is a comment, and what it stands for would be lost.
        document = compose_masked(text, chunk)
        if document is not None:
            return document
    try:
        return compose(text, chunk)
    except FormatError as error:
        document = None if error.message == MERGE_CONFLICT else compose_masked(text, chunk)
        if document is None:
            raise
        return document


def _inside_template(text: Text, found: Sequence[Found]) -> Iterator[Found]:
    """Yield the places of a chart's templates that only a document shows: Applications, Flux objects and the like."""
    starts = {slot.span.offset(0) for item in found if isinstance(item, Place) for slot in item.slots}
    formats = tuple(item for item in DOCUMENT_FORMATS if item is not kubernetes)
    for chunk in chunks(text):
        if not _marks(formats).stand_in(text.content, chunk.start, chunk.end):
            continue
        document = compose_masked(text, chunk)
        for item in _claiming(document, DOCUMENT_FORMATS) if document is not None else ():
            for place in item.find(document) if item is not kubernetes and document is not None else ():
                if isinstance(place, Place) and not any(
                    slot.span.offset(0) in starts for slot in place.slots
                ):
                    yield place


def _unmasked(text: Text, item: Found) -> Found:
    """Return what was found in a document with hidden tags as the file has it: what a tag touches is a template."""
    if not isinstance(item, Skipped | Damaged) or MASK not in item.text:
        return item
    at = text.line_start(item.line) + item.column - 1
    written = text.content[at : at + SHOWN_CHARS].partition("\n")[0].rstrip()
    return Skipped(
        text=written,
        line=item.line,
        column=item.column,
        reason="a template",
        format=item.format,
        kind=SkipKind.TEMPLATE,
    )


def _read_inner(document: Document) -> Iterator[Found]:
    """Read a document inside another by the formats that know it."""
    for item in _claiming(document, DOCUMENT_FORMATS):
        yield from item.find(document)


def _read_quickly(text: Text, chunk: Chunk) -> list[Found] | None:
    is_json = text.content.startswith("{", chunk.start)
    return quick_json(text, chunk) if is_json else quick(text, chunk)


def _claiming(document: Document, formats: tuple[DocumentFormat, ...]) -> tuple[DocumentFormat, ...]:
    """Return the format that reads a document: the first that knows it.

    A List may hold objects that several know; each reads its own, and nothing is taken twice.
    """
    if len(list(islice(objects(document), 2))) > 1:
        return tuple(item for item in formats if item.claims(document))
    claimed = next((item for item in formats if item.claims(document)), None)
    return () if claimed is None else (claimed,)


def _is_other_json(text: Text, chunk: Chunk, formats: tuple[DocumentFormat, ...]) -> bool:
    """Whether this is JSON that no format reads and that names no image: API descriptions, package locks."""
    if not text.content.startswith(("{", "["), chunk.start):
        return False
    document = shallow(text, chunk)
    return document is not None and not any(item.claims(document) for item in formats)


def _formats_for(text: Text, force: str | None) -> tuple[DocumentFormat, ...]:
    """Return the formats that may read this text's documents, the most specific first."""
    if force is not None:
        every = (*DOCUMENT_FORMATS, *NAMED_FORMATS, *LAST_FORMATS)
        return tuple(item for item in every if item.name == force)
    first, last = (
        tuple(item for item in formats if item.matches_name(text))
        for formats in (NAMED_FORMATS, LAST_FORMATS)
    )
    return (*first, *DOCUMENT_FORMATS, *last)


def _may_hold_images(text: Text, chunk: Chunk, formats: tuple[DocumentFormat, ...]) -> bool:
    """Whether a document is worth parsing: one of a built-in kind with an image key, or one with a format's mark."""
    content, start, end = text.content, chunk.start, chunk.end
    says_image = any(content.find(word, start, end) >= 0 for word in ("mage", "MAGE"))
    if says_image and built_in_kind(content, start, end) is not None:
        return True
    return _marks(formats).stand_in(content, start, end)


@lru_cache(maxsize=64)
def _marks(formats: tuple[DocumentFormat, ...]) -> Marks:
    """Return what some of these formats look for; Kubernetes' marks first, because most documents are its."""
    return Marks(
        mark for item in sorted(formats, key=lambda item: item is not kubernetes) for mark in item.marks
    )


def _broken(text: Text, chunk: Chunk, error: FormatError) -> Iterator[Found]:
    """Report a document that does not parse: a template or source code is left out, anything else is unreadable."""
    first_line, _ = text.position(chunk.start)
    broke_at = error.line - first_line + 1
    is_conflict = error.message == MERGE_CONFLICT
    if not is_conflict and is_templated(text.content[chunk.start : chunk.end], broke_at):
        yield from loose_lines(text, chunk, "a template of another tool")
        return
    if not _is_meant_as_documents(text):
        yield from loose_lines(text, chunk, "in a text that is not YAML as a whole")
        return
    if not any(text.content.find(word, chunk.start, chunk.end) >= 0 for word in _IMAGE_WORDS):
        # A file that is not a concern of ours: JSON with comments, a template of yet another tool.
        return
    yield Unreadable(
        line=error.line, column=error.column, reason=error.message, hint=error.hint, format="yaml"
    )
    yield from loose_lines(text, chunk, "in a document that cannot be read")
