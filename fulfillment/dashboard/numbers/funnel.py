"""How many viewers of a campaign came how far."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from drops.domain.watch.figures import totals, viewers_qualified
from fulfillment.dashboard.numbers.tabs import campaign_of, numbers_page, show
from fulfillment.domain.claims.reading import claimed_by_reward


@numbers_page("campaign_numbers")
def campaign_numbers(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign = campaign_of(request, object_id)
    reached, claimed = viewers_qualified(campaign=campaign), claimed_by_reward(campaign)
    rewards = [
        (
            entry.reward,
            entry.required_minutes,
            reached.get(entry.reward_id, 0),
            claimed.get(entry.reward_id, 0),
        )
        for entry in campaign.campaign_rewards.select_related("reward")
    ]
    context = {"viewers": totals([campaign])[campaign.pk].viewers, "rewards": rewards}
    return show(request, campaign, "campaign_numbers", "funnel.html", context)
