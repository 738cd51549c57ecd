"""Notices are posted to the chats that want their kind.

A post is written in the transaction of its notice, and sent under a lease as mails are (docs/adr/0016). A chat that
fails waits with all that is for it, longer each time, and is turned off in the end. So a chat that hangs costs the
others a few seconds a try, at most `MOST_FAILURES` times.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy as _

from accounts.domain import permissions
from accounts.domain.notices import queue
from accounts.domain.notices.kinds import KINDS, Kind, is_outdated, register
from accounts.domain.notices.writing import write
from accounts.domain.permissions import Action
from accounts.models import NoticeEnd, Organization, User
from config import mail
from config.locks import lock
from fulfillment.domain.chat import messages, webhooks
from fulfillment.models import ChatPost, ChatShape, ChatWebhook
from fulfillment.outbound import client
from fulfillment.outbound.client import Answer

# Seconds for one post, and after which a run ends.
DEADLINE = 5.0
TURN = 20.0
MOST_FAILURES = 8

logger = structlog.get_logger(__name__)

TURNED_OFF = register(
    Kind(
        code="chat_off",
        label=_("Trouble with the chat"),
        words=_("Drops stops posting to a chat of the organization that has failed too often."),
        action=Action.CHANGE_ENDPOINTS,
        model=ChatWebhook,
        related=("organization",),
        template="fulfillment/mail/chat_off",
        values=lambda webhook, _data: {
            "chat": webhook,
            "path": reverse("dashboard:fulfillment_chatwebhook_change", args=[webhook.pk]),
        },
        is_current=lambda webhook, _data, _now: webhook.off_at is not None,
    )
)


def write_posts(*, kind: Kind, organization: Organization, fields: dict[str, Any], **_: Any) -> None:
    """In the transaction that writes the notices."""
    chats = ChatWebhook.objects.filter(organization=organization, off_at=None)
    posts = [ChatPost(webhook=chat, **fields) for chat in chats if kind.code in chat.kinds]
    ChatPost.objects.bulk_create(posts, ignore_conflicts=True)


def post_due(*, clock: Callable[[], datetime], seconds: float = TURN) -> int:
    """Post what is due, for about `seconds`; returns how many arrived. Not to be called in a transaction."""
    until, posted = time.monotonic() + seconds, 0
    rows = ChatPost.objects.select_related("webhook__organization")
    while time.monotonic() < until and (post := queue.take(rows, now=clock())):
        try:
            posted += _post(post, clock)
        except Exception:  # whatever is wrong with this one, the others are posted
            logger.exception("chat_post_not_sent", post=post.pk, kind=post.kind, tries=post.tries)
            queue.put_off(post, now=clock())
    return posted


def send_test(*, webhook: ChatWebhook, now: datetime, actor: User) -> Answer:
    """Post a test message and return what the chat answered, within 5 seconds. ValidationError after too many.
    Not to be called in a transaction."""
    webhooks.note_test(webhook=webhook, now=now, actor=actor)
    with translation.override(settings.LANGUAGE_CODE):
        text = gettext("A test message of Drops for %(organization)s") % {
            "organization": webhook.organization
        }
    answer = _send(webhook, text, reverse("dashboard:fulfillment_chatwebhook_change", args=[webhook.pk]))
    ChatWebhook.objects.filter(pk=webhook.pk, encrypted_url=webhook.encrypted_url).update(
        **_seen(answer, now)
    )
    return answer


def _post(post: ChatPost, clock: Callable[[], datetime]) -> bool:
    now, webhook, kind = clock(), post.webhook, KINDS.get(post.kind)
    row = kind and kind.row(post.about)
    if kind is None or kind.path is None or is_outdated(kind, row, post, now):
        queue.end(post, NoticeEnd.OUTDATED, now=now)
        return False
    may_send = permissions.state_allows(webhook.organization, Action.SEND_TEST_EVENTS)
    if webhook.off_at is not None or kind.code not in webhook.kinds or not may_send:
        queue.end(post, NoticeEnd.OFF, now=now)
        return False
    template, values = kind.content(row, post.data)
    answer = _send(webhook, mail.subject(template, values), kind.path(row))
    with transaction.atomic():
        _write_down(post, answer, clock())
    return answer.succeeded


def _send(webhook: ChatWebhook, text: str, path: str) -> Answer:
    return client.post(
        url=webhooks.url_of(webhook),
        headers={"Content-Type": "application/json"},
        body=messages.body(ChatShape(webhook.shape), text, settings.SITE_URL + path),
        timeout=DEADLINE,
    )


def _write_down(post: ChatPost, answer: Answer, now: datetime) -> None:
    webhook = lock(post.webhook)
    if bytes(webhook.encrypted_url) != bytes(post.webhook.encrypted_url):  # it goes to the new one
        queue.put_off(post, now=now)
        return
    for name, value in _seen(answer, now).items():
        setattr(webhook, name, value)
    webhook.failures = 0 if answer.succeeded else webhook.failures + 1
    webhook.save(update_fields=["failures", "last_at", "last_status", "last_error_class"])
    if answer.succeeded:
        queue.end(post, NoticeEnd.SENT, now=now)
    elif webhook.failures >= MOST_FAILURES:
        if webhook.off_at is None:
            webhooks.turn_off(webhook, now=now)
            write(TURNED_OFF, about=webhook, once=now.isoformat(), now=now)
    else:
        _wait(post, queue.WAITS[webhook.failures - 1], now)


def _wait(post: ChatPost, wait: timedelta, now: datetime) -> None:
    """All that is due at this chat waits. What somebody else has leased, they write down themselves."""
    due = Q(next_try_at__lte=now) | Q(pk=post.pk, tries=post.tries)
    ChatPost.objects.filter(due, webhook=post.webhook, end="").update(next_try_at=now + wait)


def _seen(answer: Answer, now: datetime) -> dict[str, Any]:
    error = "" if answer.succeeded else answer.error_class
    return {"last_at": now, "last_status": answer.status, "last_error_class": error}
