"""How a delivery, its attempts and what becomes of it are shown, in lists and on pages alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Model
from django.utils.html import format_html

from accounts.dashboard.kit.display import badge
from accounts.dashboard.kit.sites import site
from fulfillment.domain.delivery.standing import Standing, next_attempt_at, standing_of
from fulfillment.models import Attempt, Delivery, ErrorClass

NOTHING = "-"
STANDING_TONES = {
    Standing.DELIVERED: "good",
    Standing.WAITING: "wait",
    Standing.HELD: "wait",
    Standing.FAILED: "bad",
    Standing.NOT_SENT: "",
}
ABBREVIATIONS = {ErrorClass.DNS: "DNS", ErrorClass.TLS: "TLS"}


def standing_badge(standing: Standing) -> str:
    # Where a test stands, it is told apart already.
    shown = Standing.FAILED if standing == Standing.FAILED_TEST else standing
    return badge(shown.label, STANDING_TONES[shown])


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
    standing = standing_of(delivery)
    if standing == Standing.HELD:
        return "Once released" if delivery.endpoint.held_at is not None else "Once verified"
    if standing != Standing.WAITING:
        return NOTHING
    at = next_attempt_at(delivery)
    if at is None:
        return "Being sent"
    return to_the_second(at) if at > now else "Now"


def link_to(obj: Model) -> str:
    """A link that is the same one when a part of its page was fetched again: focus stays on it."""
    url = site.admin_of(type(obj)).url_of(obj)
    return format_html('<a id="to-{}" href="{}">{}</a>', obj._meta.model_name, url, obj)


def to_the_second(at: datetime) -> str:
    """A moment of a machine: retries follow one another within seconds."""
    return format_html(
        '<time datetime="{}">{} UTC</time>',
        at.isoformat(timespec="seconds"),
        f"{at:%-d %b %Y, %H:%M:%S}",
    )
