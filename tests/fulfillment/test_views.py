from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import GameLink, Organization, User, new_ulid
from drops.models import Campaign, CampaignReward, Progress, Reward
from fulfillment.models import Claim, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.fulfillment.receiver import Receiver
from tests.html import assert_well_made, text_of

DAY = timedelta(days=1)
PAGE = "/inventory/"
CLAIM = "/inventory/claim/"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _at(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def client(client: Client, viewer: User) -> Client:
    """The viewer's browser."""
    client.force_login(viewer)
    return client


def sections(client: Client) -> dict[str, list[str]]:
    """The names of the rewards in each part of the inventory."""
    context = client.get(PAGE).context
    parts = {
        part: [
            threshold.reward.name
            for entry in getattr(context["inventory"], part)
            for threshold in entry.thresholds
        ]
        for part in ("ready", "in_progress", "expired")
    }
    return parts | {"claimed": [claim.reward.name for claim in context["page_obj"]]}


def watched(viewer: User, minutes: int, **campaign: object) -> Campaign:
    """A campaign with rewards at 30 and 60 minutes, named after them."""
    made = factories.CampaignFactory(**campaign)
    for required in (30, 60):
        factories.CampaignRewardFactory(
            campaign=made, required_minutes=required, reward__name=f"after {required}"
        )
    factories.ProgressFactory(viewer=viewer, campaign=made, seconds=minutes * 60)
    return made


class TestInventory:
    def test_is_for_those_who_are_signed_in(self):
        assert Client().get(PAGE).headers["Location"] == "/accounts/login/?next=/inventory/"

    def test_empty(self, client: Client):
        response = client.get(PAGE)
        assert "Nothing here yet" in text_of(response)
        assert_well_made(response)

    def test_sorts_rewards_by_what_can_be_done_with_them(self, client: Client, viewer: User):
        campaign = watched(viewer, 30)
        assert sections(client) == {
            "ready": ["after 30"],
            "in_progress": ["after 60"],
            "expired": [],
            "claimed": [],
        }
        reward = campaign.campaign_rewards.get(required_minutes=30).reward
        factories.ClaimFactory(viewer=viewer, campaign=campaign, reward=reward)
        assert sections(client) == {
            "ready": [],
            "in_progress": ["after 60"],
            "expired": [],
            "claimed": ["after 30"],
        }
        assert_well_made(client.get(PAGE))

    def test_after_the_end_what_was_not_earned_is_expired_until_claims_close(
        self, client: Client, viewer: User, now: datetime
    ):
        watched(viewer, 30, starts_at=now - 9 * DAY, ends_at=now - DAY, closes_at=now + DAY)
        assert sections(client) == {
            "ready": ["after 30"],
            "in_progress": [],
            "expired": ["after 60"],
            "claimed": [],
        }
        assert_well_made(client.get(PAGE))
        with time_machine.travel(now + DAY, tick=False):
            assert sections(client) == {"ready": [], "in_progress": [], "expired": [], "claimed": []}

    def test_in_progress_begins_with_what_ends_first_and_ready_with_what_closes_first(
        self, client: Client, viewer: User, now: datetime
    ):
        watched(viewer, 30, name="Closes first", ends_at=now + 2 * DAY, closes_at=now + 3 * DAY)
        watched(viewer, 30, name="Ends first", ends_at=now + DAY, closes_at=now + 9 * DAY)
        inventory = client.get(PAGE).context["inventory"]
        assert [entry.card.campaign.name for entry in inventory.in_progress] == ["Ends first", "Closes first"]
        assert [entry.card.campaign.name for entry in inventory.ready] == ["Closes first", "Ends first"]

    def test_what_is_in_progress_leads_to_a_stream_that_counts_for_it(self, client: Client, viewer: User):
        campaign = watched(viewer, 30)
        assert "No participating channel is live now." in text_of(client.get(PAGE))
        factories.LivestreamFactory(category=campaign.category, viewer_count=1)
        stream = factories.LivestreamFactory(category=campaign.category, viewer_count=2)
        response = client.get(PAGE)
        assert f"Watch {stream.channel.owner.username}" in text_of(response)
        assert f'href="/channels/{stream.channel.slug}/"' in response.content.decode()
        assert_well_made(response)

    def test_withdrawn_campaign_can_still_be_claimed_but_not_earned(
        self, client: Client, viewer: User, now: datetime
    ):
        watched(viewer, 30, withdrawn_at=now - DAY)
        assert sections(client)["ready"] == ["after 30"]
        assert sections(client)["expired"] == ["after 60"]

    def test_shows_nothing_of_others(self, client: Client, stranger: User):
        campaign = watched(stranger, 30)
        factories.ClaimFactory(
            viewer=stranger,
            campaign=campaign,
            reward=campaign.campaign_rewards.get(required_minutes=30).reward,
        )
        assert sections(client) == {"ready": [], "in_progress": [], "expired": [], "claimed": []}

    def test_button_is_there_once_the_game_account_is_connected(
        self, client: Client, viewer: User, earned: Progress, reward: Reward, studio: Organization
    ):
        response = client.get(PAGE)
        assert "Connect your game account of Northlight Games first" in text_of(response)
        assert "return_to=http%3A%2F%2F127.0.0.1%3A8000%2Finventory%2F" in response.content.decode()
        assert f'action="{CLAIM}"' not in response.content.decode()
        factories.GameLinkFactory(viewer=viewer, organization=studio)
        response = client.get(PAGE)
        assert "Connect your game account" not in text_of(response)
        assert f'action="{CLAIM}"' in response.content.decode()

    def test_a_reward_that_the_game_account_has_claimed_has_no_button(
        self,
        client: Client,
        earned: Progress,
        linked: GameLink,
        campaign: Campaign,
        reward: Reward,
        stranger: User,
    ):
        linked.game_account_id = "p-77"
        linked.save()
        factories.ClaimFactory(campaign=campaign, reward=reward, viewer=stranger, game_account_id="p-77")
        told = "This game account has already claimed the reward through another account of this site."
        response = client.get(PAGE)
        assert told in text_of(response)
        assert stranger.username not in text_of(response)
        assert f'action="{CLAIM}"' not in response.content.decode()
        posted = client.post(CLAIM, {"campaign": campaign.pk, "reward": reward.pk}, headers=HTMX)
        assert told in text_of(posted)

    def test_button_is_not_there_while_the_organization_is_suspended(
        self, client: Client, earned: Progress, linked: GameLink, studio: Organization, now: datetime
    ):
        studio.suspended_at = now
        studio.save()
        response = client.get(PAGE)
        assert "is suspended at the moment" in text_of(response)
        assert f'action="{CLAIM}"' not in response.content.decode()

    @pytest.mark.parametrize(
        ("state", "held", "said"),
        [
            ("sent again", False, "Delivered"),
            (DeliveryState.DELIVERED, False, "Delivered"),
            (DeliveryState.DELIVERED, True, "Delivered"),
            (DeliveryState.PENDING, False, "On its way"),
            (DeliveryState.PENDING, True, "Delayed"),
            (DeliveryState.FAILED, True, "Delayed"),
            (None, False, "With the studio"),
        ],
    )
    def test_says_where_a_claim_is(
        self,
        client: Client,
        viewer: User,
        campaign: Campaign,
        reward: Reward,
        studio: Organization,
        now: datetime,
        state: str | None,
        held: bool,
        said: str,
    ):
        claim = factories.ClaimFactory(viewer=viewer, campaign=campaign, reward=reward)
        if state:
            again = state == "sent again"
            state = DeliveryState.PENDING if again else state
            endpoint = factories.WebhookEndpointFactory(
                organization=studio, held_at=now if held else None, held_reason="owner" if held else ""
            )
            Delivery.objects.create(
                endpoint=endpoint,
                claim=claim,
                event_type="drops.claim.created",
                body=b"{}",
                state=state,
                created_at=now,
                delivered_at=now if again or state == DeliveryState.DELIVERED else None,
                next_attempt_at=now if state == DeliveryState.PENDING else None,
            )
        assert said in text_of(client.get(PAGE))

    def test_studios_own_word_for_a_claim_is_shown(
        self, client: Client, viewer: User, campaign: Campaign, reward: Reward
    ):
        factories.ClaimFactory(
            viewer=viewer, campaign=campaign, reward=reward, external_status="<b>in the mailbox</b>"
        )
        html = client.get(PAGE).content.decode()
        assert "The studio says: &lt;b&gt;in the mailbox&lt;/b&gt;." in html

    def test_claims_are_divided_into_pages(self, client: Client, viewer: User):
        factories.ClaimFactory.create_batch(25, viewer=viewer)
        assert len(sections(client)["claimed"]) == 24
        assert len(client.get(PAGE + "?page=2").context["page_obj"].object_list) == 1

    @pytest.mark.parametrize("count", [1, 3])
    def test_costs_the_same_however_much_is_in_it(
        self,
        client: Client,
        viewer: User,
        now: datetime,
        endpoint: WebhookEndpoint,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ):
        for _ in range(count):
            watched(viewer, 30)
            watched(viewer, 30, starts_at=now - 9 * DAY, ends_at=now - DAY, closes_at=now + DAY)
            Delivery.objects.create(
                endpoint=endpoint,
                claim=factories.ClaimFactory(viewer=viewer),
                event_type="drops.claim.created",
                body=b"{}",
                next_attempt_at=now,
                created_at=now,
            )
        with django_assert_num_queries(15):
            client.get(PAGE)


@pytest.mark.django_db(transaction=True)
class TestClaim:
    def form(self, campaign: Campaign, reward: Reward) -> dict[str, str]:
        return {"campaign": campaign.pk, "reward": reward.pk}

    def test_claims_delivers_and_says_so(
        self,
        client: Client,
        viewer: User,
        campaign: Campaign,
        reward: Reward,
        earned: Progress,
        linked: GameLink,
        endpoint: WebhookEndpoint,
        receiver: Receiver,
    ):
        response = client.post(CLAIM, self.form(campaign, reward), follow=True)
        assert response.redirect_chain == [(PAGE, 302)]
        assert f"Claimed: {reward}. Northlight Games has received your claim." in text_of(response)
        assert len(receiver.received) == 1
        assert Claim.objects.get().viewer == viewer

    def test_a_second_click_changes_nothing(
        self, client: Client, campaign: Campaign, reward: Reward, earned: Progress, linked: GameLink
    ):
        for _ in range(2):
            response = client.post(CLAIM, self.form(campaign, reward), follow=True)
            assert f"Claimed: {reward}. Northlight Games collects your claim" in text_of(response)
        assert Claim.objects.count() == 1

    def test_in_the_inventory_the_answer_is_the_whole_of_it_so_that_no_part_contradicts_another(
        self, client: Client, campaign: Campaign, reward: Reward, earned: Progress, linked: GameLink
    ):
        assert 'hx-target="#inventory"' in client.get(PAGE).content.decode()
        response = client.post(CLAIM, self.form(campaign, reward), headers=HTMX | {"HX-Target": "inventory"})
        html = response.content.decode()
        assert "<html" not in html
        assert "Ready to claim" not in html
        assert "Nothing claimed yet" not in html
        assert f'id="claim-{Claim.objects.get().pk}" tabindex="-1" autofocus' in html
        assert "With the studio" in text_of(response)

    def test_on_the_watch_page_the_claim_takes_the_place_of_its_reward(
        self, client: Client, campaign: Campaign, reward: Reward, earned: Progress, linked: GameLink
    ):
        item = f"drop-{campaign.pk}-{reward.pk}"
        headers = HTMX | {"HX-Target": item}
        response = client.post(CLAIM, self.form(campaign, reward), headers=headers)
        html = response.content.decode()
        assert f'<li id="{item}"' in html
        assert 'class="reward is-claimed" tabindex="-1" autofocus>' in html
        said = json.loads(response.headers["HX-Trigger-After-Settle"])["drops:said"]["text"]
        assert said == f"Claimed: {reward}. Northlight Games collects your claim from Drops."
        again = client.get(f"/inventory/claims/{Claim.objects.get().pk}/", headers=headers)
        assert f'<li id="{item}"' in again.content.decode()
        assert "autofocus" not in again.content.decode()

    def test_refusal_says_what_to_do(
        self, client: Client, campaign: Campaign, reward: Reward, earned: Progress
    ):
        response = client.post(CLAIM, self.form(campaign, reward), follow=True)
        assert "Connect your game account of Northlight Games first, then claim." in text_of(response)
        response = client.post(CLAIM, self.form(campaign, reward), headers=HTMX)
        assert "Not claimed. Connect your game account" in text_of(response)
        assert "https://studio.example.com/connect?return_to=" in response.content.decode()
        assert (response.headers["HX-Retarget"], response.headers["HX-Reswap"]) == ("closest li", "outerHTML")
        assert not Claim.objects.exists()

    def test_too_early(
        self, client: Client, viewer: User, campaign: Campaign, attached: CampaignReward, linked: GameLink
    ):
        factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=59 * 60 + 1)
        response = client.post(CLAIM, self.form(campaign, attached.reward), follow=True)
        assert "Watch 1 more minute to earn this reward." in text_of(response)

    @pytest.mark.parametrize("name", ["", "x", "\0" * 26, "8" + "Z" * 25, "É" * 26, new_ulid()])
    def test_ids_of_nothing_are_not_there(
        self, client: Client, campaign: Campaign, reward: Reward, name: str
    ):
        form = self.form(campaign, reward)
        assert client.post(CLAIM, form | {"campaign": name}).status_code == 404
        assert client.post(CLAIM, form | {"reward": name}).status_code == 404
        assert client.post(CLAIM, {}).status_code == 404

    def test_signing_in_on_the_way_leads_back_to_the_button(self, client: Client):
        assert client.get(CLAIM).headers["Location"] == PAGE

    def test_needs_the_form_of_the_page(self, viewer: User, campaign: Campaign, reward: Reward):
        forger = Client(enforce_csrf_checks=True)
        forger.force_login(viewer)
        assert forger.post(CLAIM, self.form(campaign, reward)).status_code == 403


class TestClaimed:
    def test_is_fetched_again_until_it_has_arrived(
        self,
        client: Client,
        viewer: User,
        campaign: Campaign,
        reward: Reward,
        endpoint: WebhookEndpoint,
        now: datetime,
    ):
        claim = factories.ClaimFactory(viewer=viewer, campaign=campaign, reward=reward)
        delivery = Delivery.objects.create(
            endpoint=endpoint,
            claim=claim,
            event_type="drops.claim.created",
            body=b"{}",
            created_at=now,
            next_attempt_at=now,
        )
        address = f"/inventory/claims/{claim.pk}/"
        assert f'hx-get="{address}"' in client.get(PAGE).content.decode()
        assert f'hx-get="{address}"' in client.get(address, headers=HTMX).content.decode()
        delivery.state, delivery.delivered_at, delivery.next_attempt_at = DeliveryState.DELIVERED, now, None
        delivery.save()
        response = client.get(address, headers=HTMX)
        assert "hx-get" not in response.content.decode()
        assert "Delivered" in text_of(response)

    def test_is_no_page_of_its_own(self, client: Client, viewer: User):
        claim = factories.ClaimFactory(viewer=viewer)
        location = client.get(f"/inventory/claims/{claim.pk}/").headers["Location"]
        assert location == f"/inventory/#claim-{claim.pk}"

    def test_of_somebody_else_is_not_there(self, client: Client, stranger: User):
        claim = factories.ClaimFactory(viewer=stranger)
        assert client.get(f"/inventory/claims/{claim.pk}/", headers=HTMX).status_code == 404
