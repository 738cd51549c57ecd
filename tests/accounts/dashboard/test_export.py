"""Each list of the dashboard as a CSV file."""

from __future__ import annotations

import csv
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.dashboard.kit import objects
from accounts.domain import audit
from accounts.models import Organization
from tests import factories
from tests.dashboard import words
from tests.factories import NOW
from tests.fulfillment.delivering import make_delivery


def rows_of(answer: Any) -> list[list[str]]:
    text = answer.getvalue().decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(text.removeprefix("\ufeff").splitlines()))


def test_a_list_is_downloaded_as_it_is_filtered(owner_client: Client, studio: Organization) -> None:
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    claim, other = (make_delivery(endpoint, NOW).claim for _ in range(2))
    assert claim
    assert other
    page = words(owner_client.get("/dashboard/claims/", {"campaign__id__exact": claim.campaign_id}))
    link = f'href="/dashboard/claims/export.csv?campaign__id__exact={claim.campaign_id}"'
    assert link in page

    answer = owner_client.get("/dashboard/claims/export.csv", {"campaign__id__exact": claim.campaign_id})

    assert answer["Content-Disposition"] == 'attachment; filename="claims.csv"'
    header, row = rows_of(answer)
    assert header == ["Claim", "User ID", "Reward", "Campaign", "Delivery", "Your status", "Created"]
    assert row == [
        claim.pk,
        str(claim.viewer_id),
        claim.reward.name,
        claim.campaign.name,
        "On its way",
        "initiated",
        claim.created_at.isoformat(),
    ]


def test_formulas_in_a_file_stay_text(owner_client: Client, studio: Organization) -> None:
    factories.RewardFactory(organization=studio, name="=1+1")
    assert "'=1+1" in [
        cell for row in rows_of(owner_client.get("/dashboard/rewards/export.csv")) for cell in row
    ]


def test_an_address_that_the_list_refuses_leads_to_the_list(owner_client: Client) -> None:
    for query in ({"p": "nonsense"}, {"q": "\0"}, {"viewer__email": "x"}, {"e": "1"}):
        answer = owner_client.get("/dashboard/claims/export.csv", query, follow=True)
        assert answer.status_code in (200, 400), query


def test_more_rows_than_a_file_has_are_not_cut_off_in_silence(
    owner_client: Client, studio: Organization
) -> None:
    factories.RewardFactory.create_batch(3, organization=studio)
    with patch.object(objects, "MOST_ROWS", 2):
        answer = owner_client.get("/dashboard/rewards/export.csv", {"q": ""}, follow=True)
    assert "A file has at most 2 rows." in words(answer)
    assert answer.redirect_chain[0][0] == "/dashboard/rewards/?q="


ROUTES = ("claims", "deliveries", "campaigns", "rewards", "webhooks", "apps", "members", "audit-log")


@pytest.mark.parametrize("route", ROUTES)
def test_a_file_costs_the_same_number_of_queries_with_more_rows(
    owner_client: Client, studio: Organization, route: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows_of(owner_client.get(f"/dashboard/{route}/export.csv"))
        return len(captured)

    def more() -> None:
        endpoint = factories.WebhookEndpointFactory(organization=studio)
        reward = make_delivery(endpoint, NOW).claim.reward
        app = factories.OAuthAppFactory(organization=studio)
        factories.MembershipFactory(organization=studio)
        for target in (endpoint, reward, app):
            audit.record("reward.created", target, by=factories.UserFactory(), at=NOW)

    more()
    few = queries()
    for _ in range(4):
        more()
    assert queries() == few
