"""What is outdated is told of the packages that we name."""

from __future__ import annotations

from scripts.lock import ROOT
from scripts.outdated import named, newer


def test_our_packages_are_known_by_any_spelling() -> None:
    assert {"django", "pip-audit", "structlog", "opentelemetry-sdk", "celery"} <= named(ROOT)


def test_only_what_we_name_is_told() -> None:
    outdated = [
        {"name": "Django", "version": "5.2.19", "latest_version": "5.2.20"},
        {"name": "vine", "version": "5.1.0", "latest_version": "5.2.0"},
    ]
    assert newer(outdated, {"django"}) == ["Django 5.2.19: there is 5.2.20"]
