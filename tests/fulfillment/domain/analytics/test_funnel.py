"""The funnel says what the rows say: watch time, links, claims, deliveries, statuses, in whatever order they come."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from accounts.domain import links
from accounts.domain.users import delete_account
from accounts.models import OAuthApp
from drops.domain.campaigns import lifecycle, plans
from drops.models import Campaign, Channel, Progress
from fulfillment.domain.analytics.funnel import Counts, Funnel, Step, funnel_of, largest_loss, steps_of
from fulfillment.domain.analytics.status_words import Word, status_words
from fulfillment.domain.analytics.stopping import Band, bands, watched_for
from fulfillment.domain.claims.claiming import ClaimRefused, claim_reward
from fulfillment.domain.claims.statuses import set_statuses
from fulfillment.models import INITIATED, Claim
from tests import factories
from tests.drops.domain.watch.crediting import beats
from tests.factories import NOW
from tests.fulfillment.domain.claims import recompute

pytestmark = pytest.mark.django_db


def recomputed(campaign: Campaign) -> Funnel:
    """From the rows alone."""
    public = [(row.seconds - row.test_seconds, row) for row in Progress.objects.filter(campaign=campaign)]
    found = []
    for attached in campaign.campaign_rewards.order_by("required_minutes", "position"):
        reached = [row for seconds, row in public if seconds >= attached.required_seconds]
        moments = [row.seconds_when_linked for row in reached if row.seconds_when_linked is not None]
        before = sum(moment < attached.required_seconds for moment in moments)
        claims = Claim.objects.filter(campaign=campaign, reward=attached.reward_id, test=False)
        found.append(
            Counts(
                reached=len(reached),
                saw_connect_page=sum(row.saw_connect_page for row in reached),
                linked_before=before,
                linked_after=len(moments) - before,
                claimed=claims.count(),
                claims=claims.count(),
                delivered=claims.filter(deliveries__delivered_at__isnull=False).distinct().count(),
                acknowledged=claims.exclude(external_status=INITIATED).count(),
            )
        )
    claimed = Claim.objects.filter(campaign=campaign, test=False)
    whole = Counts(
        reached=found[0].reached,
        saw_connect_page=found[0].saw_connect_page,
        linked_before=found[0].linked_before,
        linked_after=found[0].linked_after,
        claimed=len(set(claimed.values_list("viewer", flat=True))),
        claims=claimed.count(),
        delivered=sum(each.delivered for each in found),
        acknowledged=sum(each.acknowledged for each in found),
    )
    return Funnel(sum(seconds > 0 for seconds, _ in public), whole, found)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(3))
def test_the_funnel_is_that_of_the_rows(
    studio_app: OAuthApp, channel: Channel, campaign: Campaign, seed: int
) -> None:
    chance = Random(seed)
    studio = campaign.organization
    factories.LivestreamFactory(channel=channel, category=campaign.category)
    campaign.campaign_rewards.all().delete()
    for minutes in (1, 4):
        factories.CampaignRewardFactory(campaign=campaign, required_minutes=minutes)
    Campaign.objects.filter(pk=campaign.pk).update(test_mode=True)
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    viewers = [factories.UserFactory() for _ in range(8)]
    factories.MembershipFactory(organization=studio, user=viewers[0])
    second = 0
    for step in range(150):
        second += chance.randint(0, 60)
        now = NOW + timedelta(seconds=second)
        viewer = chance.choice(viewers)
        match chance.randint(0, 9):
            case 0:
                links.note_consent_page(viewer=viewer, app=studio_app, now=now)
            case 1:
                links.link(viewer=viewer, app=studio_app, now=now)
            case 2:
                links.unlink(viewer=viewer, organization=studio, now=now)
            case 3:
                reward = chance.choice(list(campaign.campaign_rewards.all()))
                asked = {"campaign_id": campaign.pk, "reward_id": reward.reward_id, "attempt": False}
                try:
                    claim_reward(viewer=viewer, now=now, **asked)
                except ClaimRefused:
                    continue
            case 4 if Claim.objects.exists():
                claim = chance.choice(list(Claim.objects.order_by("pk")))
                recompute.deliver(claim, endpoint, now)
                word = chance.choice([INITIATED, "granted", "opened"])
                set_statuses(app=studio_app, statuses={claim.pk: word}, now=now)
            case _:
                beats(viewer, channel, second)
        if step == 30:
            lifecycle.amend_campaign(campaign=campaign, changes={"test_mode": False}, now=now, actor=None)
        if step == 110:
            entries = plans.plan_of(campaign).rewards
            lower = tuple(
                entry._replace(required_minutes=(entry.required_minutes + 1) // 2) for entry in entries
            )
            lifecycle.amend_campaign(campaign=campaign, changes={"rewards": lower}, now=now, actor=None)
    delete_account(user=viewers[-1], now=now)

    expected, found = recomputed(campaign), funnel_of(campaign)
    assert found.watched == expected.watched > 3
    assert found.campaign == expected.campaign
    assert [each.counts for each in found.rewards] == expected.rewards
    assert found.campaign.linked_before
    assert found.campaign.claims
    words = {word.word: word.now for word in status_words(campaign).words if word.now}
    statuses = Claim.objects.filter(campaign=campaign, test=False).values_list("external_status", flat=True)
    assert words == {word: list(statuses).count(word) for word in statuses}


def test_the_largest_loss_is_the_first_of_several() -> None:
    counts = Counts(reached=60, linked_before=30, linked_after=10, claimed=20, claims=25, delivered=25)
    steps = steps_of(80, counts)
    assert [step.lost for step in steps] == [0, 20, 20, 20, 0, 25]
    assert largest_loss(steps) == Step("acknowledged", 0, 25)
    assert largest_loss(steps[:4]) == Step("reached", 60, 20)
    assert largest_loss([]) is largest_loss(steps_of(0, Counts())) is None
    assert (counts.not_linked, counts.linked_and_not_claimed) == (20, 20)


def test_words_are_in_the_order_in_which_claims_go_through_them(studio_app: OAuthApp) -> None:
    attached = factories.CampaignRewardFactory(campaign__organization=studio_app.organization)
    claims = [factories.ClaimFactory(campaign=attached.campaign, reward=attached.reward) for _ in range(6)]
    for word, count in (("zero", 6), ("middle", 4), ("all played", 2), ("middle", 1)):
        statuses = {claim.pk: word for claim in claims[:count]}
        set_statuses(app=studio_app, statuses=statuses, now=NOW)
    found = status_words(attached.campaign)
    assert found.words == [
        Word(INITIATED, 0, 6),
        Word("zero", 2, 6),
        Word("middle", 3, 4),
        Word("all played", 1, 2),
    ]
    assert status_words(attached.campaign, reward_id=attached.reward_id) == found
    for number, claim in enumerate(claims * 3):
        set_statuses(app=studio_app, statuses={claim.pk: f"word {number}"}, now=NOW)
    assert (len(status_words(attached.campaign).words), status_words(attached.campaign).more) == (12, 10)


def test_viewers_are_counted_where_they_stop(campaign: Campaign, channel: Channel) -> None:
    factories.LivestreamFactory(channel=channel, category=campaign.category)
    for minutes in (4, 16, 21):
        beats(factories.UserFactory(), channel, *range(0, minutes * 60 + 1, 60))
    watched = watched_for(campaign)
    assert watched == {0: 3, 5: 2, 10: 2, 15: 2, 20: 1}
    assert bands(watched, until=30) == [Band(0, 15, 1), Band(15, 30, 2)]
