"""Links to the war room: who makes them, how many there are, and when they end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from accounts.models import AuditEvent, MemberRole, Organization, User
from drops.models import Campaign
from fulfillment.domain.war_room import links
from fulfillment.models import WarRoomLink
from tests import factories

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def share(campaign: Campaign, actor: User, now: datetime, lasts: timedelta = HOUR) -> tuple[WarRoomLink, str]:
    return links.share(campaign=campaign, lasts=lasts, actor=actor, now=now)


def test_a_link_leads_to_its_campaign_until_it_expires(
    campaign: Campaign, owner: User, now: datetime
) -> None:
    link, token = share(campaign, owner, now)
    assert links.campaign_by(token, now=now + HOUR - timedelta(seconds=1)) == campaign
    assert links.campaign_by(token, now=now + HOUR) is None
    assert token not in str(WarRoomLink.objects.values().get())
    event = AuditEvent.objects.get(action="campaign.war_room_shared")
    assert (event.actor, event.target_id, event.data["link"]) == (owner, campaign.pk, link.pk)
    assert token not in str(event.data)


@pytest.mark.parametrize("typed", ["", "x", "é" * 43, "\0" * 43, "a" * 43, "a" * 9999])
def test_what_nobody_made_leads_nowhere(campaign: Campaign, owner: User, now: datetime, typed: str) -> None:
    share(campaign, owner, now)
    assert links.campaign_by(typed, now=now) is None


def test_a_revoked_link_leads_nowhere(campaign: Campaign, owner: User, now: datetime) -> None:
    link, token = share(campaign, owner, now)
    for _ in range(2):
        links.revoke(link=link, actor=owner, now=now)
    assert links.campaign_by(token, now=now) is None
    assert AuditEvent.objects.filter(action="campaign.war_room_unshared").count() == 1


@pytest.mark.parametrize("change", ["left", "analyst", "inactive", "suspended"])
def test_a_link_ends_with_the_right_of_whoever_made_it(
    campaign: Campaign, studio: Organization, now: datetime, change: str
) -> None:
    membership = factories.MembershipFactory(organization=studio, role=MemberRole.MANAGER)
    _link, token = share(campaign, membership.user, now)
    match change:
        case "left":
            membership.delete()
        case "analyst":
            membership.role = MemberRole.ANALYST
            membership.save()
        case "inactive":
            User.objects.filter(pk=membership.user_id).update(is_active=False)
        case "suspended":
            Organization.objects.filter(pk=studio.pk).update(suspended_at=now)
    assert links.campaign_by(token, now=now) is None


@pytest.mark.parametrize(
    "role", [MemberRole.ANALYST, MemberRole.DEVELOPER, MemberRole.SUPPORT, MemberRole.MEMBER]
)
def test_only_owners_and_managers_share_and_revoke(
    campaign: Campaign, owner: User, studio: Organization, now: datetime, role: MemberRole
) -> None:
    other = factories.MembershipFactory(organization=studio, role=role).user
    with pytest.raises(PermissionDenied):
        share(campaign, other, now)
    link, token = share(campaign, owner, now)
    with pytest.raises(PermissionDenied):
        links.revoke(link=link, actor=other, now=now)
    assert links.campaign_by(token, now=now) == campaign


def test_a_stranger_shares_nothing(campaign: Campaign, rival_owner: User, now: datetime) -> None:
    with pytest.raises(PermissionDenied):
        share(campaign, rival_owner, now)


@pytest.mark.parametrize("lasts", [timedelta(), HOUR - timedelta(seconds=1), timedelta(days=7, seconds=1)])
def test_a_link_lasts_from_an_hour_to_seven_days(
    campaign: Campaign, owner: User, now: datetime, lasts: timedelta
) -> None:
    with pytest.raises(ValidationError, match="from one hour to seven days"):
        share(campaign, owner, now, lasts)


def test_a_draft_is_not_shared(owner: User, studio: Organization, now: datetime) -> None:
    with pytest.raises(ValidationError, match="draft"):
        share(factories.CampaignFactory(organization=studio, published_at=None), owner, now)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_make_one_too_many(campaign: Campaign, owner: User, now: datetime) -> None:
    for _ in range(links.MOST_OPEN - 1):
        share(campaign, owner, now)
    at_once = Barrier(3)

    def make() -> str:
        try:
            at_once.wait()
            return share(campaign, owner, now)[1]
        except ValidationError as refusal:
            return str(refusal.messages)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        found = [each.result() for each in [pool.submit(make) for _ in range(3)]]
    assert sum("at most 10 open links" in each for each in found) == 2
    assert links.open_links(campaign, now=now).count() == links.MOST_OPEN
    assert links.open_links(campaign, now=now + HOUR).count() == 0
