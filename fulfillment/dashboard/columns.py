"""How a delivery, its attempts and what becomes of it are shown, in lists and on pages alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy as _

from accounts.dashboard.kit.display import badge
from accounts.dashboard.kit.sites import site
from accounts.templatetags.dashboard import to_the_second
from fulfillment.domain.delivery.status import (
    DELIVERY_FILTERS,
    LISTED_DELIVERIES,
    DeliveryStatus,
    Step,
    delivery_status,
    next_attempt_at,
)
from fulfillment.domain.delivery.words import FOR_OWNERS, filter_words
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


class PathFilter(admin.SimpleListFilter):
    """By the three words of the path. Links of other pages lead to one of its statuses as well: it is offered
    while it is chosen."""

    title = _("state")
    parameter_name = "state"
    also: tuple[DeliveryStatus, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(str(self.parameter_name))
        offered = [*Step, *self.also, *(each for each in LISTED_DELIVERIES if each.value == chosen)]
        return list({each.value: filter_words(each) for each in offered}.items())

    @property
    def wanted(self) -> Step | DeliveryStatus | None:
        return next((each for each in DELIVERY_FILTERS if each.value == self.value()), None)


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
        return gettext("Once released") if held else gettext("Once verified")
    if status != DeliveryStatus.WAITING:
        return NOTHING
    at = next_attempt_at(delivery)
    if at is None:
        return gettext("Being sent")
    return to_the_second(at) if at > now else gettext("Now")


def link_to(obj: Model) -> str:
    """A link that is the same one when a part of its page was fetched again: focus stays on it."""
    url = site.admin_of(type(obj)).url_of(obj)
    return format_html('<a id="to-{}" href="{}">{}</a>', obj._meta.model_name, url, obj)
