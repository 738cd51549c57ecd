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
from fulfillment.domain.delivery.status import DeliveryStatus, delivery_status, next_attempt_at
from fulfillment.domain.delivery.words import FOR_OWNERS
from fulfillment.models import Attempt, Delivery, ErrorClass

NOTHING = "-"
ABBREVIATIONS = {ErrorClass.DNS: "DNS", ErrorClass.TLS: "TLS"}


def status_badge(status: DeliveryStatus) -> str:
    # In a list a test is told apart already.
    shown = DeliveryStatus.FAILED if status == DeliveryStatus.FAILED_TEST else status
    return badge(str(FOR_OWNERS[shown].label), FOR_OWNERS[shown].tone)


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
        return _("Once released") if delivery.endpoint.held_at is not None else _("Once verified")
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
