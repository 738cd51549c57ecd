"""One search for everything."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import MemberRole, Organization
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW
from tests.fulfillment.delivering import make_delivery

URL = "/dashboard/search/"


def found(client: Client, term: str) -> dict[str, list[str]]:
    page = client.get(URL, {"q": term})
    assert page.status_code == 200, page.headers
    return {kind.label: [name for name, _ in kind.objects] for kind in page.context["found"]}


def test_names_are_found_in_every_list(owner_client: Client, studio: Organization) -> None:
    campaign = factories.CampaignFactory(organization=studio, name="Storm season")
    reward = factories.RewardFactory(organization=studio, name="Stormwings", external_id="wings")
    app = factories.OAuthAppFactory(organization=studio, name="Storm login")
    factories.MembershipFactory(organization=studio, user__username="stormy")
    assert found(owner_client, " storm ") == {
        "Campaigns": [str(campaign)],
        "Rewards": [str(reward)],
        "OAuth apps": [str(app)],
        "Members": ["stormy (Owner)"],
    }
    assert found(owner_client, "wings")["Rewards"] == [str(reward)]
    assert found(owner_client, app.client_id) == {"OAuth apps": [str(app)]}
    page = words(owner_client.get(URL, {"q": "storm"}))
    assert f'href="/dashboard/rewards/{reward.pk}/change/"' in page
    assert 'href="/dashboard/viewers/?q=storm"' in page


def test_an_id_opens_its_page(owner_client: Client, studio: Organization) -> None:
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    delivery = make_delivery(endpoint, NOW)
    assert delivery.claim
    for obj, page in (
        (endpoint, f"/dashboard/webhooks/{endpoint.pk}/change/"),
        (delivery, f"/dashboard/deliveries/{delivery.pk}/change/"),
        (delivery.claim.campaign, f"/dashboard/campaigns/{delivery.claim.campaign_id}/overview/"),
    ):
        assert owner_client.get(URL, {"q": obj.pk.lower()})["Location"] == page
    # A claim and its deliveries: both are offered.
    assert list(found(owner_client, delivery.claim.pk)) == ["Claims", "Deliveries"]


@pytest.mark.parametrize(
    "term", ["", " ", "nothing", "%", "\0", "x" * 500, "9" * 30, "01M7WD7TG0CE1M5X06MWB1DY07"]
)
def test_what_finds_nothing_says_so(owner_client: Client, term: str) -> None:
    assert found(owner_client, term) == {}


def test_an_address_with_a_secret_is_not_searched(owner_client: Client, studio: Organization) -> None:
    factories.WebhookEndpointFactory(organization=studio, url="https://hooks.example.com/?token=hunter2")
    assert found(owner_client, "hunter2") == {}


def test_a_role_finds_what_its_lists_have(client: Client, studio: Organization) -> None:
    factories.CampaignFactory(organization=studio, name="Storm season")
    factories.OAuthAppFactory(organization=studio, name="Storm login")
    sign_in(client, factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user)
    assert list(found(client, "storm")) == ["Campaigns"]
    assert "/dashboard/viewers/" not in words(client.get(URL, {"q": "storm"}))


def test_nothing_of_a_rival_is_found(owner_client: Client, rival_studio: Organization) -> None:
    campaign = factories.CampaignFactory(organization=rival_studio, name="Rival storm")
    delivery = make_delivery(factories.WebhookEndpointFactory(organization=rival_studio), NOW)
    for term in ("storm", campaign.pk, delivery.pk, str(delivery.claim_id), delivery.endpoint_id):
        assert found(owner_client, term) == {}


def test_a_search_costs_the_same_with_more_that_it_finds(owner_client: Client, studio: Organization) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            found(owner_client, "storm")
        return len(captured)

    def more(count: int) -> None:
        for number in range(count):
            factories.CampaignFactory(organization=studio, name=f"Storm {number}")
            factories.RewardFactory(organization=studio, name=f"Storm {number}")
            factories.MembershipFactory(organization=studio, user__username=f"storm{count}_{number}")

    more(1)
    few = queries()
    more(7)
    assert queries() == few
    page = words(owner_client.get(URL, {"q": "storm"}))
    assert 'href="/dashboard/campaigns/?q=storm"' in page
