"""Claiming: a viewer takes a reward that was earned, and the claim leaves for the studio's server."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from ulid import ULID, PureRandomPolicy, ULIDGenerator

from accounts.domain import links
from accounts.domain.permissions import Action, roles_with
from accounts.models import ORGANIZATION_IS_ACTIVE, User, ulid_parameter, ulid_text
from config.rows import insert, select
from drops.models import Campaign, Reward
from fulfillment.domain.delivery import attempts, bulkhead, queue
from fulfillment.models import Claim

logger = structlog.get_logger(__name__)


class NothingToClaim(Exception):
    """There is no such campaign for viewers, or no such reward: the message says which."""


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


def claim_reward(*, viewer: User, campaign_id: str, reward_id: str, now: datetime) -> Claim:
    """Claim a reward and make the first attempt to deliver the claim. Raises NothingToClaim or ClaimRefused.

    The claim is committed with its deliveries before the studio's server hears of it, and stands
    whatever that server does. A repeat returns the same claim and sends nothing. Not to be called
    in a transaction.
    """
    campaign = _read(viewer.pk, campaign_id, reward_id)
    if campaign.claim_id is not None:
        return Claim.objects.get(pk=campaign.claim_id)
    refused = refusal_of(
        campaign=campaign,
        organization_is_active=campaign.organization_is_active,
        required_minutes=campaign.required_minutes,
        seconds=campaign.seconds,
        is_member=campaign.is_member,
        linked=campaign.linked,
        now=now,
    )
    if refused is not None:
        raise refused
    claim = Claim(
        organization_id=campaign.organization_id,
        viewer_id=viewer.pk,
        campaign_id=campaign.pk,
        reward_id=reward_id,
        external_id=campaign.external_id,
        created_at=now,
        updated_at=now,
    )
    with bulkhead.slot(campaign.organization_id) as may_wait:
        try:
            leased, committed_at = _commit(claim, now, may_wait)
        except IntegrityError:
            claimed = Claim.objects.filter(viewer=viewer, campaign=campaign_id, reward=reward_id).first()
            if claimed is None:
                raise
            return claimed  # by another request, which came first
        try:
            attempts.attempt_leased(leased, now=committed_at)
        except Exception:  # the claim stands: a worker finds its delivery when the lease ends
            logger.exception("first_attempt_not_finished", claim=claim.id)
    return claim


# All that a claim depends on, in one statement and written out: put together from models it would be
# seven, and most of what a claim costs.
_TESTERS = ", ".join(f"'{role.value}'" for role in roles_with(Action.TEST))
_ASKED_FOR = f"""
    SELECT campaign.id, campaign.organization_id, campaign.test_mode, campaign.announces_at, campaign.starts_at,
        campaign.ends_at, campaign.closes_at, campaign.published_at, campaign.withdrawn_at,
        {ORGANIZATION_IS_ACTIVE} AS organization_is_active,
        attached.required_minutes, reward.external_id, COALESCE(progress.seconds, 0) AS seconds,
        claim.id AS claim_id,
        EXISTS (SELECT 1 FROM accounts_membership membership
            WHERE membership.organization_id = campaign.organization_id
                AND membership.user_id = %(viewer)s AND membership.role IN ({_TESTERS})) AS is_member,
        EXISTS (SELECT 1 FROM accounts_gamelink link
            WHERE link.organization_id = campaign.organization_id
                AND link.viewer_id = %(viewer)s AND link.unlinked_at IS NULL) AS linked
    FROM drops_campaign campaign
    JOIN accounts_organization organization ON organization.id = campaign.organization_id
    JOIN drops_campaignreward attached ON attached.campaign_id = campaign.id
    JOIN drops_reward reward ON reward.id = attached.reward_id
    LEFT JOIN drops_progress progress
        ON progress.campaign_id = campaign.id AND progress.viewer_id = %(viewer)s
    LEFT JOIN fulfillment_claim claim
        ON claim.campaign_id = campaign.id AND claim.reward_id = reward.id AND claim.viewer_id = %(viewer)s
    WHERE campaign.id = %(campaign)s AND reward.id = %(reward)s AND campaign.published_at IS NOT NULL
"""  # noqa: S608 - put together from our own constants


def _read(viewer_id: int, campaign_id: str, reward_id: str) -> Any:
    """The campaign, with what else the statement says of it. Raises NothingToClaim or ClaimRefused."""
    asked_for = {
        "viewer": viewer_id,
        "campaign": ulid_parameter(campaign_id),
        "reward": ulid_parameter(reward_id),
    }
    found = select(Campaign, _ASKED_FOR, asked_for)
    if found:
        return found[0]
    if not Campaign.objects.filter(pk=campaign_id, published_at__isnull=False).exists():
        raise NothingToClaim("No such campaign.")
    if not Reward.objects.filter(pk=reward_id).exists():
        raise NothingToClaim("No such reward.")
    raise ClaimRefused("not_attached", "This reward is not part of this campaign.")


@transaction.atomic(durable=True)
def _commit(claim: Claim, now: datetime, may_wait: bool) -> tuple[list[queue.Lease], datetime]:
    """Save `claim` and its deliveries. IntegrityError where the viewer has claimed this reward.

    A partner that pages with the last id it saw must never meet a smaller one later. So an id is drawn
    under a lock that is held to the commit: when one is drawn, every smaller one is committed.
    Returns also the moment when it was this claim's turn: leases and attempts count from there.
    """
    began = time.monotonic()
    claim.id = _draw_id(claim.organization_id, now)
    at = now + timedelta(seconds=time.monotonic() - began)
    insert([claim])
    return queue.create_for_claim(claim=claim, now=at, lease=may_wait), at


# The library's own generator counts up within a millisecond: its next could be one that was drawn as the
# one after the last, and be taken for a fresh one.
_random_ulids = ULIDGenerator(policy=PureRandomPolicy())


_DRAW = """
    INSERT INTO fulfillment_claimsequence AS sequence (organization_id, last_claim_id) VALUES (%s, %s)
    ON CONFLICT (organization_id) DO UPDATE SET last_claim_id = CASE
        WHEN sequence.last_claim_id > excluded.last_claim_id THEN sequence.last_claim_id
        ELSE excluded.last_claim_id END
    RETURNING last_claim_id
"""
_CORRECT = "UPDATE fulfillment_claimsequence SET last_claim_id = %s WHERE organization_id = %s"


def _draw_id(organization_id: str, now: datetime) -> str:
    """A ULID of `now`, or the one after the organization's last where that is larger (the clock stood or
    fell back). The organization's sequence is locked then."""
    organization = ulid_parameter(organization_id)
    fresh = str(_random_ulids.generate(now))
    with connection.cursor() as cursor:
        cursor.execute(_DRAW, [organization, ulid_parameter(fresh)])
        last = ulid_text(cursor.fetchone()[0])
        if last == fresh:
            return fresh
        following = str(ULID.from_int(int(ULID.from_str(last)) + 1))
        cursor.execute(_CORRECT, [ulid_parameter(following), organization])
    return following


def refusal_of(
    *,
    campaign: Campaign,
    organization_is_active: bool,
    required_minutes: int,
    seconds: int,
    is_member: bool,
    linked: bool,
    now: datetime,
) -> ClaimRefused | None:
    """Why a viewer cannot claim a reward now, or None if a claim would succeed.

    `required_minutes` is the reward's threshold, `seconds` the viewer's watch time in the campaign,
    `is_member` of the campaign's organization, `linked` with it. Only a refusal asks the database, for
    the name of an organization that is not loaded.
    """
    if campaign.test_mode and not is_member:
        return ClaimRefused(
            "test_mode", "This campaign is being tested: only members of its organization take part."
        )
    if not campaign.phase(now).claimable:
        return ClaimRefused("not_claimable", _not_claimable(campaign, now))
    if not organization_is_active:
        return ClaimRefused(
            "not_claimable",
            f"{campaign.organization} is suspended at the moment. What you earned is kept: try again later.",
        )
    missing = required_minutes * 60 - seconds
    if missing > 0:
        return ClaimRefused("not_enough_minutes", _not_enough(campaign, -(-missing // 60), now))
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


def _not_enough(campaign: Campaign, minutes: int, now: datetime) -> str:
    missing = f"{minutes} more minute{'' if minutes == 1 else 's'}"
    if campaign.phase(now).watchable:
        return f"Watch {missing} to earn this reward."
    ended = min(campaign.ends_at, campaign.withdrawn_at or campaign.ends_at)
    return (
        f"This took {missing}, and the campaign ended on {ended:%-d %B %Y, %H:%M} UTC: "
        "it cannot be earned any more."
    )


def _not_claimable(campaign: Campaign, now: datetime) -> str:
    if campaign.closes_at <= now:
        return f"Claims for this campaign closed on {campaign.closes_at:%-d %B %Y, %H:%M} UTC."
    return f"This campaign starts on {campaign.starts_at:%-d %B %Y, %H:%M} UTC."
