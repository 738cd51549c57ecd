"""The audit trail in words, for owners and operators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import dateformat
from django.utils.text import capfirst
from django.utils.translation import gettext as _

SHORT = {"id": "ID", "uris": "URIs", "url": "URL"}


def action_words(action: str) -> str:
    """ "campaign.published" as "Campaign published"."""
    return capfirst(action.replace(".", " ").replace("_", " "))


def change_words(action: str, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of what an event carries. Where something changed, a pair is from what to what."""
    changed = action.endswith("changed")
    return [
        (_name_words(name), _changed(value) if changed else value_words(value))
        for name, value in data.items()
    ]


def _name_words(name: str) -> str:
    """ "connect_url" as "Connect URL"."""
    return capfirst(" ".join(SHORT.get(word, word) for word in name.split("_")))


def value_words(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {value_words(each)}" for name, each in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(_entry(each) for each in value) or "-"
    return _moment(value) if isinstance(value, str) and value else str("-" if value in (None, "") else value)


def _changed(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2:
        return f"{value_words(value[0])} → {value_words(value[1])}"
    return value_words(value)


def _entry(value: Any) -> str:
    """One of a list; a reward with its minutes is a pair."""
    if isinstance(value, list) and len(value) == 2:
        return _("%(reward)s after %(minutes)s min") % {"reward": value[0], "minutes": value[1]}
    return value_words(value)


def _moment(text: str) -> str:
    try:
        return f"{dateformat.format(datetime.fromisoformat(text), 'j M Y, H:i')} UTC" if "T" in text else text
    except ValueError:
        return text
