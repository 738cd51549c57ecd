"""Claiming: a viewer takes a reward that was earned, and the claim leaves for the studio's server."""

from __future__ import annotations

from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Subquery
from django.urls import reverse
from ulid import ULID

from accounts.domain import links, permissions
from accounts.models import Organization, User
from drops.models import Campaign, CampaignReward, Progress, Reward
from fulfillment.domain import bulkhead, deliveries
from fulfillment.models import Claim, ClaimSequence

logger = structlog.get_logger(__name__)


class ClaimRefused(Exception):
    """A reward cannot be claimed now.

    `code`: not_attached, test_mode, not_claimable, not_enough_minutes or not_linked. `message` says what
    to do, to the viewer. `connect_url` is where to connect the game account ("" for other codes, and
    where the studio has no such page).
    """

    def __init__(self, code: str, message: str, connect_url: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.connect_url = connect_url


def claim_reward(*, viewer: User, campaign: Campaign, reward: Reward, now: datetime) -> Claim:
    """Claim `reward` and make the first attempt to deliver the claim. Raises ClaimRefused.

    The claim is committed with its deliveries before the studio's server hears of it, and stands
    whatever that server does. A repeat returns the same claim and sends nothing. Not to be called
    in a transaction.
    """
    with bulkhead.slot(campaign.organization_id) as may_wait:
        claim, leased = _commit_claim(viewer, campaign, reward, now, may_wait)
        try:
            deliveries.attempt_leased(leased, now=now)
        except Exception:  # the claim stands: a worker finds its delivery when the lease ends
            logger.exception("first_attempt_not_finished", claim=claim.id)
    return claim


def find_claim(*, viewer: User, campaign: Campaign, reward: Reward) -> Claim | None:
    """The viewer's claim of `reward` in `campaign`, if there is one."""
    return Claim.objects.filter(viewer=viewer, campaign=campaign, reward=reward).first()


@transaction.atomic(durable=True)
def _commit_claim(
    viewer: User, campaign: Campaign, reward: Reward, now: datetime, may_wait: bool
) -> tuple[Claim, list[deliveries.Lease]]:
    refused = refusal(viewer=viewer, campaign=campaign, reward=reward, now=now)
    if refused is not None:
        claimed = find_claim(viewer=viewer, campaign=campaign, reward=reward)
        if claimed is None:
            raise refused
        return claimed, []
    # Two races end at this lock, the last one taken before the commit. Two requests for one reward:
    # the second finds the first's claim. Two claims of one organization: a partner that pages with
    # the last id it saw must never meet a smaller one later, so an id is drawn only when every
    # smaller one is committed.
    sequence = _lock_sequence(campaign.organization)
    claimed = find_claim(viewer=viewer, campaign=campaign, reward=reward)
    if claimed is not None:
        return claimed, []
    claim = Claim(
        id=_next_id(sequence, now),
        organization=campaign.organization,
        viewer=viewer,
        campaign=campaign,
        reward=reward,
        external_id=reward.external_id,
        created_at=now,
        updated_at=now,
    )
    claim.save(force_insert=True)
    sequence.last_claim_id = claim.id
    sequence.save(update_fields=["last_claim_id"])
    return claim, deliveries.create_for_claim(claim=claim, now=now, lease=may_wait)


def _lock_sequence(organization: Organization) -> ClaimSequence:
    locked = ClaimSequence.objects.select_for_update().filter(organization=organization).first()
    if locked is None:
        ClaimSequence.objects.get_or_create(organization=organization)
        locked = ClaimSequence.objects.select_for_update().get(organization=organization)
    return locked


def _next_id(sequence: ClaimSequence, now: datetime) -> str:
    """A ULID of `now`, or the one after the last where that is not larger (the clock stood or fell back)."""
    fresh = ULID.from_datetime(now)
    if sequence.last_claim_id is None:
        return str(fresh)
    after_last = int(ULID.from_str(sequence.last_claim_id)) + 1
    return str(max(fresh, ULID.from_int(after_last)))


def refusal(*, viewer: User, campaign: Campaign, reward: Reward, now: datetime) -> ClaimRefused | None:
    """Why `viewer` cannot claim `reward` now, or None if a claim would succeed."""
    progress = Progress.objects.filter(viewer=viewer, campaign=campaign)
    attached = (
        CampaignReward.objects.filter(campaign=campaign, reward=reward)
        .annotate(seconds=Subquery(progress.values("seconds")))
        .first()
    )
    return refusal_of(
        campaign=campaign,
        attached=attached,
        seconds=getattr(attached, "seconds", None) or 0,
        is_member=campaign.test_mode
        and permissions.is_member(user=viewer, organization=campaign.organization),
        linked=links.is_linked(viewer=viewer, organization=campaign.organization),
        now=now,
    )


def refusal_of(
    *,
    campaign: Campaign,
    attached: CampaignReward | None,
    seconds: int,
    is_member: bool,
    linked: bool,
    now: datetime,
) -> ClaimRefused | None:
    """The rules of `refusal`, for pages that have read what they speak of: no query is made
    if `campaign.organization` is loaded.

    `attached` is the reward's place in the campaign, `seconds` the viewer's watch time for it,
    `is_member` of the campaign's organization (asked in test mode alone), `linked` with it.
    """
    if attached is None:
        return ClaimRefused("not_attached", "This reward is not part of this campaign.")
    if campaign.test_mode and not is_member:
        return ClaimRefused(
            "test_mode", "This campaign is being tested: only members of its organization take part."
        )
    if not campaign.phase(now).claimable:
        return ClaimRefused("not_claimable", _not_claimable(campaign, now))
    if not campaign.organization.is_active:
        return ClaimRefused(
            "not_claimable",
            f"{campaign.organization} is suspended at the moment. What you earned is kept: try again later.",
        )
    missing = attached.required_seconds - seconds
    if missing > 0:
        minutes = -(-missing // 60)
        return ClaimRefused(
            "not_enough_minutes",
            f"Watch {minutes} more minute{'' if minutes == 1 else 's'} to earn this reward.",
        )
    if not linked:
        return ClaimRefused(
            "not_linked",
            f"Connect your game account of {campaign.organization} first, then claim.",
            connect_url=links.connect_address(
                organization=campaign.organization,
                return_to=settings.SITE_URL + reverse("fulfillment:inventory"),
            ),
        )
    return None


def _not_claimable(campaign: Campaign, now: datetime) -> str:
    if campaign.closes_at <= now:
        return f"Claims for this campaign closed on {campaign.closes_at:%-d %B %Y, %H:%M} UTC."
    if campaign.published_at is None:
        return "This campaign is not published."
    return f"This campaign starts on {campaign.starts_at:%-d %B %Y, %H:%M} UTC."
