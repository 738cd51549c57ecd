"""What is mailed is printed where the demo runs, over its sign-ins."""

from __future__ import annotations

from datetime import datetime

from accounts.domain.notices import switches
from accounts.models import Membership, Notice, NoticeSwitch
from fulfillment.domain.analytics.weekly import WEEKLY


def send_no_mails(*, now: datetime) -> None:
    """Of what the demo did at `now`, for which nobody waits, and of the numbers of the week, which come on Mondays.
    Whoever wants to see that mail switches it on."""
    Notice.objects.filter(created_at=now).delete()
    switched = NoticeSwitch.objects.filter(kind=WEEKLY.code)
    members = Membership.objects.exclude(user__in=switched.values("user"))
    for each in members.select_related("user", "organization"):
        switches.switch(kind=WEEKLY, recipient=each.user, organization=each.organization, on=False, now=now)
