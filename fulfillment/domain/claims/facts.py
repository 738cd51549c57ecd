"""What a claim depends on: read once, typed, and judged alike by the claim and by the inventory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.domain.links import LINK_STANDS
from accounts.domain.permissions import Action, roles_with
from accounts.models import ORGANIZATION_IS_ACTIVE
from config import sql
from drops.domain.campaigns.reading import CampaignCard, Threshold
from drops.models import CampaignPhase
from drops.models.campaigns import phase_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFacts:
    """A reward of a campaign and what a viewer has done for it.

    `required_minutes` is the reward's threshold, `seconds` the viewer's watch time in the campaign, and
    `test_seconds` those of them that were watched in test mode (the inventory does not ask for them).
    `is_member` of the campaign's organization, with a role that may test; `linked` with it, as the game
    account `game_account_id` ("" where the studio has not named it). `account_has_claimed`: that game
    account took the reward before, through whichever viewer. `claim_id` is of the viewer's claim that was
    made already, or None.
    """

    campaign_id: str
    test_mode: bool
    published_at: datetime | None
    announces_at: datetime
    starts_at: datetime
    ends_at: datetime
    closes_at: datetime
    withdrawn_at: datetime | None
    organization_id: str
    organization_name: str
    organization_connect_url: str
    organization_is_active: bool
    external_id: str
    required_minutes: int
    seconds: int
    test_seconds: int = 0
    is_member: bool
    linked: bool
    game_account_id: str
    account_has_claimed: bool
    claim_id: str | None

    @property
    def is_test(self) -> bool:
        """The claim is made in test mode, or the viewer would not have earned the reward without it."""
        return self.test_mode or self.seconds - self.test_seconds < self.required_minutes * 60

    def phase(self, now: datetime) -> CampaignPhase:
        return phase_at(self, now)


# One statement, written out: put together from models it would be seven, and most of what a claim costs.
_TESTERS = ", ".join(f"'{role.value}'" for role in roles_with(Action.TEST))
_STATEMENT = f"""
    SELECT campaign.id, campaign.test_mode, campaign.published_at, campaign.announces_at, campaign.starts_at,
        campaign.ends_at, campaign.closes_at, campaign.withdrawn_at,
        organization.id, organization.name, organization.connect_url,
        {ORGANIZATION_IS_ACTIVE},
        reward.external_id, attached.required_minutes, COALESCE(progress.seconds, 0),
        COALESCE(progress.test_seconds, 0),
        EXISTS (SELECT 1 FROM accounts_membership membership
            WHERE membership.organization_id = campaign.organization_id
                AND membership.user_id = %(viewer)s AND membership.role IN ({_TESTERS})),
        link.id IS NOT NULL, COALESCE(link.game_account_id, ''),
        EXISTS (SELECT 1 FROM fulfillment_claim taken
            WHERE taken.campaign_id = campaign.id AND taken.reward_id = reward.id
                AND taken.game_account_id = link.game_account_id AND taken.game_account_id <> ''
                AND taken.rehearsal_id IS NULL),
        claim.id
    FROM drops_campaign campaign
    JOIN accounts_organization organization ON organization.id = campaign.organization_id
    JOIN drops_campaignreward attached ON attached.campaign_id = campaign.id
    JOIN drops_reward reward ON reward.id = attached.reward_id
    LEFT JOIN drops_progress progress
        ON progress.campaign_id = campaign.id AND progress.viewer_id = %(viewer)s
    LEFT JOIN accounts_gamelink link
        ON link.organization_id = campaign.organization_id AND link.viewer_id = %(viewer)s
        AND link.unlinked_at IS NULL AND {LINK_STANDS}
    LEFT JOIN fulfillment_claim claim
        ON claim.campaign_id = campaign.id AND claim.reward_id = reward.id AND claim.viewer_id = %(viewer)s
        AND claim.rehearsal_id IS NULL
    WHERE campaign.id = %(campaign)s AND reward.id = %(reward)s AND campaign.published_at IS NOT NULL
"""  # noqa: S608 - put together from our own constants


def claim_facts(*, viewer_id: int, campaign_id: str, reward_id: str) -> ClaimFacts | None:
    """One query. None where there is no such published campaign, no such reward, or the one is not of the other."""
    asked = {"viewer": viewer_id, "campaign": sql.ulid(campaign_id), "reward": sql.ulid(reward_id)}
    rows = sql.fetch(_STATEMENT, asked)
    if not rows:
        return None
    (
        campaign_id,
        test_mode,
        *moments,
        organization_id,
        name,
        connect_url,
        is_active,
        external_id,
        required_minutes,
        seconds,
        test_seconds,
        is_member,
        linked,
        game_account_id,
        account_has_claimed,
        claim_id,
    ) = rows[0]
    published_at, announces_at, starts_at, ends_at, closes_at, withdrawn_at = map(sql.to_moment, moments)
    return ClaimFacts(
        campaign_id=sql.to_ulid(campaign_id),
        test_mode=bool(test_mode),
        published_at=published_at,
        announces_at=announces_at,
        starts_at=starts_at,
        ends_at=ends_at,
        closes_at=closes_at,
        withdrawn_at=withdrawn_at,
        organization_id=sql.to_ulid(organization_id),
        organization_name=name,
        organization_connect_url=connect_url,
        organization_is_active=bool(is_active),
        external_id=external_id,
        required_minutes=required_minutes,
        seconds=seconds,
        test_seconds=test_seconds,
        is_member=bool(is_member),
        linked=bool(linked),
        game_account_id=game_account_id,
        account_has_claimed=bool(account_has_claimed),
        claim_id=None if claim_id is None else sql.to_ulid(claim_id),
    )


def facts_of_card(
    card: CampaignCard,
    threshold: Threshold,
    *,
    is_member: bool,
    game_account_id: str | None,
    account_has_claimed: bool,
) -> ClaimFacts:
    """Of a reward that the viewer has not claimed; `game_account_id` is None where no link is."""
    campaign, organization = card.campaign, card.campaign.organization
    return ClaimFacts(
        campaign_id=campaign.pk,
        test_mode=campaign.test_mode,
        published_at=campaign.published_at,
        announces_at=campaign.announces_at,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        closes_at=campaign.closes_at,
        withdrawn_at=campaign.withdrawn_at,
        organization_id=organization.pk,
        organization_name=organization.name,
        organization_connect_url=organization.connect_url,
        organization_is_active=organization.is_active,
        external_id=threshold.reward.external_id,
        required_minutes=threshold.required_minutes,
        seconds=card.seconds or 0,
        is_member=is_member,
        linked=game_account_id is not None,
        game_account_id=game_account_id or "",
        account_has_claimed=account_has_claimed,
        claim_id=None,
    )
