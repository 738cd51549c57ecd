"""Mail to owners about their endpoints: failing for an hour, a day, three days; held; recovered.

A notice is written as a row and mailed afterwards. A run of failures has one notice of each kind, and one more
after each release within the run. Times count from the release, as the five days until the next hold do.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.domain.permissions import Action, people_of
from accounts.models import User
from config import mail
from fulfillment.domain.delivery.status import DELETED, FAILING, HELD
from fulfillment.models import EndpointNotice, HoldReason, NoticeKind, WebhookEndpoint

# The longest first.
FAILING_FOR = {
    NoticeKind.FAILING_72H: timedelta(hours=72),
    NoticeKind.FAILING_24H: timedelta(hours=24),
    NoticeKind.FAILING_1H: timedelta(hours=1),
}
TRY_AGAIN = timedelta(minutes=5)
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


logger = structlog.get_logger(__name__)


def note_recovery(*, endpoint: WebhookEndpoint, now: datetime) -> None:
    """A run of failures is over. Owners who were told of it are told of its end."""
    last = endpoint.notices.order_by("-created_at", "-pk").first()
    if last is not None and last.kind != NoticeKind.RECOVERED:
        EndpointNotice.objects.get_or_create(
            endpoint=endpoint,
            kind=NoticeKind.RECOVERED,
            failing_since=last.failing_since,
            released_at=last.released_at,
            defaults={"created_at": now},
        )


def write_notices(*, now: datetime) -> None:
    """Write the notices that are due and not written yet. If several stages are due, only the last is written."""
    endpoints = WebhookEndpoint.objects.filter(~DELETED, FAILING)
    failing = endpoints.filter(~HELD).annotate(counted_from=Coalesce("released_at", "failing_since"))
    for kind, age in FAILING_FOR.items():
        for endpoint in failing.filter(counted_from__lte=now - age):
            _write(endpoint, kind, now)
        failing = failing.filter(counted_from__gt=now - age)
    for held in endpoints.filter(HELD).exclude(held_reason=HoldReason.OWNER):
        _write(held, NoticeKind.HELD, now)


def _write(endpoint: WebhookEndpoint, kind: NoticeKind, now: datetime) -> None:
    assert endpoint.failing_since is not None  # noqa: S101 - the queries above ask for it
    EndpointNotice.objects.get_or_create(
        endpoint=endpoint,
        kind=kind,
        failing_since=endpoint.failing_since,
        released_at=endpoint.released_at,
        defaults={"created_at": now},
    )


def send_notices(*, now: datetime) -> None:
    """Mail every notice that is not sent yet. Not to be called in a transaction: a mail takes its time."""
    # A notice that another worker may be sending is left alone for a while. If that worker fails or is killed,
    # a later run sends it.
    unsent = EndpointNotice.objects.filter(sent_at=None).exclude(
        tried_at__gt=now - TRY_AGAIN, tried_at__lte=now
    )
    for notice in unsent.select_related("endpoint__organization"):
        if not unsent.filter(pk=notice.pk).update(tried_at=now):
            continue
        try:
            _mail(notice)
        except (OSError, ValueError):
            logger.exception("endpoint_notice_not_sent", notice=notice.pk)
        else:
            EndpointNotice.objects.filter(pk=notice.pk).update(sent_at=now)


def _mail(notice: EndpointNotice) -> None:
    """Send one mail to all owners and to the organization's contact address, confirmed or not: the mail holds
    only what the owners chose to have sent there. It is one mail, so that a second try because of one bad
    address mails nobody twice."""
    endpoint = notice.endpoint
    kind = NoticeKind(notice.kind)
    owners = people_of(endpoint.organization, who_may=Action.CHANGE_ENDPOINTS).exclude(email="")
    subjects = SUBJECTS if notice.released_at is None else AFTER_A_RELEASE
    context = {
        "notice": notice,
        "endpoint": endpoint,
        "subject": subjects[kind],
        "what_now": WHAT_NOW.get(kind, KEEPS_TRYING),
    }
    to = _addresses(owners, endpoint.organization.contact_email)
    mail.send("fulfillment/mail/endpoint_notice", context, to)


def _addresses(owners: QuerySet[User], contact: str) -> list[str]:
    """Each once, whatever its case."""
    found = [*owners.values_list("email", flat=True), contact]
    return list({address.casefold(): address for address in reversed(found) if address}.values())[::-1]
