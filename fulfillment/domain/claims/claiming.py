"""Claiming: a viewer takes a reward that was earned, and the claim leaves for the studio's server."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import dateformat
from django.utils.translation import gettext as _, ngettext
from ulid import ULID

from accounts.domain import links
from accounts.models import User
from config import sql, tracing
from config.logs import tell_of
from config.rounding import ceil_div
from config.ulid import ulid_of
from drops.domain.watch import news
from drops.models import Campaign, Reward
from fulfillment.domain import counts
from fulfillment.domain.claims.facts import ClaimFacts, claim_facts
from fulfillment.domain.claims.hours import insert_claim
from fulfillment.domain.delivery import attempts, bulkhead, queue
from fulfillment.models import Claim

logger = structlog.get_logger(__name__)


class NothingToClaim(Exception):
    """There is no such campaign for viewers, or no such reward: the message says which."""


class ClaimRefused(Exception):
    """A reward cannot be claimed now.

    `code`: not_attached, test_mode, not_claimable, not_enough_minutes, not_linked or
    game_account_has_claimed. `message` says what to do, to the viewer. `connect_url` is where to connect
    the game account ("" for other codes, and where the studio has no such page).
    """

    def __init__(self, code: str, message: str, connect_url: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.connect_url = connect_url


def claim_reward(
    *,
    viewer: User,
    campaign_id: str,
    reward_id: str,
    now: datetime,
    organization_id: str | None = None,
    attempt: bool = True,
) -> Claim:
    """Claim a reward and make the first attempt to deliver the claim. Raises NothingToClaim or ClaimRefused.

    The claim is committed with its deliveries before the studio's server hears of it, and stands
    whatever that server does. A repeat returns the same claim and sends nothing. With `organization_id`,
    campaigns of other organizations count as unknown. `attempt` False leaves the first attempt to a worker.
    Not to be called in a transaction.
    """
    began, began_at = time.monotonic(), time.time_ns()
    facts = _facts(viewer, campaign_id, reward_id, organization_id)
    if facts.claim_id is not None:
        return Claim.objects.get(pk=facts.claim_id)
    if (refused := refusal_of(facts, now)) is not None:
        counts.REFUSED.labels(refused.code).inc()
        raise refused
    tell_of(user_id=viewer.pk, organization_id=facts.organization_id)
    with bulkhead.slot(facts.organization_id) as may_wait:
        claim, leased, committed_at = _commit(viewer, facts, reward_id, now, may_wait and attempt)
        try:
            attempts.attempt_leased(leased, now=committed_at)
        except Exception:  # the claim stands: a worker finds its delivery when the lease ends
            logger.exception("first_attempt_not_finished", claim=claim.id)
    counts.CLAIMED.observe(time.monotonic() - began)
    if tracing.is_on():
        tracing.note(
            "claim",
            trace=tracing.trace_of_ulid(claim.pk),
            began=began_at,
            ended=time.time_ns(),
            first=True,
            organization=claim.organization_id,
            campaign=claim.campaign_id,
        )
    return claim


def _facts(viewer: User, campaign_id: str, reward_id: str, organization_id: str | None) -> ClaimFacts:
    """Raises NothingToClaim or ClaimRefused."""
    facts = claim_facts(viewer_id=viewer.pk, campaign_id=campaign_id, reward_id=reward_id)
    if facts is not None and organization_id in (None, facts.organization_id):
        return facts
    published = Campaign.objects.filter(pk=campaign_id, published_at__isnull=False)
    if organization_id is not None:
        published = published.filter(organization=organization_id)
    if not published.exists():
        raise NothingToClaim(_("No such campaign."))
    if not Reward.objects.filter(pk=reward_id).exists():
        raise NothingToClaim(_("No such reward."))
    raise ClaimRefused("not_attached", _("This reward is not part of this campaign."))


@transaction.atomic(durable=True)
def _commit(
    viewer: User, facts: ClaimFacts, reward_id: str, now: datetime, may_wait: bool
) -> tuple[Claim, list[queue.Lease], datetime]:
    """Save the claim and its deliveries; the leases are those of the deliveries to attempt at once.

    A partner that pages with the last id it saw must never meet a smaller one later. So an id is drawn
    under a lock that is held to the commit: when one is drawn, every smaller one is committed. A claim may
    have waited for that lock, so it is judged again under it: the viewer may have unlinked meanwhile, or
    another request may have made the claim, or one for the same game account. Returns also the moment when
    it was this claim's turn: leases and attempts count from there.
    """
    began = time.monotonic()
    claim_id = draw_id(facts.organization_id, now)
    at = now + timedelta(seconds=time.monotonic() - began)
    facts = _facts(viewer, facts.campaign_id, reward_id, facts.organization_id)
    if facts.claim_id is not None:
        return Claim.objects.get(pk=facts.claim_id), [], at
    if (refused := refusal_of(facts, now)) is not None:
        raise refused
    claim = Claim(
        id=claim_id,
        organization_id=facts.organization_id,
        viewer_id=viewer.pk,
        campaign_id=facts.campaign_id,
        reward_id=reward_id,
        external_id=facts.external_id,
        game_account_id=facts.game_account_id,
        test=facts.is_test,
        created_at=now,
        updated_at=now,
    )
    insert_claim(claim)
    news.tell_viewer(
        viewer_id=viewer.pk,
        kind="claim",
        data={
            "claim_id": claim_id,
            "campaign_id": facts.campaign_id,
            "reward_id": reward_id,
            "status": "claimed",
        },
        organization_id=facts.organization_id,
    )
    return claim, queue.create_for_claim(claim=claim, now=at, lease=may_wait), at


_DRAW = """
    INSERT INTO fulfillment_claimsequence AS sequence (organization_id, last_claim_id) VALUES (%s, %s)
    ON CONFLICT (organization_id) DO UPDATE SET last_claim_id = CASE
        WHEN sequence.last_claim_id > excluded.last_claim_id THEN sequence.last_claim_id
        ELSE excluded.last_claim_id END
    RETURNING last_claim_id
"""
_CORRECT = "UPDATE fulfillment_claimsequence SET last_claim_id = %s WHERE organization_id = %s"


def draw_id(organization_id: str, now: datetime) -> str:
    """A ULID of `now`, or the one after the organization's last where that is larger (the clock stood or
    fell back). The organization's sequence is locked then."""
    organization = sql.ulid(organization_id)
    fresh = ulid_of(now)
    ((drawn,),) = sql.fetch(_DRAW, [organization, sql.ulid(fresh)])
    last = sql.to_ulid(drawn)
    if last == fresh:
        return fresh
    following = str(ULID.from_int(int(ULID.from_str(last)) + 1))
    sql.execute(_CORRECT, [sql.ulid(following), organization])
    return following


def refusal_of(facts: ClaimFacts, now: datetime) -> ClaimRefused | None:
    """Why a viewer cannot claim a reward now, or None if a claim would succeed. No query."""
    if facts.test_mode and not facts.is_member:
        return ClaimRefused(
            "test_mode", _("This campaign is being tested. Only members of its organization can take part.")
        )
    if not facts.phase(now).claimable:
        return ClaimRefused("not_claimable", _not_claimable(facts, now))
    if not facts.organization_is_active:
        return ClaimRefused(
            "not_claimable",
            _("%(studio)s is suspended at the moment. What you have earned is kept. Try again later.")
            % {"studio": facts.organization_name},
        )
    missing = facts.required_minutes * 60 - facts.seconds
    if missing > 0:
        return ClaimRefused("not_enough_minutes", _not_enough(facts, ceil_div(missing, 60), now))
    if not facts.linked:
        return ClaimRefused(
            "not_linked",
            _("Connect your game account of %(studio)s first, then claim.")
            % {"studio": facts.organization_name},
            connect_url=connect_from_inventory(facts.organization_connect_url),
        )
    if facts.account_has_claimed:
        return ClaimRefused(
            "game_account_has_claimed",
            _("This game account has already claimed the reward through another account of this site."),
        )
    return None


def connect_from_inventory(connect_url: str) -> str:
    """A studio's page to connect at, which sends the viewer back to the inventory; "" without such a page."""
    return links.connect_address(
        connect_url=connect_url, return_to=settings.SITE_URL + reverse("fulfillment:inventory")
    )


def _not_enough(facts: ClaimFacts, minutes: int, now: datetime) -> str:
    if facts.phase(now).watchable:
        return ngettext(
            "Watch %(count)d more minute to earn this reward.",
            "Watch %(count)d more minutes to earn this reward.",
            minutes,
        ) % {"count": minutes}
    ended = min(facts.ends_at, facts.withdrawn_at or facts.ends_at)
    return ngettext(
        "You needed %(count)d more minute when the campaign ended on %(when)s. You can no "
        "longer earn this reward.",
        "You needed %(count)d more minutes when the campaign ended on %(when)s. You can no "
        "longer earn this reward.",
        minutes,
    ) % {"count": minutes, "when": _day_and_time(ended)}


def _not_claimable(facts: ClaimFacts, now: datetime) -> str:
    if facts.closes_at <= now:
        return _("Claims for this campaign closed on %(when)s.") % {"when": _day_and_time(facts.closes_at)}
    return _("This campaign starts on %(when)s.") % {"when": _day_and_time(facts.starts_at)}


def _day_and_time(when: datetime) -> str:
    return f"{dateformat.format(when, 'j F Y, H:i')} UTC"
