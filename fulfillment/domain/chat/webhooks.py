"""What owners do with the chats of their organization."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, encryption, permissions
from accounts.domain.notices.kinds import KINDS, Kind
from accounts.domain.permissions import Action
from accounts.domain.verbs import ALREADY, change, goes_ahead, lock_for
from accounts.models import AuditEvent, NoticeEnd, Organization, User
from config.locks import lock
from fulfillment.models import ChatPost, ChatShape, ChatWebhook
from fulfillment.outbound.targets import TargetRefused, parse_target

MOST = 5
TESTS_PER_MINUTE = 6


def kinds_for_chats() -> list[Kind]:
    return [kind for kind in KINDS.values() if kind.in_chat]


def url_of(webhook: ChatWebhook) -> str:
    """The secret. Shown to nobody."""
    return encryption.decrypt(bytes(webhook.encrypted_url)).decode()


@transaction.atomic
def add(
    *,
    organization: Organization,
    name: str,
    shape: str,
    url: str,
    kinds: Iterable[str],
    now: datetime,
    actor: User,
) -> ChatWebhook:
    """Post notices of `kinds` (codes) to the incoming webhook at `url`. ValidationError."""
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_ENDPOINTS)
    organization = lock(organization)
    if ChatWebhook.objects.filter(organization=organization).count() >= MOST:
        raise ValidationError(
            _("An organization can have at most %(count)d chats. Delete one first.") % {"count": MOST}
        )
    webhook = ChatWebhook(organization=organization, name=name, shape=shape, kinds=_known(kinds))
    _set_url(webhook, url)
    _save(webhook)
    audit.record("chat.added", webhook, by=actor, at=now, data={"name": webhook.name, "host": webhook.host})
    return webhook


@transaction.atomic
def alter(
    *,
    webhook: ChatWebhook,
    now: datetime,
    actor: User,
    name: str | None = None,
    shape: str | None = None,
    url: str = "",
    kinds: Iterable[str] | None = None,
) -> ChatWebhook:
    """Change what is given. A new URL begins anew, also where the old one was off. ValidationError."""
    webhook = lock_for(webhook, actor=actor, action=Action.CHANGE_ENDPOINTS)
    data: dict[str, object] = {}
    if url:
        before = webhook.host
        _set_url(webhook, url)
        data["host"] = [before, webhook.host]
        webhook.failures, webhook.off_at = 0, None
        webhook.last_at, webhook.last_status, webhook.last_error_class = None, None, ""
    if name is not None and name != webhook.name:
        data["name"] = [webhook.name, name]
        webhook.name = name
    if shape is not None and shape != webhook.shape:
        data["shape"] = [webhook.shape, shape]
        webhook.shape = shape
    if kinds is not None and (chosen := _known(kinds)) != webhook.kinds:
        data["kinds"] = [", ".join(webhook.kinds), ", ".join(chosen)]
        webhook.kinds = chosen
    if data:
        _save(webhook)
        audit.record("chat.changed", webhook, by=actor, at=now, data=data)
    return webhook


@transaction.atomic
def delete(*, webhook: ChatWebhook, now: datetime, actor: User) -> None:
    """Nothing more is posted, and the URL is forgotten."""
    webhook = lock_for(webhook, actor=actor, action=Action.CHANGE_ENDPOINTS)
    audit.record("chat.deleted", webhook, by=actor, at=now, data={"name": webhook.name})
    webhook.delete()


@transaction.atomic
def turn_on(*, webhook: ChatWebhook, now: datetime, actor: User) -> None:
    """Post again, from the next notice on."""
    webhook = lock_for(webhook, actor=actor, action=Action.CHANGE_ENDPOINTS)
    if goes_ahead(why_not_turn_on(webhook, now)):
        change(webhook, "chat.turned_on", by=actor, at=now, off_at=None, failures=0)


def why_not_turn_on(webhook: ChatWebhook, now: datetime) -> str:
    return ALREADY if webhook.off_at is None else ""


@transaction.atomic
def note_test(*, webhook: ChatWebhook, now: datetime, actor: User) -> None:
    """Somebody is about to send a test message. ValidationError after too many in a minute."""
    webhook = lock_for(webhook, actor=actor, action=Action.SEND_TEST_EVENTS)
    recent = AuditEvent.objects.filter(
        organization=webhook.organization_id, action="chat.tested", at__gt=now - timedelta(minutes=1)
    )
    if recent.count() >= TESTS_PER_MINUTE:
        raise ValidationError(
            _("At most %(count)d test messages can be sent in a minute. Try again in a minute.")
            % {"count": TESTS_PER_MINUTE}
        )
    audit.record("chat.tested", webhook, by=actor, at=now, data={"name": webhook.name})


def turn_off(webhook: ChatWebhook, *, now: datetime) -> None:
    """Of a locked chat: what waits for it is not posted any more."""
    webhook.off_at = now
    webhook.save(update_fields=["off_at"])
    waiting = ChatPost.objects.filter(webhook=webhook, end="")
    waiting.update(end=NoticeEnd.OFF, ended_at=now, next_try_at=None)
    audit.record("chat.turned_off", webhook, by=None, at=now, data={"name": webhook.name})


def _set_url(webhook: ChatWebhook, url: str) -> None:
    try:
        parse_target(url)
    except TargetRefused as refusal:
        raise ValidationError({"url": str(refusal)}) from None
    webhook.encrypted_url = encryption.encrypt(url.encode())
    webhook.host = urlsplit(url).hostname or ""


def _known(kinds: Iterable[str]) -> list[str]:
    """In the order of their registration."""
    wanted = set(kinds)
    return [kind.code for kind in kinds_for_chats() if kind.code in wanted]


def _save(webhook: ChatWebhook) -> None:
    if webhook.shape not in ChatShape.values:
        raise ValidationError({"shape": _("Choose Slack or Discord.")})
    webhook.full_clean()
    webhook.save()
