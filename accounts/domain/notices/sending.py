"""Mails to those who are to be told. Each is one mail to one recipient, so that no address holds up another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.utils import translation

from accounts.domain.notices import queue, switches, times, viewers
from accounts.domain.notices.kinds import KINDS, Kind, is_outdated
from accounts.models import User
from accounts.models.notices import Notice, NoticeEnd
from config import mail

# Seconds after which a run ends, even if there is more to send.
TURN = 20.0
MOST_IN_A_DIGEST = 50

logger = structlog.get_logger(__name__)


def send_due(*, clock: Callable[[], datetime], seconds: float = TURN) -> int:
    """Send what is due, for about `seconds`; returns how many mails went out. Not to be called in a transaction.

    What members wait for goes first, however many viewers are to be told. A run ends with the first mail that the
    server does not answer: the next run begins with another one.
    """
    until, sent = time.monotonic() + seconds, 0
    while time.monotonic() < until and (notice := _take(clock())):
        try:
            end = _send(notice, clock())
        except Exception as error:  # whatever is wrong with this one, the others are sent
            logger.exception("notice_not_sent", notice=notice.pk, kind=notice.kind, tries=notice.tries)
            queue.put_off(notice, now=clock())
            if mail.is_away(error):
                break
        else:
            if end is not None:
                queue.end(notice, end, now=clock())
                sent += end == NoticeEnd.SENT
    return sent


def _take(now: datetime) -> Notice | None:
    rows = Notice.objects.select_related("user", "organization")
    return queue.take(rows.filter(for_viewer=False), now=now) or queue.take(
        rows.filter(for_viewer=True), now=now
    )


class _Mail(NamedTuple):
    """What is to be said in a mail."""

    kind: Kind
    row: Any
    address: str


def _send(notice: Notice, now: datetime) -> NoticeEnd | None:
    """Send it, or say why not; None where it waits. OSError and others where the mail server did not take it."""
    said = _judge(notice, now)
    if isinstance(said, NoticeEnd):
        return said
    if notice.for_viewer and notice.user is not None:
        chosen = times.times_of(notice.user)
        until = times.not_before(chosen, written=notice.created_at, now=now)
        if until > now:
            queue.wait(notice, until=until)
            return None
        if chosen.digest_hour is not None and (others := _others(notice, now)):
            return _send_digest(notice, said, others, now)
    template, values = said.kind.content(said.row, notice.data)
    _post(notice, said.kind, template, values, said.address)
    return NoticeEnd.SENT


def _judge(notice: Notice, now: datetime) -> _Mail | NoticeEnd:
    """What is to be said to whom, or why nothing is."""
    kind = KINDS.get(notice.kind)
    row = kind and kind.row(notice.about)
    if kind is None or is_outdated(kind, row, notice, now):
        return NoticeEnd.OUTDATED
    address = _address(kind, notice, row)
    if not address:
        return NoticeEnd.NOT_THEIRS
    if not switches.is_on(kind, notice.user or notice.address, notice.organization):
        return NoticeEnd.OFF
    if notice.user is not None and not kind.still_for(row, notice.user):
        return NoticeEnd.OUTDATED
    return _Mail(kind, row, address)


def _post(notice: Notice, kind: Kind, template: str, values: dict[str, Any], address: str) -> None:
    headers, values["off_url"] = _headers(notice), ""
    if not kind.always:
        values["off_url"] = switches.link(kind, notice.user or notice.address, notice.organization)
        headers |= {
            "List-Unsubscribe": f"<{values['off_url']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    values |= {"kind": kind, "notice": notice}
    mail.send(template, values, address, end="accounts/mail/end_of_notice", headers=headers)


def _others(notice: Notice, now: datetime) -> list[Notice]:
    """What else the person is to be told, leased to the caller."""
    rows = (
        Notice.objects.select_related("user").filter(user=notice.user, for_viewer=True).exclude(pk=notice.pk)
    )
    found: list[Notice] = []
    while len(found) < MOST_IN_A_DIGEST and (other := queue.take(rows, now=now)):
        found.append(other)
    return found


def _send_digest(notice: Notice, said: _Mail, others: Sequence[Notice], now: datetime) -> NoticeEnd:
    """One mail for all of them. What is not to be said any more ends as it would alone."""
    told, lines = [], [_line(notice, said)]
    for other in others:
        judged = _judge(other, now)
        if isinstance(judged, NoticeEnd):
            queue.end(other, judged, now=now)
        else:
            told.append(other)
            lines.append(_line(other, judged))
    try:
        if not switches.is_on(viewers.DIGEST, said_to := cast("User", notice.user), None):
            end = NoticeEnd.OFF
        else:
            _, values = viewers.DIGEST.content(said_to, {"lines": lines})
            _post(notice, viewers.DIGEST, "accounts/mail/digest", values, said.address)
            end = NoticeEnd.SENT
    except Exception:
        for other in told:
            queue.put_off(other, now=now)
        raise
    for other in told:
        queue.end(other, end, now=now)
    return end


def _line(notice: Notice, said: _Mail) -> tuple[str, str]:
    """What it says, and where."""
    with translation.override(settings.LANGUAGE_CODE):
        text = viewers.subject_of(said.kind, said.row, notice)
    return text, said.kind.path(said.row) if said.kind.path else ""


def _address(kind: Kind, notice: Notice, row: object) -> str:
    """Empty where the recipient is not to be told any more."""
    if notice.user_id is None:
        return kind.address_of(row, notice.address)
    told = kind.people(notice.organization)
    return told.filter(pk=notice.user_id).values_list("email", flat=True).first() or ""


def _headers(notice: Notice) -> dict[str, str]:
    """A mail that is sent twice, because nobody knows whether the first arrived, is one mail to whoever gets it."""
    return {"Message-ID": f"<notice-{notice.pk}@{urlsplit(settings.SITE_URL).hostname}>"}
