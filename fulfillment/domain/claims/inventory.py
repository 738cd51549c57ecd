"""A viewer's inventory. Every function costs a constant number of queries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import QuerySet

from accounts.domain import links
from accounts.domain.permissions import Action, organizations_of
from accounts.models import User
from drops.domain.campaigns.participation import best_streams
from drops.domain.campaigns.reading import CampaignCard, Threshold, campaign_cards
from drops.models import Campaign, Livestream
from drops.models.campaigns import CLAIMABLE_PHASES
from fulfillment.domain.claims.claiming import ClaimRefused, connect_from_inventory, refusal_of
from fulfillment.domain.claims.facts import facts_of_card
from fulfillment.domain.claims.game_accounts import taken as game_accounts_taken
from fulfillment.models import Claim


@dataclass(frozen=True, slots=True)
class Entry:
    """A campaign in one part of the inventory, with those of its rewards that belong there.

    `connect_url`: where to connect the game account, "" if that is done or cannot be done. `stream`: where to
    go on watching now, None if nobody is live.
    `refused`: why the rewards cannot be claimed now, though they are earned.
    """

    card: CampaignCard
    thresholds: tuple[Threshold, ...]
    connect_url: str = ""
    stream: Livestream | None = None
    refused: ClaimRefused | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a viewer watched for and has not claimed, until the campaign's grace period is over.

    `ready`: earned, to be claimed now. `in_progress`: can still be earned. `expired`: was not earned
    in time, shown as long as the campaign's claims are open.
    """

    ready: tuple[Entry, ...]
    in_progress: tuple[Entry, ...]
    expired: tuple[Entry, ...]

    @property
    def claimable_count(self) -> int:
        """How many rewards can be claimed now."""
        return sum(len(entry.thresholds) for entry in self.ready if entry.refused is None)


def inventory(*, viewer: User, now: datetime) -> Inventory:
    """See `Inventory`. What has to be done sooner comes first: watched before the end, claimed before claims close."""
    campaigns = (
        Campaign.objects.in_phase(*CLAIMABLE_PHASES, now=now)
        .filter(progress__viewer=viewer)
        .select_related("organization", "category")
        .order_by("closes_at", "pk")
    )
    cards = campaign_cards(campaigns, now=now, viewer=viewer)
    claimed = set(
        Claim.objects.filter(
            viewer=viewer, campaign__in=[card.campaign for card in cards], rehearsal=None
        ).values_list("campaign_id", "reward_id")
    )
    game_accounts = links.game_accounts_of(viewer)
    taken = game_accounts_taken(
        campaigns=[card.campaign.pk for card in cards], game_accounts=game_accounts.values()
    )
    member_of = set(organizations_of(viewer, who_may=Action.TEST).values_list("pk", flat=True))
    ready, in_progress, expired = [], [], []
    for card in cards:
        organization = card.campaign.organization
        game_account_id = game_accounts.get(organization.pk)
        to_claim = tuple(
            threshold
            for threshold in card.thresholds
            if threshold.is_earned and (card.campaign.pk, threshold.reward.pk) not in claimed
        )
        for has_claimed in (
            False,
            True,
        ):  # what the game account has claimed already: the rest can be claimed
            of_these = tuple(
                threshold
                for threshold in to_claim
                if ((card.campaign.pk, threshold.reward.pk, game_account_id) in taken) is has_claimed
            )
            if of_these:
                facts = facts_of_card(
                    card,
                    of_these[0],
                    is_member=organization.pk in member_of,
                    game_account_id=game_account_id,
                    account_has_claimed=has_claimed,
                )
                ready.append(Entry(card, of_these, refused=refusal_of(facts, now)))
        unearned = tuple(threshold for threshold in card.thresholds if not threshold.is_earned)
        if unearned and card.phase.watchable:
            connect_url = connect_from_inventory(organization.connect_url) if game_account_id is None else ""
            in_progress.append(Entry(card, unearned, connect_url=connect_url))
        elif unearned:
            expired.append(Entry(card, unearned))
    streams = best_streams([entry.card.campaign for entry in in_progress], viewer=viewer)
    in_progress = [replace(entry, stream=streams.get(entry.card.campaign.pk)) for entry in in_progress]
    in_progress.sort(key=lambda entry: (entry.card.campaign.ends_at, entry.card.campaign.pk))
    return Inventory(tuple(ready), tuple(in_progress), tuple(expired))


def claims_of(viewer: User) -> QuerySet[Claim]:
    """Everything `viewer` has claimed but rehearsals, newest first, with what `claim_status` needs."""
    return (
        Claim.objects.filter(viewer=viewer, rehearsal=None)
        .select_related("campaign__organization", "campaign__category", "reward")
        .prefetch_related("deliveries__endpoint")
        .order_by("-created_at", "-pk")
    )
