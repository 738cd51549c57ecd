"""How many viewers came how far, in a campaign and for each of its rewards.

Of a reward that takes T seconds, outside test mode:

* watched: viewers with a second of watch time (the sum of `WatchHour.new_viewers`);
* reached: those of them with T seconds or more (`RewardHour.qualified`);
* saw the consent page: those who reached it and saw the studio's consent page before claims closed, or linked
  (`RewardHour.saw_connect_page` if that was before they reached it, `ConnectHour` if it was afterwards);
* linked: those who reached it and had linked before (`RewardHour.linked`), or did so afterwards (`ConnectHour.linked`).
  A link that ended since changes nothing, as what was claimed stays claimed;
* claimed: claims (`ClaimHour`), of which a viewer has one for each reward;
* delivered: claims that arrived at an endpoint (`DeliveredHour`);
* acknowledged: claims whose status is not `initiated` now (`StatusHour`: changes from it, less changes back to it).

`drops/domain/watch/connecting.py` and `fulfillment/domain/claims/hours.py` say when each is written. All are exact, and
cost the same for any number of viewers. Of a whole campaign, "reached" and "linked" are those of the reward that takes
the least, "claimed" are viewers with a claim, and what follows is about all its claims.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet, Sum

from drops.domain.watch.figures import totals
from drops.models import Campaign, CampaignReward, ConnectHour, RewardHour
from fulfillment.models import INITIATED, ClaimHour, DeliveredHour, StatusHour


class Step(NamedTuple):
    """`name`: watched, reached, linked, claimed, delivered or acknowledged. `lost`: how many more took the step
    before; of `delivered` and what follows, claims."""

    name: str
    number: int
    lost: int


@dataclass(slots=True, kw_only=True)
class Counts:
    """See this module. `claims` differs from `claimed` only in a whole campaign: there these are viewers."""

    reached: int = 0
    saw_connect_page: int = 0
    linked_before: int = 0
    linked_after: int = 0
    claimed: int = 0
    claims: int = 0
    delivered: int = 0
    acknowledged: int = 0

    @property
    def linked(self) -> int:
        return self.linked_before + self.linked_after

    @property
    def not_linked(self) -> int:
        return max(self.reached - self.linked, 0)

    @property
    def saw_and_did_not_link(self) -> int:
        """Of those who did not link, who saw the consent page."""
        return min(max(self.saw_connect_page - self.linked, 0), self.not_linked)

    @property
    def linked_and_not_claimed(self) -> int:
        return max(self.linked - self.claimed, 0)


class RewardCounts(NamedTuple):
    attached: CampaignReward
    counts: Counts


class Funnel(NamedTuple):
    """`watched`: viewers of the campaign."""

    watched: int
    campaign: Counts
    rewards: list[RewardCounts]


def funnel_of(campaign: Campaign) -> Funnel:
    """Seven queries."""
    rewards = list(
        campaign.campaign_rewards.select_related("reward").order_by("required_minutes", "position")
    )
    by_reward: defaultdict[str, Counts] = defaultdict(Counts)
    reached = RewardHour.objects.filter(campaign=campaign, test=False)
    for reward_id, qualified, saw, linked in _sums(reached, "qualified", "saw_connect_page", "linked"):
        counts = by_reward[reward_id]
        counts.reached, counts.saw_connect_page, counts.linked_before = qualified, saw, linked
    for reward_id, saw, linked in _sums(
        ConnectHour.objects.filter(campaign=campaign), "saw_connect_page", "linked"
    ):
        by_reward[reward_id].saw_connect_page += saw
        by_reward[reward_id].linked_after = linked
    viewers = 0
    for reward_id, claims, new in _sums(
        ClaimHour.objects.filter(campaign=campaign, test=False), "claims", "new_viewers"
    ):
        by_reward[reward_id].claimed = by_reward[reward_id].claims = claims
        viewers += new
    for reward_id, claims in _sums(DeliveredHour.objects.filter(campaign=campaign), "claims"):
        by_reward[reward_id].delivered = claims
    changes = StatusHour.objects.filter(campaign=campaign).order_by().values_list("reward")
    sums = {"begun": Q(old=INITIATED), "undone": Q(new=INITIATED)}
    for reward_id, begun, undone in changes.annotate(
        **{name: Sum("changes", filter=which, default=0) for name, which in sums.items()}
    ):
        by_reward[reward_id].acknowledged = begun - undone
    found = [RewardCounts(attached, by_reward[attached.reward_id]) for attached in rewards]
    return Funnel(totals([campaign])[campaign.pk].viewers, _whole(found, viewers), found)


def _sums(rows: QuerySet[Any], *names: str) -> Iterator[Any]:
    """The reward's id, and the sum of each column."""
    yield from rows.order_by().values_list("reward").annotate(*(Sum(name) for name in names))


def _whole(rewards: Sequence[RewardCounts], viewers: int) -> Counts:
    if not rewards:
        return Counts()
    least = rewards[0].counts
    return Counts(
        reached=least.reached,
        saw_connect_page=least.saw_connect_page,
        linked_before=least.linked_before,
        linked_after=least.linked_after,
        claimed=viewers,
        claims=sum(each.counts.claims for each in rewards),
        delivered=sum(each.counts.delivered for each in rewards),
        acknowledged=sum(each.counts.acknowledged for each in rewards),
    )


def steps_of(watched: int, counts: Counts) -> list[Step]:
    """From watching to the acknowledged claim."""
    taken = [
        ("watched", watched),
        ("reached", counts.reached),
        ("linked", counts.linked),
        ("claimed", counts.claimed),
    ]
    of_claims = [("delivered", counts.delivered), ("acknowledged", counts.acknowledged)]
    steps, before = [], watched
    for name, count in taken:
        steps.append(Step(name, count, max(before - count, 0)))
        before = count
    before = counts.claims
    for name, count in of_claims:
        steps.append(Step(name, count, max(before - count, 0)))
        before = count
    return steps


def largest_loss(steps: Sequence[Step]) -> Step | None:
    """The step before which most are lost, the earliest of several; None if nobody is."""
    worst = max(steps, key=lambda step: step.lost, default=None)
    return worst if worst is not None and worst.lost else None
