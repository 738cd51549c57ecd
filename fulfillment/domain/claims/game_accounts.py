"""Which game account a claim is for: a game account takes a reward once, whoever it is linked with."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef

from accounts.models import GameLink
from fulfillment.models import Claim, ClaimSequence


def name_claims(*, link: GameLink, **extra: Any) -> None:
    """Receives `game_account_named`: those of the viewer's claims that name no game account are for this one.

    Claims of ended links too: the studio can hand out any claim of the viewer only to the game account that it
    knows. Where the game account has claimed the reward before, that claim keeps it, and this one names none.
    """
    # Claims are judged under the organization's sequence: none is judged before the name and written after.
    ClaimSequence.objects.get_or_create(organization_id=link.organization_id)
    ClaimSequence.objects.select_for_update().get(organization_id=link.organization_id)
    before = Claim.objects.filter(
        campaign=OuterRef("campaign"),
        reward=OuterRef("reward"),
        game_account_id=link.game_account_id,
        rehearsal=None,
    )
    unnamed = Claim.objects.filter(
        organization_id=link.organization_id, viewer_id=link.viewer_id, game_account_id="", rehearsal=None
    )
    unnamed.exclude(Exists(before)).update(game_account_id=link.game_account_id)


def taken(*, campaigns: Collection[str], game_accounts: Collection[str]) -> set[tuple[str, str, str]]:
    """What `game_accounts` have claimed in `campaigns`: campaign, reward, game account. One query."""
    return set(
        Claim.objects.filter(campaign__in=campaigns, game_account_id__in=set(game_accounts), rehearsal=None)
        .exclude(game_account_id="")
        .values_list("campaign_id", "reward_id", "game_account_id")
    )
