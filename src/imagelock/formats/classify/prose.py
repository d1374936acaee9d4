"""Whether characters of a text are a value, an argument or a word of its language, or part of a sentence.

What a file is written in is known by its name.  Data (YAML, JSON, TOML, properties, lists) has values behind
keys and on lines of their own; a shell has arguments anywhere; code has quoted texts; prose has no images.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text

DATA, SHELL, CODE, SLASHES = "data", "shell", "code", "code//"
_TEMPLATE_SUFFIX = lazy_regex(
    r"(?:\.(?:j2|jinja2?|tmpl|tplt|gotmpl|tpl|erb|in|template|example|sample|dist|orig))+\Z"
)
_PROSE = lazy_regex(
    r".*\.(?:md|markdown|mdx|mdown|rst|adoc|asciidoc|html?|xhtml|tex|svg|css|scss|less|po|pot|log|patch|diff"
    r"|ipynb|sum|map|min\.js|org|textile|wiki|ronn|man)"
    r"|(?:readme|licen[cs]e|notice|changelog|changes|news|contributing|authors|copying|todo|maintainers|security"
    r"|third.?party.*)(?:\.txt|[-_].*)?"
    r"|(?:package-lock\.json|yarn\.lock|pnpm-lock\.yaml|go\.mod|go\.work|poetry\.lock|uv\.lock|cargo\.lock)",
    re.IGNORECASE,
)
_SHELL = lazy_regex(
    r".*\.(?:sh|bash|zsh|ksh|fish|ps1|bat|cmd|mk|mak|bats|dockerfile|containerfile)"
    r"|(?:gnu)?makefile.*|dockerfile.*|containerfile.*|justfile|\.?bashrc|\.?profile",
    re.IGNORECASE,
)
_CODE = lazy_regex(
    r".*\.(?:go|py|pyi|js|mjs|cjs|ts|jsx|tsx|java|kts?|scala|rb|rs|cc?|cpp|cxx|h|hpp|cs|php|pl|pm|lua|groovy|gradle"
    r"|swift|bzl|bazel|star|jsonnet|libsonnet|cue|hcl|tf|tfvars|nix|sql|dart|ex|exs|erl|clj|hs|ml|vue|svelte|proto"
    r"|rego|pkl|dhall|nomad)"
    r"|jenkinsfile.*|vagrantfile|rakefile|gemfile|build|workspace|tiltfile",
    re.IGNORECASE,
)
_SLASHES_ONLY = lazy_regex(
    r".*\.(?:go|js|mjs|cjs|ts|jsx|tsx|java|kts?|scala|rs|cc?|cpp|cxx|h|hpp|cs|groovy|gradle|swift|dart|proto|json|jenkinsfile)"
    r"|jenkinsfile.*",
    re.IGNORECASE,
)
_SHEBANG = lazy_regex(r"#![^\n]*\b(?:ba|z|k|da|a)?sh\b")
_HASH = lazy_regex(r"(?:^|[ \t])#(?!\{)")
_SLASHES = lazy_regex(r"(?:^|[ \t;{}(])//")
_MARKUP_COMMENT = ("<!--", "-->")
_TEMPLATE_COMMENTS = (("{{/*", "*/"), ("{{- /*", "*/"), ("{#", "#}"))
_MARKUP = lazy_regex(
    r".*\.(?:xml|x?html?|vue|svelte|jsp|config|cs?proj|props|targets|xslt?|wsdl)", re.IGNORECASE
)
_TEMPLATE_NAME = lazy_regex(
    r"(?:^|/)templates/|helmfile|\.(?:j2|jinja2?|twig|tmpl|tplt?|gotmpl|erb|template)\Z", re.IGNORECASE
)
_COMMANDS = lazy_regex(
    r"(?:^|[\s\"'`(/;&|$])(?:docker|podman|nerdctl|crane|skopeo|kubectl|oc|ctr|crictl|oras|cosign|buildah|kaniko|kind"
    r"|minikube|k3d|trivy|grype|syft|regctl|FROM|COPY|helm|img|kpt|imgpkg|dagger|singularity|apptainer|notation"
    r"|opm|operator-sdk|flux|rpm-ostree|bootc|dive|ko)\s"
)
_FLAG = lazy_regex(r"(?:^|[\s\"'`\[(,])--?[A-Za-z][\w.-]*[\"']?,?\Z")
_KEY = lazy_regex(
    r"(?:^|[{,\[(;]|[ \t]-|\\n)[ \t]*(?:-[ \t]+)*(?:\\?[\"'][^\"'\n]{1,200}\\?[\"']|[^\s\"'{}\[\],:=]{1,200})[ \t]*:\Z"
)
_KEYS = lazy_regex(
    r"(?:^|[{,\s])[\"']?([\w./-]{1,100})\\?[\"']?[ \t]*[:=][ \t]*[|>]?[-+]?[ \t]*[^{}\[\],]{0,400}\Z"
)
_LINE_KEY = lazy_regex(r"[ \t]*(?:-[ \t]+)*[\"']?([\w./ -]{1,100}?)[\"']?[ \t]*:(?:[ \t]|\Z)")
_DESCRIBING = frozenset(
    [
        "description",
        "descriptions",
        "desc",
        "summary",
        "title",
        "comment",
        "comments",
        "example",
        "examples",
        "help",
        "doc",
        "docs",
        "documentation",
        "longdescription",
        "shortdescription",
        "changelog",
        "readme",
        "releasenotes",
        "release_notes",
        "displayname",
        "homepage",
    ]
)
_SCRIPTS = frozenset(
    ["run", "script", "before_script", "after_script", "command", "commands", "cmd", "cmds", "shell"]
)
"""Keys whose text is a script of a shell: any word of it may be an argument."""
_TAGS = (("{{", "}}"), ("[[", "]]"), ("{%", "%}"), ("<%", "%>"))
_JOINS = ("+", "..", "%", ".format", ".concat", ".replace")
_JOINED_CHARS = 64
_DOCUMENTS = (".md", ".html", ".rst", ".adoc")
_BUILDS = lazy_regex(
    r"(?:(?:^|[\s\"'\[,])(?:-t|--tag|--destination|--image-tag)[\"']?(?:[ =,]+[\"']?)|\bpush +[\"']?|(?:docker|podman|nerdctl|buildah) +(?:image +)?tag +\S+ +[\"']?|\.build\([ ]*[\"']|\brepo_tags[ ]*=[ ]*\[[^\]]{0,400}[\"'])\Z"
)
_BUILDS_NEXT = lazy_regex(r"[ \t]*(?:- +)?[\"']?(?:-t|--tag|--destination)[\"']?,?[ \t]*")
"""A flag for the name of what is built, before its value on the same line or alone on the line above."""
_LINES_UP = 300
_SIGNS_BEFORE = ("=", "[", "(", "{", "|", "=>", ":=", "+=", "<-", "?", ">")
_ESCAPED_LINE = lazy_regex(r"\\[nr]")
_TAGGED = lazy_regex(r"[\"']?[\w./:=-]*[\w-]+(?:\.[\w-]+)*(?::[0-9]+)?/[a-z0-9._/-]+[:@][\w.:-]+[\"']?,?")


def language_of(text: Text) -> str | None:
    """Return what a file is written in, by its name; None for prose, lock files of packages and the like."""
    name = _TEMPLATE_SUFFIX.sub("", text.file_name)
    if _PROSE.fullmatch(name):
        return None
    if _SHELL.fullmatch(name) or _SHEBANG.match(text.content):
        return SHELL
    if _CODE.fullmatch(name):
        return SLASHES if _SLASHES_ONLY.fullmatch(name) else CODE
    return DATA


def long_comments(text: Text) -> tuple[tuple[str, str], ...]:
    """Return the signs of comments over several lines that a text has, each with the one that ends it.

    They are comments to the language that a file's name says and to no other: plain YAML has none of them.
    """
    is_template = text.chart is not None or _TEMPLATE_NAME.search(text.path) is not None
    signs = _TEMPLATE_COMMENTS if is_template else ()
    if _MARKUP.fullmatch(text.file_name) is not None:
        signs = (*signs, _MARKUP_COMMENT)
    return tuple(pair for pair in signs if pair[0] in text.content)


def is_comment(
    content: str, line: int, before: str, language: str, signs: tuple[tuple[str, str], ...]
) -> bool:
    """Whether what stands behind ``before`` on the line that begins at ``line`` is in a comment.

    ``signs`` are those of :func:`long_comments`.
    """
    at = line + len(before)
    for opening, closing in signs:
        opened = content.rfind(opening, 0, at)
        if opened >= 0 and content.find(closing, opened, at) < 0 and content.find(closing, at) >= 0:
            return True
    if "//" in before and _outside_quotes(_SLASHES, before):
        return True
    if language.startswith(CODE) and _in_block_comment(content, at):
        return True
    return "#" in before and language != SLASHES and _outside_quotes(_HASH, before)


def _in_block_comment(content: str, at: int) -> bool:
    opened = content.rfind("/*", 0, at)
    if opened < 0 or content.find("*/", opened, at) >= 0:
        return False
    head = content[content.rfind("\n", 0, opened) + 1 : opened]
    is_quoted = any(head.count(quote) % 2 for quote in "\"'`")
    return not is_quoted and content.find("*/", at) >= 0


def _outside_quotes(sign: re.Pattern[str], before: str) -> bool:
    for match in sign.finditer(before):
        head = before[: match.start()]
        if not head.strip() or (head.count('"') % 2 == 0 and head.count("'") % 2 == 0):
            return True
    return False


def is_described(content: str, line: int, before: str, language: str) -> bool:
    """Whether a value belongs to a key that describes: those of schemas, examples and titles above all."""
    if language == SHELL or language.startswith(CODE):
        return False
    own = _KEYS.search(before)
    if own is not None and _describes(own[1]):
        return True
    depth = len(before) - len(before.lstrip(" "))
    return any(_describes(key) for key, _ in _keys_above(content, line, depth))


def _keys_above(content: str, line: int, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the keys of the lines that enclose a line of this depth, the innermost first, each with what follows it."""
    for _ in range(_LINES_UP):
        if line <= 0 or depth <= 0:
            return
        above = content.rfind("\n", 0, line - 1) + 1
        written, line = content[above : line - 1], above
        bare = written.lstrip(" ")
        if not bare or len(written) - len(bare) >= depth:
            continue
        depth = len(written) - len(bare)
        key = _LINE_KEY.match(bare)
        if key is not None:
            yield key[1], bare[key.end() :].strip(" ")


def _describes(key: str) -> bool:
    lower = key.lower().rpartition(".")[2]
    return lower in _DESCRIBING or key.lower().endswith(_DOCUMENTS)


def is_joined(content: str, start: int, end: int) -> bool:
    """Whether a quoted text in code is only a part: another is put behind or before it, or it is formatted."""
    quote = content[start - 1 : start] if start else ""
    if quote not in ("'", '"', "`") or not content.startswith(quote, end):
        return False
    behind = content[end + 1 : end + _JOINED_CHARS].lstrip()
    before = content[max(0, start - _JOINED_CHARS) : start - 1].rstrip()
    return behind.startswith(_JOINS) or before.endswith(("+", ".."))


def is_in_tag(before: str, after: str) -> bool:
    """Whether a whole quoted text stands inside the tag of a template on its line."""
    quote = before[-1:]
    if quote not in ('"', "'", "`") or not after.startswith(quote):
        return False
    return any(before.rfind(begin) > before.rfind(end) and end in after for begin, end in _TAGS)


def is_command(content: str, line: int, before: str) -> bool:
    """Whether what stands behind ``before`` is in the value of a key that holds a script, such as ``run``."""
    own = _LINE_KEY.match(before)
    if own is not None:
        return own[1] in _SCRIPTS
    bare = before.lstrip(" ")
    # The items of a list may stand as far left as the key that it belongs to.
    depth = len(before) - len(bare) + bare.startswith("- ")
    blocks = (key for key, rest in _keys_above(content, line, depth) if rest[:1] in ("|", ">", ""))
    return next(blocks, None) in _SCRIPTS


def reads_as_value(before: str, after: str, language: str) -> bool:
    """Whether what stands between the rest of its line is a value, an argument or a line, and no part of a sentence."""
    before, after = _ESCAPED_LINE.split(before)[-1], _ESCAPED_LINE.split(after)[0]
    if language == SHELL:
        return True
    left = before[-1:]
    if left == "=":
        return "://" not in before.rpartition(" ")[2]
    if left in ('"', "'", "`"):
        return _is_quoted(before, after, language)
    if left in ("(", "<"):
        return language.startswith(CODE)
    if left and left not in " \t":
        return left not in "*#!?&"
    return _is_among_words(before, after) or _is_argument(before)


def _is_quoted(before: str, after: str, language: str) -> bool:
    """Whether a word behind a quote is the whole quoted text, or one image of several in it."""
    quote, inner = before[-1], before[:-1].rstrip("\\")
    is_closed = after.lstrip("\\").startswith(quote)
    if is_closed and language.startswith(CODE):
        return True
    if quote == "`":
        return False
    if is_closed:
        return _is_head(inner, after) or _is_argument(before)
    return _is_head(inner, "") and _is_among_words("", after)


def _is_among_words(before: str, after: str) -> bool:
    """Whether a word between blanks is a whole value: nothing but a key before it, and nothing behind it."""
    return _is_head(before, after) and (_ends(after) or _is_list(after))


def _is_head(before: str, after: str) -> bool:
    """Whether a value begins behind these characters of its line."""
    bare = before.rstrip()
    if not bare or bare.endswith(_SIGNS_BEFORE) or bare in ("-", "- -") or bare.endswith(" -"):
        return True
    if bare.endswith(":"):
        return _KEY.search(bare) is not None
    if bare.endswith(","):
        return any(sign in bare for sign in "[{(") or _is_list(bare) or after.lstrip("\\\"'").startswith(",")
    if bare.endswith((" |", " >-", " |-", " >")):
        return True
    return _TAGGED.fullmatch(bare.split()[-1].lstrip("[({")) is not None and _is_values(bare)


def _is_values(bare: str) -> bool:
    """Whether the words of a line are images, the first of them perhaps a key."""
    words = bare.lstrip(" -").split()
    return all(_TAGGED.fullmatch(word) is not None for word in words[1:]) and (
        words[0].endswith((":", "=")) or _TAGGED.fullmatch(words[0].lstrip("[({")) is not None
    )


def _is_list(after: str) -> bool:
    """Whether all other words of a line are images too."""
    words = after.strip(" \t\r,;\"'")
    return bool(words) and all(_TAGGED.fullmatch(word) for word in re.split(r"[\s,;]+", words) if word)


def _ends(after: str) -> bool:
    """Whether a value ends here: at a closing sign, a comment, or the line's end."""
    bare = after.strip()
    return (
        not bare
        or bare[0] in ",;]})\"'|&<\\"
        or (bare[0] == "#" and after[0] in " \t")
        or bare.startswith("-")
    )


def _is_argument(before: str) -> bool:
    """Whether a word is given to a flag or to a command that takes images."""
    return _FLAG.search(before.rstrip(" \t\"'")) is not None or _COMMANDS.search(before) is not None


def is_built(content: str, line: int, before: str) -> bool:
    """Whether what stands behind ``before`` is the name that a build or a push gives to its image."""
    if _BUILDS.search(before) is not None:
        return True
    if line and not before.strip(" \t\"'-"):
        above = content.rfind("\n", 0, line - 1) + 1
        return _BUILDS_NEXT.fullmatch(content, above, line - 1) is not None
    return False
