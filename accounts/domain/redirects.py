"""What is wrong with a redirect URI, and what its owner should know of one that is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from accounts.models import LOOPBACK_HOSTS, redirect_refusal

MOST = 20


class Advice(NamedTuple):
    """About one URI. `tone` is "bad" where it is refused, "wait" where it is taken and there is something to know."""

    uri: str
    text: str
    tone: str


def advice(uris: Sequence[str]) -> list[Advice]:
    """For each URI, in their order; and for all of them together, with `uri` empty."""
    found = [each for uri in dict.fromkeys(uris[: MOST + 1]) for each in _advice_on(uri)]
    if len(uris) > MOST:
        found.insert(0, Advice("", _("Enter at most %(count)d redirect URIs.") % {"count": MOST}, "bad"))
    twice = next((uri for uri in uris if uris.count(uri) > 1), None)
    if twice is not None:
        found.append(Advice(twice, _("It is there twice. Once is enough."), "wait"))
    return found


def _advice_on(uri: str) -> list[Advice]:
    if refusal := redirect_refusal(uri):
        return [Advice(uri, str(refusal), "bad")]
    parts = urlsplit(uri)
    found = []
    if parts.hostname in LOOPBACK_HOSTS:
        found.append(
            _("This is a developer's own machine, for tests alone. Take it out before viewers connect.")
        )
    if parts.query:
        found.append(_("It has a query. Your server has to send the same query, character for character."))
    if parts.path in ("", "/"):
        found.append(
            _("It is a front page. “%(with)s” and “%(without)s” are two different URIs.")
            % {"with": f"{uri.rstrip('/')}/", "without": uri.rstrip("/")}
        )
    elif parts.path.endswith("/"):
        found.append(_("It matches with the slash at its end alone."))
    return [Advice(uri, text, "wait") for text in found] or [
        Advice(uri, _("It is all right. Your server has to send exactly this."), "good")
    ]
