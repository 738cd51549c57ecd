"""Mail to owners about their endpoints: failing for an hour, a day, three days; held; recovered.

Each is a row, written with the notices to those who are told. A run of failures has one of each kind, and one more
after each release within the run. Times count from the release, as the five days until the next hold do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.domain.notices.kinds import Kind, register
from accounts.domain.notices.writing import write
from accounts.domain.permissions import Action
from fulfillment.domain.delivery.status import DELETED, FAILING, HELD
from fulfillment.models import EndpointNotice, HoldReason, NoticeKind, WebhookEndpoint

# The longest first.
FAILING_FOR = {
    NoticeKind.FAILING_72H: timedelta(hours=72),
    NoticeKind.FAILING_24H: timedelta(hours=24),
    NoticeKind.FAILING_1H: timedelta(hours=1),
}
SUBJECTS = {
    NoticeKind.FAILING_1H: _("Your webhook has been failing for an hour"),
    NoticeKind.FAILING_24H: _("Your webhook has been failing for a day"),
    NoticeKind.FAILING_72H: _("Your webhook has been failing for three days"),
    NoticeKind.HELD: _("Your webhook is held: claims wait until you release it"),
    NoticeKind.RECOVERED: _("Your webhook works again"),
}
AFTER_A_RELEASE = SUBJECTS | {
    NoticeKind.FAILING_1H: _("Your webhook is still failing an hour after you released it"),
    NoticeKind.FAILING_24H: _("Your webhook is still failing a day after you released it"),
    NoticeKind.FAILING_72H: _("Your webhook is still failing three days after you released it"),
    NoticeKind.HELD: _("Your webhook is held again: claims wait until you release it"),
}
WHAT_NOW = {
    NoticeKind.HELD: _(
        "Nothing is sent to the endpoint now. No claim is lost: claims wait until you release the endpoint."
    ),
    NoticeKind.RECOVERED: _("Waiting claims are being delivered. You need not do anything."),
}
KEEPS_TRYING = _(
    "Claims are kept and sent again for five days. After that the endpoint is held until you release it."
)


def _values(notice: EndpointNotice, _data: Mapping[str, Any]) -> dict[str, Any]:
    kind = NoticeKind(notice.kind)
    subjects = SUBJECTS if notice.released_at is None else AFTER_A_RELEASE
    return {
        "trouble": notice,
        "endpoint": notice.endpoint,
        "subject": subjects[kind],
        "what_now": WHAT_NOW.get(kind, KEEPS_TRYING),
    }


def _is_contact(notice: EndpointNotice, address: str) -> str:
    """The address, as long as it is still that of the organization."""
    present = notice.endpoint.organization.contact_email
    return present if present.casefold() == address.casefold() else ""


ENDPOINT_TROUBLE = register(
    Kind(
        code="endpoint_trouble",
        label=_("Trouble with webhooks"),
        words=_("A webhook endpoint fails for an hour, a day or three days, is held, or works again."),
        action=Action.CHANGE_ENDPOINTS,
        model=EndpointNotice,
        related=("endpoint__organization",),
        template="fulfillment/mail/endpoint_notice",
        values=_values,
        good_for=timedelta(days=2),
        address_of=_is_contact,
        in_chat=True,
        path=lambda notice: reverse(
            "dashboard:fulfillment_webhookendpoint_change", args=[notice.endpoint_id]
        ),
    )
)


def note_recovery(*, endpoint: WebhookEndpoint, now: datetime) -> None:
    """A run of failures is over. Owners who were told of it are told of its end."""
    last = endpoint.notices.order_by("-created_at", "-pk").first()
    if last is not None and last.kind != NoticeKind.RECOVERED:
        _note(endpoint, NoticeKind.RECOVERED, last.failing_since, last.released_at, now)


# Who holds an endpoint with reason needs no mail about it, and owners read it on their home page.
BY_PEOPLE = (HoldReason.OWNER, HoldReason.OPERATOR)


def write_notices(*, now: datetime) -> None:
    """Write the notices that are due and not written yet. If several stages are due, only the last is written."""
    endpoints = WebhookEndpoint.objects.filter(~DELETED, FAILING)
    failing = endpoints.filter(~HELD).annotate(counted_from=Coalesce("released_at", "failing_since"))
    for kind, age in FAILING_FOR.items():
        for endpoint in failing.filter(counted_from__lte=now - age):
            _write(endpoint, kind, now)
        failing = failing.filter(counted_from__gt=now - age)
    for held in endpoints.filter(HELD).exclude(held_reason__in=BY_PEOPLE):
        _write(held, NoticeKind.HELD, now)


def _write(endpoint: WebhookEndpoint, kind: NoticeKind, now: datetime) -> None:
    assert endpoint.failing_since is not None  # noqa: S101 - the queries above ask for it
    _note(endpoint, kind, endpoint.failing_since, endpoint.released_at, now)


@transaction.atomic
def _note(
    endpoint: WebhookEndpoint, kind: NoticeKind, since: datetime, released: datetime | None, now: datetime
) -> None:
    """Write it down once, and tell the owners, and the organization's contact address besides: the mail holds only
    what the owners chose to have sent there."""
    notice, is_new = EndpointNotice.objects.get_or_create(
        endpoint=endpoint,
        kind=kind,
        failing_since=since,
        released_at=released,
        defaults={"created_at": now},
    )
    if is_new:
        contact = endpoint.organization.contact_email
        write(
            ENDPOINT_TROUBLE,
            about=notice,
            once="",
            now=now,
            organization=endpoint.organization,
            addresses=[contact],
        )
