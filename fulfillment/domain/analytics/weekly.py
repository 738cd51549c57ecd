"""The mail of Monday: what each campaign brought in the week before, from Monday to Sunday in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.domain.notices.kinds import Kind, register
from accounts.domain.notices.writing import write
from accounts.domain.permissions import Action
from accounts.models import Notice, Organization, OrganizationState
from drops.models import Campaign
from fulfillment.domain.analytics.daily import daily
from fulfillment.domain.analytics.report import sums_of

WEEK = timedelta(days=7)
# Not in the night of Europe, and late enough for what was watched on Sunday to be counted.
NOT_BEFORE = time(6, tzinfo=UTC)
WRITTEN_FOR = timedelta(days=2)
MOST_CAMPAIGNS = 20


def _values(organization: Organization, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "organization": organization,
        "path": reverse("dashboard:index"),
        "since": date.fromisoformat(data["since"]),
        "until": date.fromisoformat(data["since"]) + WEEK - timedelta(days=1),
        "campaigns": data["campaigns"],
    }


WEEKLY = register(
    Kind(
        code="weekly_numbers",
        label=_("The numbers of the week"),
        words=_("On Mondays: what each campaign brought in the week before."),
        action=Action.SEE_FIGURES,
        model=Organization,
        template="fulfillment/mail/weekly_numbers",
        values=_values,
        is_current=lambda organization, _data, _now: organization.is_active,
        good_for=WRITTEN_FOR,
    )
)


def write_weekly(*, now: datetime) -> None:
    """Tell members of the last week, once. Called every hour; on other days than Monday and Tuesday nothing is due."""
    monday = now.astimezone(UTC).date() - timedelta(days=now.astimezone(UTC).weekday())
    due = datetime.combine(monday, NOT_BEFORE)
    if not due <= now < due + WRITTEN_FOR:
        return
    since = monday - WEEK
    begin, end = datetime.combine(since, time(), UTC), datetime.combine(monday, time(), UTC)
    running = Campaign.objects.filter(
        published_at__isnull=False, test_mode=False, starts_at__lt=end, closes_at__gt=begin
    )
    told = Notice.objects.filter(
        kind=WEEKLY.code, created_at__gte=due, once_key__endswith=f":{since.isoformat()}"
    )
    active = Organization.objects.filter(OrganizationState.ACTIVE.of(), pk__in=running.values("organization"))
    organizations = active.exclude(pk__in=told.values("organization"))
    for organization in organizations:
        campaigns = running.filter(organization=organization).order_by("starts_at", "pk")[:MOST_CAMPAIGNS]
        told_of = [numbers for campaign in campaigns if (numbers := _numbers(campaign, since, monday))]
        if told_of:
            data = {"since": since.isoformat(), "campaigns": told_of}
            write(WEEKLY, about=organization, once=since.isoformat(), now=now, data=data)


def _numbers(campaign: Campaign, since: date, until: date) -> dict[str, Any] | None:
    """None where nothing happened."""
    sums = sums_of(daily(campaign=campaign), since=since, until=until)
    if not any(sums):
        return None
    path = reverse("dashboard:campaign_numbers", args=[campaign.pk])
    return {"name": campaign.name, "path": path, **sums._asdict()}
