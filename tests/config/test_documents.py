"""What the documents name exists: files, links, commands of make and manage.py, settings, and names of the code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from pkgutil import resolve_name

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "drops", "fulfillment")
FOLDERS = (
    *APPS,
    "bench",
    "config",
    "deploy",
    "docs",
    "examples",
    "requirements",
    "scripts",
    "static",
    "templates",
    "tests",
)
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
)
# Settings of nginx and PgBouncer, tables of PostgreSQL, and what django-structlog writes to the log.
OTHERS = {
    "client_max_body_size",
    "limit_conn",
    "max_connections",
    "max_prepared_statements",
    "pg_last_wal_replay_lsn",
    "pg_stat_activity",
    "task_failed",
}
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def prose(document: str) -> str:
    return FENCE.sub("", (ROOT / document).read_text())


def quoted(document: str) -> list[str]:
    """The texts in backticks."""
    return re.findall(r"`([^`\n]+)`", prose(document))


@cache
def code() -> str:
    """Everything but the documents and this test."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [ROOT / name for name in ("Makefile", "Procfile", ".env.example", "pyproject.toml")]
    texts = {".py", ".html", ".js", ".css", ".txt", ".toml", ".example", ".yml", ".json", ""}
    return "\n".join(
        path.read_text() for path in files if path.suffix in texts and path != Path(__file__).resolve()
    )


@cache
def file_names() -> frozenset[str]:
    return frozenset(path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.*"))


def exists(name: str) -> bool:
    """`<app>` is any app, `*` as in a shell; a name without a folder may be anywhere."""
    if name.startswith("<app>/"):
        return any(exists(name.replace("<app>", app)) for app in APPS)
    return any(ROOT.glob(name.rstrip("/"))) or ("/" not in name and name in file_names())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_exists(document: str) -> None:
    starts = "|".join((*FOLDERS, "<app>", r"\.ci"))
    of_a_folder = re.compile(rf"(?:{starts})/[\w./*-]*")
    alone = re.compile(r"[\w*.-]+\.(?:py|md|html|css|js|txt|sha256|lock)")
    named = [name for name in quoted(document) if of_a_folder.fullmatch(name) or alone.fullmatch(name)]

    assert [name for name in named if not exists(name)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file(document: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", prose(document))

    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_of_the_code_exists(document: str) -> None:
    known = code() + "".join(FENCE.findall((ROOT / document).read_text()))
    names = {name for text in quoted(document) for name in re.findall(r"^([A-Za-z]+(?:_[A-Za-z]+)+)\b", text)}
    dotted = re.compile(rf"(?:config|{'|'.join(APPS)})(?:\.\w+)+(?::\w+)?")

    assert {name for name in names - OTHERS if not re.search(rf"\b{name}\b", known)} == set()
    for name in filter(dotted.fullmatch, quoted(document)):
        if not name.endswith(".py") and name not in known:
            resolve_name(name)


def test_every_setting_of_production_is_in_the_example() -> None:
    example = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    text = (ROOT / "docs" / "running.md").read_text()

    assert set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text)) - {"X_FORWARDED_FOR"} <= example
