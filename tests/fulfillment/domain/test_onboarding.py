"""Each step of the way to the first delivered claim is what the rows say now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from drops.models import Campaign
from fulfillment.domain.onboarding import set_up
from fulfillment.models import Claim, Delivery, Rehearsal
from tests import factories
from tests.dashboard import words

pytestmark = pytest.mark.django_db
NAMES = (
    "application",
    "approval",
    "app",
    "endpoint",
    "reward",
    "campaign",
    "rehearsal",
    "publish",
    "delivered",
)


def steps(client: Client) -> dict[str, Any]:
    return {step.name: step for step in client.get("/dashboard/").context["steps"]}


def test_the_way_from_nothing_to_the_first_delivered_claim(
    owner_client: Client, owner: Any, studio: Organization, now: datetime
) -> None:
    Organization.objects.filter(pk=studio.pk).update(approved_at=None, connect_url="")
    made: dict[str, Any] = {}

    def approve() -> None:
        Organization.objects.update(approved_at=now)
        made["category"] = factories.CategoryFactory(organization=studio)

    def connect() -> None:
        Organization.objects.update(connect_url="https://studio.example.com/connect")
        factories.OAuthAppFactory(organization=studio)

    def endpoint() -> None:
        made["endpoint"] = factories.WebhookEndpointFactory(organization=studio)

    def reward() -> None:
        made["reward"] = factories.RewardFactory(organization=studio, category=made["category"])

    def campaign() -> None:
        made["campaign"] = factories.CampaignFactory(
            organization=studio, category=made["category"], published_at=None, test_mode=True
        )

    def rehearse() -> None:
        factories.RehearsalFactory(campaign=made["campaign"], reward=made["reward"], viewer=owner)

    def publish() -> None:
        Campaign.objects.update(published_at=now, test_mode=False)

    def deliver() -> None:
        claim = factories.ClaimFactory(campaign=made["campaign"], reward=made["reward"])
        Delivery.objects.create(
            endpoint=made["endpoint"],
            claim=claim,
            event_type="drops.claim.created",
            body=b"{}",
            state="delivered",
            delivered_at=now,
            created_at=now,
        )

    acts = (lambda: None, approve, connect, endpoint, reward, campaign, rehearse, publish, deliver)
    for done, act in enumerate(acts, start=1):
        act()
        found = owner_client.get("/dashboard/").context
        assert [step.name for step in found["steps"]] == list(NAMES)
        assert [step.done for step in found["steps"]] == [True] * done + [False] * (len(NAMES) - done)
        assert found["next_step"] == (NAMES[done] if done < len(NAMES) else "")
        for step in found["steps"]:
            if step.url:
                assert owner_client.get(step.url).status_code == 200, step
    assert "Getting started" not in words(owner_client.get("/dashboard/"))


def test_what_was_undone_is_to_do_again(owner_client: Client, studio: Organization, now: datetime) -> None:
    factories.WebhookEndpointFactory(organization=studio, deleted_at=now)
    factories.WebhookEndpointFactory(organization=studio, verified_at=None)
    factories.OAuthAppFactory(organization=studio, deleted_at=now)
    factories.RewardFactory(organization=studio, archived_at=now)
    found = steps(owner_client)
    assert [found[name].done for name in ("app", "endpoint", "reward")] == [False, False, False]


def test_the_only_category_is_chosen_already(owner_client: Client, studio: Organization) -> None:
    category = factories.CategoryFactory(organization=studio)
    for path in ("rewards", "campaigns"):
        form = owner_client.get(f"/dashboard/{path}/add/").context["adminform"].form
        assert form["category"].value() == category.pk
    factories.CategoryFactory(organization=studio)
    form = owner_client.get("/dashboard/rewards/add/").context["adminform"].form
    assert form["category"].value() is None


def test_a_rehearsal_that_failed_and_claims_in_test_mode_are_no_steps(studio: Organization) -> None:
    campaign = factories.CampaignFactory(organization=studio, test_mode=True)
    run = factories.RehearsalFactory(campaign=campaign)
    Rehearsal.objects.filter(pk=run.pk).update(state="failed")
    Claim.objects.update(external_status="granted")
    found = set_up(organization=studio)
    assert (found.rehearsed, found.published, found.delivered) == (False, False, False)


def test_a_claim_that_was_fetched_and_acknowledged_has_arrived_too(studio: Organization) -> None:
    factories.ClaimFactory(campaign__organization=studio, external_status="granted")
    assert set_up(organization=studio).delivered


def test_nothing_of_another_organization_counts(
    studio: Organization, rival_studio: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = factories.CampaignFactory(organization=rival_studio, test_mode=True)
    factories.RehearsalFactory(campaign=campaign)
    factories.ClaimFactory(campaign__organization=rival_studio, external_status="granted")
    factories.OAuthAppFactory(organization=rival_studio)
    factories.WebhookEndpointFactory(organization=rival_studio)
    with django_assert_num_queries(1):
        found = set_up(organization=studio)
    assert found == (True, False, True, *[False] * 7, None, None)


def test_each_step_leads_to_a_part_of_the_guide_that_is_there(owner_client: Client, client: Client) -> None:
    guide = Client().get("/developers/guide/").content.decode()
    for step in steps(owner_client).values():
        page, _, anchor = step.guide_url.partition("#")
        assert page == "/developers/guide/"
        assert f'id="{anchor}"' in guide
        assert f'href="#{anchor}"' in guide
    assert "Guide for studios" in guide
