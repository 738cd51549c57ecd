"""Mails to those who are to be told. Each is one mail to one recipient, so that no address holds up another."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from accounts.domain.notices import queue, switches
from accounts.domain.notices.kinds import KINDS, Kind, is_outdated
from accounts.models.notices import Notice, NoticeEnd
from config import mail

# Seconds after which a run ends, even if there is more to send.
TURN = 20.0

logger = structlog.get_logger(__name__)


def send_due(*, clock: Callable[[], datetime], seconds: float = TURN) -> int:
    """Send what is due, for about `seconds`; returns how many mails went out. Not to be called in a transaction.

    A run ends with the first mail that the server does not answer: the next run begins with another one.
    """
    until, sent = time.monotonic() + seconds, 0
    rows = Notice.objects.select_related("user", "organization")
    while time.monotonic() < until and (notice := queue.take(rows, now=clock())):
        try:
            end = _send(notice, clock())
        except Exception as error:  # whatever is wrong with this one, the others are sent
            logger.exception("notice_not_sent", notice=notice.pk, kind=notice.kind, tries=notice.tries)
            queue.put_off(notice, now=clock())
            if mail.is_away(error):
                break
        else:
            queue.end(notice, end, now=clock())
            sent += end == NoticeEnd.SENT
    return sent


def _send(notice: Notice, now: datetime) -> NoticeEnd:
    """Send it, or say why not. OSError and others where the mail server did not take it."""
    kind = KINDS.get(notice.kind)
    row = kind and kind.row(notice.about)
    if kind is None or is_outdated(kind, row, notice, now):
        return NoticeEnd.OUTDATED
    address = _address(kind, notice, row)
    if not address:
        return NoticeEnd.NOT_THEIRS
    if not switches.is_on(kind, notice.user or notice.address, notice.organization):
        return NoticeEnd.OFF
    template, values = kind.content(row, notice.data)
    headers, values["off_url"] = _headers(notice), ""
    if not kind.always:
        values["off_url"] = switches.link(kind, notice.user or notice.address, notice.organization)
        headers |= {
            "List-Unsubscribe": f"<{values['off_url']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    values |= {"kind": kind, "notice": notice}
    mail.send(template, values, address, end="accounts/mail/end_of_notice", headers=headers)
    return NoticeEnd.SENT


def _address(kind: Kind, notice: Notice, row: object) -> str:
    """Empty where the recipient is not to be told any more."""
    if notice.user_id is None:
        return kind.address_of(row, notice.address)
    told = kind.people(notice.organization)
    return told.filter(pk=notice.user_id).values_list("email", flat=True).first() or ""


def _headers(notice: Notice) -> dict[str, str]:
    """A mail that is sent twice, because nobody knows whether the first arrived, is one mail to whoever gets it."""
    return {"Message-ID": f"<notice-{notice.pk}@{urlsplit(settings.SITE_URL).hostname}>"}
