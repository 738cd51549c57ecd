"""How a delivery, its attempts and what becomes of it are shown, in lists and on pages alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Model
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts.dashboard.kit.display import badge
from accounts.dashboard.kit.sites import site
from accounts.templatetags.dashboard import to_the_second
from config.ulid import SHORT
from fulfillment.domain.delivery.status import DeliveryStatus, delivery_status, next_attempt_at
from fulfillment.domain.delivery.words import FOR_OWNERS
from fulfillment.models import Attempt, Delivery, ErrorClass

NOTHING = "-"
ABBREVIATIONS = {ErrorClass.DNS: "DNS", ErrorClass.TLS: "TLS"}


def status_badge(status: DeliveryStatus) -> str:
    """The word of the path, and below it what keeps the delivery there."""
    words = FOR_OWNERS[status]
    shown = format_html(
        '<span class="badge{}" title="{}">{}</span>',
        f" is-{words.tone}" if words.tone else "",
        words.meaning,
        words.label,
    )
    return (
        format_html('{} <span class="muted small">{}</span>', shown, words.detail) if words.detail else shown
    )


def short_id(pk: str) -> str:
    """All of an id, of which the end is seen: what is copied, read aloud or downloaded is whole."""
    return format_html(
        '<code class="short-id" title="{}"><span>{}</span>{}</code>', pk, pk[:-SHORT], pk[-SHORT:]
    )


def answer_badge(attempts: Sequence[Attempt]) -> str:
    """What came back of the latest of `attempts`, which is the first: the status, or why there was none."""
    if not attempts:
        return NOTHING
    attempt = attempts[0]
    return badge(_answer(attempt), "good" if attempt.succeeded else "bad")


def _answer(attempt: Attempt) -> str:
    if attempt.status is not None:
        return str(attempt.status)
    error = ErrorClass(attempt.error_class)
    return ABBREVIATIONS.get(error) or error.value.replace("_", " ").capitalize()


def next_attempt_words(delivery: Delivery, now: datetime) -> str:
    """When, or after what, the next attempt is made."""
    status = delivery_status(delivery)
    if status == DeliveryStatus.HELD:
        held = delivery.endpoint.held_at is not None
        return _("Once released") if held else _("Once verified")
    if status != DeliveryStatus.WAITING:
        return NOTHING
    at = next_attempt_at(delivery)
    if at is None:
        return _("Being sent")
    return to_the_second(at) if at > now else _("Now")


def link_to(obj: Model) -> str:
    """A link that is the same one when a part of its page was fetched again: focus stays on it."""
    url = site.admin_of(type(obj)).url_of(obj)
    return format_html('<a id="to-{}" href="{}">{}</a>', obj._meta.model_name, url, obj)
