"""The page with the forecast and the load rehearsals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.models import MemberRole, Organization
from drops.models import Campaign, WatchHour
from fulfillment.domain.load_rehearsals.firing import fire_next
from fulfillment.models import ClaimHour, LoadRehearsal, WebhookEndpoint
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW
from tests.fulfillment.receiver import Receiver

pytestmark = pytest.mark.django_db


def url_of(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/forecast/"


def begin(client: Client, campaign: Campaign, query: str = "", **fields: Any) -> Any:
    return client.post(url_of(campaign) + query, {FORM_FIELD: campaign.organization_id} | fields, follow=True)


@pytest.fixture
def before(campaign: Campaign) -> Campaign:
    """1,000 viewers, 7,200 claims in an hour: two a second."""
    start = NOW - timedelta(days=30)
    before = factories.CampaignFactory(
        organization=campaign.organization, starts_at=start, ends_at=start + timedelta(days=7)
    )
    reward = factories.CampaignRewardFactory(campaign=before).reward
    ClaimHour.objects.create(campaign=before, reward=reward, hour=start, claims=7200)
    channel = factories.ChannelFactory()
    WatchHour.objects.create(campaign=before, channel=channel, hour=start, new_viewers=1000)
    return before


def test_what_was_is_named_as_what_it_is(owner_client: Client, campaign: Campaign, before: Campaign) -> None:
    assert f'href="{url_of(campaign)}"' in words(
        owner_client.get(f"/dashboard/campaigns/{campaign.pk}/overview/")
    )
    page = words(owner_client.get(url_of(campaign)))
    assert "the mean of its busiest hour; its peak was higher" in page
    assert "7,200 claims, 2 a second at the peak" in page
    page = words(owner_client.get(f"{url_of(campaign)}?viewers=4000"))
    assert "If 4,000 viewers come" in page
    assert "28,800 claims, 8 a second at the peak" in page


def test_without_a_past_nothing_is_invented(owner_client: Client, campaign: Campaign) -> None:
    answer = owner_client.get(url_of(campaign))
    assert "nothing can be foretold" in words(answer)
    assert answer.context["expected"] is None
    assert "You expect 18 claims a second" in words(owner_client.get(f"{url_of(campaign)}?claims=18"))


@pytest.mark.parametrize("typed", ["", "0", "-1", "x", "nan", "inf", "1e400", "9" * 99, "\0", "٣٤"])
def test_whatever_is_typed_is_answered(
    owner_client: Client, campaign: Campaign, before: Campaign, typed: str
) -> None:
    for name in ("viewers", "claims"):
        assert owner_client.get(url_of(campaign), {name: typed}).status_code == 200
    ClaimHour.objects.all().delete()
    assert owner_client.get(url_of(campaign), {"claims": typed}).status_code == 200


def test_a_run_is_followed_and_judged(
    owner_client: Client,
    campaign: Campaign,
    before: Campaign,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
) -> None:
    page = words(begin(owner_client, campaign, endpoint=endpoint.pk, rate=20, seconds=1))
    assert "About to begin" in page
    assert f'hx-get="{url_of(campaign)}" hx-trigger="load delay:1s"' in page
    assert fire_next(clock=timezone.now)
    part = owner_client.get(url_of(campaign), headers={"hx-request": "true"})
    assert "<html" not in part.content.decode()
    told = words(part)
    assert "hx-get" not in told
    assert "The last launch had 2 a second in the mean of its busiest hour." in told
    assert f"2xx: {len(receiver.received)}" in told
    assert part.context["verdict"] is not None
    assert "You expect 500 a second" not in told


def test_a_run_is_stopped(owner_client: Client, campaign: Campaign, endpoint: WebhookEndpoint) -> None:
    begin(owner_client, campaign, endpoint=endpoint.pk, rate=5, seconds=5)
    page = words(begin(owner_client, campaign, stop=LoadRehearsal.objects.get().pk))
    assert "A member stopped it." in page
    assert LoadRehearsal.objects.get().state == "stopped"


@pytest.mark.parametrize(
    "fields",
    [
        {"rate": "51"},
        {"rate": "0"},
        {"rate": "x"},
        {"rate": "9" * 60},
        {"seconds": "31"},
        {"seconds": "\0"},
        {"endpoint": ""},
        {"endpoint": "01M7WD7TG0CE1M5X06MWB1DY07"},
        {"endpoint": "\0"},
    ],
)
def test_bad_input_is_answered_at_its_field(
    owner_client: Client, campaign: Campaign, endpoint: WebhookEndpoint, fields: dict[str, str]
) -> None:
    answer = begin(owner_client, campaign, **({"endpoint": endpoint.pk, "rate": 5, "seconds": 5} | fields))
    assert answer.status_code == 200
    assert answer.context["form"].errors.keys() == fields.keys()
    assert not LoadRehearsal.objects.exists()


def test_an_endpoint_of_others_is_not_fired_at(
    owner_client: Client, campaign: Campaign, endpoint: WebhookEndpoint
) -> None:
    other = factories.WebhookEndpointFactory()
    answer = begin(owner_client, campaign, endpoint=other.pk, rate=5, seconds=5)
    assert answer.context["form"].errors.keys() == {"endpoint"}
    run = LoadRehearsal.objects.create(
        organization=other.organization,
        endpoint=other,
        url=other.url,
        rate=1,
        seconds=1,
        started_by=factories.UserFactory(),
        created_at=NOW,
        until=NOW + timedelta(minutes=1),
    )
    assert begin(owner_client, campaign, stop=run.pk).status_code == 404
    run.refresh_from_db()
    assert run.is_open


@pytest.mark.parametrize("role", [MemberRole.MANAGER, MemberRole.ANALYST, MemberRole.SUPPORT])
def test_others_see_the_forecast_and_fire_nothing(
    client: Client, studio: Organization, campaign: Campaign, endpoint: WebhookEndpoint, role: MemberRole
) -> None:
    sign_in(client, factories.MembershipFactory(organization=studio, role=role).user)
    with time_machine.travel(NOW, tick=False):
        assert "Owners and developers can rehearse the load." in words(client.get(url_of(campaign)))
        assert begin(client, campaign, endpoint=endpoint.pk, rate=5, seconds=5).status_code == 403
    assert not LoadRehearsal.objects.exists()


def test_more_launches_and_runs_cost_no_more_queries(
    owner_client: Client,
    campaign: Campaign,
    before: Campaign,
    endpoint: WebhookEndpoint,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    reward = factories.CampaignRewardFactory(campaign=campaign).reward
    for count in (1, 3):
        while LoadRehearsal.objects.count() < count:
            begin(owner_client, campaign, endpoint=endpoint.pk, rate=5, seconds=5)
            begin(owner_client, campaign, stop=LoadRehearsal.objects.order_by("-pk")[0].pk)
            more = factories.CampaignFactory(organization=campaign.organization)
            ClaimHour.objects.create(campaign=more, reward=reward, hour=NOW, claims=9)
        with django_assert_num_queries(14):
            page = owner_client.get(url_of(campaign))
        assert (len(page.context["runs"]), len(page.context["launches"])) == (count, count + 1)
