"""A language in which every word stands in brackets: whatever is read without them was not marked for translation."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

LANGUAGE = "xx"
# What the packages below us say themselves, and translate themselves.
PACKAGES = (
    "django.conf",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.humanize",
    "allauth",
)
_STRING = r'"(?:[^"\\]|\\.)*"'
_ENTRY = re.compile(
    rf"^(?P<context>msgctxt {_STRING}\n)?msgid (?P<one>{_STRING}(?:\n{_STRING})*)\n"
    rf"(?:msgid_plural (?P<many>{_STRING}(?:\n{_STRING})*)\n)?msgstr",
    re.MULTILINE,
)
# Of a text: tags, and where something else is put in.
_PART = re.compile(r"(<[^>]*>|%\(\w+\)[sd]|%[sd]|\{\w*\})")
HEADER = r'"Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"'


def bracketed(text: str) -> str:
    """ "<b>Attempt</b> %(n)d failed" as "<b>⟦Attempt⟧</b> %(n)d ⟦failed⟧": what is put in has to have its own."""
    parts = _PART.split(text)
    for at, part in enumerate(parts):
        words = part.strip()
        if at % 2 == 0 and re.search(r"[^\W\d_]", words):
            parts[at] = part.replace(words, f"⟦{words}⟧")
    return "".join(parts)


def _texts(catalogue: Path) -> Iterator[tuple[str, str, str]]:
    """Context, text and plural of each entry but the header, as they stand in the file."""
    for entry in _ENTRY.finditer(catalogue.read_text()):
        context, one, many = (entry[name] or "" for name in ("context", "one", "many"))
        if one != '""':
            yield context, one, many


def _read(strings: str) -> str:
    return "".join(ast.literal_eval(line) for line in strings.splitlines())


def _written(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def extracted(folder: Path) -> Path:
    """The catalogue that `make messages` begins, in a clone in `folder`."""
    clone = folder / "clone"
    for name in ("accounts", "config", "drops", "fulfillment", "scripts", "templates"):
        shutil.copytree(settings.BASE_DIR / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(settings.BASE_DIR / "manage.py", clone)
    left_out = ("DATABASE_URL", "STATE_DIR", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    subprocess.run(
        [sys.executable, "-m", "scripts.messages"],
        cwd=clone,
        env=environment | {"LOCALE": LANGUAGE},
        check=True,
    )
    return clone / "config" / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"


def compiled(ours: Path, folder: Path) -> Path:
    """A folder for LOCALE_PATHS, in which all that `ours` and the packages say stands in brackets."""
    catalogues = [ours]
    for package in PACKAGES:
        places = (find_spec(package) or sys.modules[__name__].__spec__).submodule_search_locations or ()
        catalogues += [Path(place, "locale", "en", "LC_MESSAGES", "django.po") for place in places]
    entries: dict[tuple[str, str], str] = {}
    for catalogue in catalogues:
        for context, one, many in _texts(catalogue):
            first, *further = (_written(bracketed(_read(each))) for each in (one, many) if each)
            said = (
                f"msgid_plural {many}\nmsgstr[0] {first}\nmsgstr[1] {further[0]}"
                if further
                else f"msgstr {first}"
            )
            entries.setdefault((context, _read(one)), f"{context}msgid {one}\n{said}\n")
    made = folder / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"
    made.parent.mkdir(parents=True)
    made.write_text("\n".join([f'msgid ""\nmsgstr {HEADER}\n', *entries.values()]))
    subprocess.run(["msgfmt", "--check-format", made, "--output-file", made.with_suffix(".mo")], check=True)
    return folder / "locale"


# What is no word of any language: the names of the site and of the time zone; addresses; ids; codes ("user.created").
NO_WORDS = re.compile(
    r"""\bDrops\b|\bUTC\b
    | https?://\S+ | \b[\w.+-]+@[\w-]+(\.[\w-]+)+ | \b[\w-]+(\.[\w-]+)+/\S* | (?<![\w<])/[\w?=&%./{}-]+
    | \b[0-9A-HJKMNP-TV-Z]{26}\b | \b[0-9A-HJKMNP-TV-Z]{8}\b | \b[A-Za-z0-9]{40}\b
    | \b[a-z_]+\.[a-z_.]+\b
    """,
    re.VERBOSE,
)
READ = (
    "title",
    "aria-label",
    "aria-description",
    "alt",
    "placeholder",
    "data-label",
    "data-confirm",
    "label",
)
CODE = ("code", "pre", "script", "style", "kbd", "samp")
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "use", "path", "circle", "rect"}


def unmarked(text: str) -> str:
    """What of `text` is a word outside brackets."""
    rest = NO_WORDS.sub(" ", re.sub("⟦[^⟦⟧]*⟧", " ", text))
    return " ".join(rest.split()) if re.search("[A-Za-z]", rest) else ""


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.hidden: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        read = [values[name] for name in READ if name in values]
        # What a script says: sentences, and no settings.
        read += [v for name, v in values.items() if name.startswith("data-") and " " in v and v[0] != "{"]
        if tag == "input" and values.get("type") in ("submit", "button", "reset"):
            read.append(values.get("value", ""))
        if tag == "meta" and re.search("description|title$", values.get("name", values.get("property", ""))):
            read.append(values.get("content", ""))
        is_code = tag in CODE or values.get("translate") == "no" or any(self.hidden)
        if not is_code:
            self._look(*read)
        if tag not in VOID:
            self.open.append(tag)
            self.hidden.append(is_code)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                self.hidden.pop()
            self.hidden.pop()

    def handle_data(self, data: str) -> None:
        if not any(self.hidden):
            self._look(data)

    def _look(self, *texts: str) -> None:
        self.found += filter(None, map(unmarked, texts))


def unmarked_in_page(html: str) -> list[str]:
    """The texts of a page, attributes that are read included, that have a word outside brackets."""
    page = _Page()
    page.feed(html)
    page.close()
    return page.found
