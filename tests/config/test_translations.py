"""Every word of templates and code is marked for translation, and scripts get theirs from templates."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.template.base import DebugLexer, TokenType
from django.template.loader import get_template

ROOT = settings.BASE_DIR / "templates"
TEMPLATES = sorted([*ROOT.rglob("*.html"), *ROOT.rglob("*.txt")])
READ = {"title", "aria-label", "alt", "placeholder", "data-label", "data-confirm"}
NAMES = re.compile(r"\b(?:Drops|UTC)\b")
# The arguments of a tag or a filter that are shown, unlike the name of an icon or the format of a date.
SHOWN = re.compile(
    r"""(?:\|\s*(?:default|default_if_none|yesno|pluralize|add|join):|\b(?:title|text|label|action_label|help|heading)=)"""
    r"""("[^"]*"|'[^']*')|\{%\s*firstof\b[^%]*?\s("[^"]*"|'[^']*')"""
)
SCRIPTS = sorted((settings.BASE_DIR / "static" / "js").glob("*.js"))
# A literal that begins as a sentence does, and any word that is handed to what shows it.
SCRIPT_SENTENCE = re.compile(
    r"""["'`]([A-Z][a-z]+[ .,:!?…][^"'`]*|[A-Z][a-z]+)["'`]"""
    r"""|(?:announce\(|(?:textContent|innerText|title|ariaLabel)\s*=|"aria-label",)\s*["'`]([^"'`]*[A-Za-z][^"'`]*)["'`]"""
)
HIDDEN = "\N{WHITE SQUARE}"  # stands for a tag and for what is translated


class _Words(HTMLParser):
    """Collects text and attributes that somebody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        read = READ | (
            {"value"} if tag == "input" and values.get("type") in ("submit", "button", "reset") else set()
        )
        read |= {"content"} if tag == "meta" and self._is_description(values) else set()
        read |= {name for name in values if tag == "script" and name.startswith("data-")}
        for name in read:
            self._add(values.get(name) or "")
        self.code += tag in ("pre", "code", "script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.code -= tag in ("pre", "code", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self.code:
            self._add(data)

    @staticmethod
    def _is_description(values: dict[str, str | None]) -> bool:
        return bool(re.search("description|:title$", values.get("name") or values.get("property") or ""))

    def _add(self, text: str) -> None:
        text = " ".join(text.replace(HIDDEN, " ").split())
        if re.search("[A-Za-z]", NAMES.sub("", text)):
            self.found.append(text)


def unmarked(source: str) -> list[str]:
    """The words of a template outside `translate`, `blocktranslate` and `_()`."""
    text, arguments, until = "", [], ""
    for token in DebugLexer(source).tokenize():
        name = token.contents.split(" ")[0] if token.token_type == TokenType.BLOCK else ""
        if until:
            until = "" if name == until else until
            continue
        if name in ("blocktranslate", "comment") or token.contents == "block body_class":
            until = f"end{name}"
        if token.token_type == TokenType.TEXT:
            text += token.contents
        elif token.token_type in (TokenType.BLOCK, TokenType.VAR):
            text += HIDDEN
            tag = "{% " + re.sub(r"\bname=\S+", "", token.contents) + " %}"
            arguments += [one.strip("\"'") for match in SHOWN.findall(tag) for one in match if one]
    words = _Words()
    words.feed(re.sub(f"(</?){HIDDEN}+", r"\1x", text))  # a tag whose name a condition chooses
    words.close()
    return words.found + [one for one in arguments if re.search("[A-Za-z]", one)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_word_of_a_template_is_marked(template: Path):
    assert unmarked(template.read_text()) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_template_compiles(template: Path):
    """A tag inside a `blocktranslate` fails only once the page is asked for."""
    assert get_template(str(template.relative_to(ROOT)))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>Some words</p>", ["Some words"]),
        ("Hello {{ user }}", ["Hello"]),
        ('<p title="A word">{{ name }}</p>', ["A word"]),
        ('<nav aria-label="Pages {{ n }}"></nav>', ["Pages"]),
        ('<img src="a.png" alt="A cat">', ["A cat"]),
        ('<input placeholder="Your name">', ["Your name"]),
        ('<input type="submit" value="Send">', ["Send"]),
        ('<script src="site.js" data-copied="Copied."></script>', ["Copied."]),
        ('<meta name="description" content="What it is">', ["What it is"]),
        ("{{ category|default:'No category' }}", ["No category"]),
        ('{{ count }}{{ count|pluralize:"it,them" }}', ["it,them"]),
        ('{% include "empty.html" with icon="drop" title="Nothing" %}', ["Nothing"]),
        ('{% firstof reason "No reason" %}', ["No reason"]),
        ("{% translate 'Marked' %} and {% blocktranslate %}marked{% endblocktranslate %}", ["and"]),
    ],
)
def test_unmarked_words_are_seen(source: str, words: list[str]):
    assert unmarked(source) == words


@pytest.mark.parametrize(
    "source",
    [
        "<p>{% translate 'Some words' %}</p>",
        "{% blocktranslate count counter=n %}{{ counter }} day{% plural %}{{ counter }} days{% endblocktranslate %}",
        "<p title=\"{% translate 'A word' %}\">{{ name }}: 3 · 4</p>",
        "{{ category|default:_('No category') }} {{ when|date:'j F Y' }}",
        '{% include "empty.html" with icon="drop" title=_("Nothing") %}',
        '<p class="small" id="words">{# a note #}{% comment %}A note{% endcomment %}</p>',
        "<code>POST /claims</code> Drops",
        '<input type="text" value="typed">',
    ],
)
def test_marked_words_and_what_nobody_reads_are_left_alone(source: str):
    assert unmarked(source) == []


MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
CODE_SENTENCE = re.compile(r"[A-Z“{][^<>]* [^<>]*[.?!]”?")
# What is raised for programmers, and for who runs the site.
UNSEEN = {"BadSetting", "Http404", "ImproperlyConfigured", "NotImplementedError", "TypeError", "ValueError"}
# Where sentences stay English, as docs/style.md says.
ENGLISH = {
    **dict.fromkeys(("accounts/api/", "drops/api/", "fulfillment/api/", "config/api/"), "for developers"),
    "accounts/oauth/": "for developers: errors of RFC 6749",
    "accounts/domain/permissions.py: This needs": "for developers",
    "drops/domain/watch/audiences.py": "for developers: reports of the platform",
    "drops/domain/watch/tokens.py": "for developers: tokens of players",
    "drops/sockets/": "for developers: frames of players",
    "fulfillment/domain/claims/statuses.py": "for developers: acknowledgements",
    "fulfillment/domain/delivery/attempts.py": "for the log of attempts",
    "fulfillment/outbound/": "for the log of attempts",
    "fulfillment/management/": "for who runs the site",
    **dict.fromkeys(
        (
            "config/metrics.py",
            "drops/domain/readings.py",
            "drops/domain/watch/counts.py",
            "fulfillment/domain/counts.py",
            "fulfillment/domain/readings.py",
        ),
        "for who runs the site: figures for Prometheus",
    ),
    "config/checks.py": "for who runs the site",
    "config/settings.py": "for who runs the site",
    "config/views.py": "said where even templates fail",
}


def sentences_of_code(node: ast.AST) -> Iterator[str]:
    """The sentences of code outside `_()`, without docstrings."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Call(func=ast.Name(id=name)) if name in MARKS | UNSEEN:
            return
        case ast.Constant(value=str(text)):
            said = text
        case ast.JoinedStr(values=parts):
            said = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from sentences_of_code(child)
            return
    if CODE_SENTENCE.fullmatch(" ".join(said.split())):
        yield " ".join(said.split())


def test_every_sentence_of_the_code_is_marked() -> None:
    found = [
        f"{file.relative_to(settings.BASE_DIR)}: {sentence}"
        for app in ("accounts", "config", "drops", "fulfillment")
        for file in sorted((settings.BASE_DIR / app).rglob("*.py"))
        if "migrations" not in file.parts
        for sentence in sentences_of_code(ast.parse(file.read_text()))
    ]
    assert [each for each in found if not each.startswith(tuple(ENGLISH))] == []
    assert [where for where in ENGLISH if not any(each.startswith(where) for each in found)] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('refuse("A name is required.")', ["A name is required."]),
        ('refuse(f"At most {most} tests.")', ["At most {} tests."]),
        ('refuse(_("A name is required."))', []),
        ('refuse(ngettext("One is left.", "%(n)d are left.", n))', []),
        ('"""A docstring says much."""', []),
        ('fetch("SELECT 1")', []),
    ],
)
def test_unmarked_sentences_of_code_are_seen(code: str, found: list[str]) -> None:
    assert list(sentences_of_code(ast.parse(code))) == found


def sentences_of_script(script: str) -> list[str]:
    code = re.sub(r"^\s*//.*$|\$\{[^}]*\}", "", script, flags=re.MULTILINE)
    return [one or other for one, other in SCRIPT_SENTENCE.findall(code)]


PLAYER = settings.BASE_DIR / "static" / "js" / "player.js"
NOT_WORDS = {"Accept", "Bearer ", "Enter", "Escape"}


@pytest.mark.parametrize("script", [path for path in SCRIPTS if path != PLAYER], ids=lambda path: path.name)
def test_a_script_has_no_words_of_its_own(script: Path):
    assert set(sentences_of_script(script.read_text())) - NOT_WORDS == set()


def test_the_watch_page_translates_each_sentence_of_the_player():
    """The player alone has defaults: other sites embed it with one tag."""
    defaults = re.search(r"const WORDS = \{(.*?)\.\.\.script\.dataset", PLAYER.read_text(), re.DOTALL)
    assert defaults
    reasons = re.findall(r'^ +(\w+): "(.*)",$', defaults[1], re.MULTILINE)
    assert reasons
    assert {words for _, words in reasons} == set(sentences_of_script(PLAYER.read_text())) - NOT_WORDS
    page = (ROOT / "drops" / "channel.html").read_text()
    for reason, words in reasons:
        assert f'data-{reason}="{{% translate "{words}" %}}"' in page


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('announce("Copied.", "good");', ["Copied."]),
        ('say(status, "Try again later");', ["Try again later"]),
        ("line.textContent = `nothing of ${name}`;", ["nothing of "]),
        ('close.setAttribute("aria-label", "Dismiss");', ["Dismiss"]),
        ('// "A remark."\nannounce(words.copied, "good"); close.type = "button";', []),
    ],
)
def test_words_of_scripts_are_seen(script: str, words: list[str]):
    assert sentences_of_script(script) == words
