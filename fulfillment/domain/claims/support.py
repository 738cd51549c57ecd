"""What a studio's support tells a viewer who asks where a reward is.

A studio finds only what concerns its own campaigns, claims and links. A viewer who has nothing to do with it is
like one who does not exist.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.db.models import Q
from django.utils import dateformat
from django.utils.translation import gettext as _, ngettext

from accounts.domain.links import history
from accounts.domain.permissions import Action, organizations_of
from accounts.models import GameLink, Organization, User
from config.rounding import whole_minutes
from drops.domain.campaigns.reading import CampaignCard, Threshold, campaign_cards
from drops.domain.watch.grants import grants_of
from drops.domain.watch.history import CampaignVisit, look_up
from drops.models import Campaign, Grant
from fulfillment.domain.claims.claiming import refusal_of
from fulfillment.domain.claims.facts import facts_of_card
from fulfillment.domain.claims.game_accounts import taken
from fulfillment.domain.delivery.status import claim_status
from fulfillment.domain.delivery.words import FOR_VIEWERS, to_viewer
from fulfillment.models import Claim

VISITS_OF = timedelta(days=14)
MOST_CAMPAIGNS = 10
MOST_FOUND = 20
MOST = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """Where one reward stands for the viewer. `text` tells it to the viewer, `tone` is its colour (docs/style.md)."""

    threshold: Threshold
    claim: Claim | None
    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class NotCounted:
    """Seconds on one channel that did not count, and why: `reason` is a label of `Reason`."""

    channel: str
    reason: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day (in UTC) of one campaign."""

    date: date
    campaign: Campaign
    counted_seconds: int
    not_counted: tuple[NotCounted, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What an organization knows of a viewer, the newest first.

    `answers`: one for each reward of the last campaigns that the viewer watched for. `days`, `visits`: of the
    last two weeks. `grants`: minutes that were granted for rehearsals; no answer counts them.
    """

    viewer: User
    answers: Sequence[tuple[CampaignCard, tuple[Answer, ...]]]
    days: Sequence[Day]
    visits: Sequence[CampaignVisit]
    claims: Sequence[Claim]
    links: Sequence[GameLink]
    grants: Sequence[Grant]


def find_viewers(*, organization: Organization, term: str, now: datetime) -> list[tuple[int, str]]:
    """User ids that `term` may mean, with the game account where it names one: at most 20.

    `term` is a user ID, a username, or the ID or name of a game account that is or was linked with the
    organization. Viewers who have nothing to do with the organization are left out.
    """
    term = term.strip()
    found: dict[int, str] = {}
    links = GameLink.objects.filter(organization=organization).order_by("-linked_at")
    for named in (Q(game_account_id=term), Q(game_account_name__iexact=term)):
        for link in links.filter(named)[:MOST_FOUND]:
            found.setdefault(link.viewer_id, str(link))
    people = Q(username__iexact=term)
    if (viewer_id := whole_id(term)) is not None:
        people |= Q(pk=viewer_id)
    for viewer_id in User.objects.filter(people).order_by("pk").values_list("pk", flat=True):
        if viewer_id not in found and case_of(organization=organization, viewer_id=viewer_id, now=now):
            found[viewer_id] = ""
    return list(found.items())[:MOST_FOUND]


def whole_id(text: str) -> int | None:
    """`text` as a user id; None where it is none."""
    return int(text) if text.isdecimal() and len(text) < 20 and 0 < int(text) < 2**63 else None


def case_of(*, organization: Organization, viewer_id: int, now: datetime) -> Case | None:
    """Everything that the organization may know of the viewer; None where it knows nothing. See `Case`.

    A constant number of queries.
    """
    viewer = User.objects.filter(pk=viewer_id).first()
    if viewer is None:
        return None
    claims = list(
        Claim.objects.filter(viewer=viewer, organization=organization, rehearsal=None)
        .select_related("campaign__organization", "reward")
        .prefetch_related("deliveries__endpoint")
        .order_by("-created_at", "-pk")[:MOST]
    )
    links = history(viewer=viewer, organization=organization, most=MOST)
    visits = look_up(organization=organization, viewer_id=viewer.pk, since=now - VISITS_OF)
    watched = (
        Campaign.objects.filter(organization=organization, progress__viewer=viewer)
        .select_related("organization", "category")
        .order_by("-closes_at", "-pk")[:MOST_CAMPAIGNS]
    )
    cards = campaign_cards(watched, now=now, viewer=viewer)
    grants = list(grants_of(organization=organization, viewer=viewer)[:MOST])
    if not (claims or links or visits or cards or grants):
        return None
    days = list(_days(visits))
    return Case(
        viewer,
        _answers(viewer, organization, cards, claims, links, days, now),
        days,
        visits,
        claims,
        links,
        grants,
    )


def _answers(
    viewer: User,
    organization: Organization,
    cards: Sequence[CampaignCard],
    claims: Iterable[Claim],
    links: Iterable[GameLink],
    days: Iterable[Day],
    now: datetime,
) -> list[tuple[CampaignCard, tuple[Answer, ...]]]:
    claimed = {(claim.campaign_id, claim.reward_id): claim for claim in claims}
    link = next((link for link in links if link.unlinked_at is None), None)
    account = None if link is None else link.game_account_id
    has_claimed = taken(
        campaigns=[card.campaign.pk for card in cards], game_accounts=[account] if account else []
    )
    is_member = organizations_of(viewer, who_may=Action.TEST).filter(pk=organization.pk).exists()
    lost: defaultdict[str, list[NotCounted]] = defaultdict(list)
    for day in days:
        lost[day.campaign.pk] += day.not_counted

    def answer(card: CampaignCard, threshold: Threshold) -> Answer:
        campaign, reward = card.campaign, threshold.reward
        what = ngettext(
            "%(reward)s (%(campaign)s): you have watched %(minutes)d of %(required)d minute.",
            "%(reward)s (%(campaign)s): you have watched %(minutes)d of %(required)d minutes.",
            threshold.required_minutes,
        ) % {
            "reward": reward,
            "campaign": campaign,
            "minutes": threshold.minutes,
            "required": threshold.required_minutes,
        }
        if claim := claimed.get((campaign.pk, reward.pk)):
            status = claim_status(claim.deliveries.all())
            told = _("You claimed it on %(when)s.") % {"when": _when(claim.created_at)}
            meaning = str(to_viewer(claim, status)["meaning"])
            return Answer(threshold, claim, f"{what} {told} {meaning}", FOR_VIEWERS[status].tone)
        facts = facts_of_card(
            card,
            threshold,
            is_member=is_member,
            game_account_id=account,
            account_has_claimed=(campaign.pk, reward.pk, account) in has_claimed,
        )
        if (refused := refusal_of(facts, now)) is None:
            told = _("You can claim it until %(when)s.") % {"when": _when(campaign.closes_at)}
            return Answer(threshold, None, f"{what} {told}", "good")
        parts = [what, refused.message]
        if not threshold.is_earned and (missed := _missed(lost[campaign.pk])):
            parts.append(missed)
        return Answer(threshold, None, " ".join(parts), "wait" if threshold.is_earned else "info")

    return [(card, tuple(answer(card, threshold) for threshold in card.thresholds)) for card in cards]


def _missed(lost: Iterable[NotCounted]) -> str:
    """A sentence about the whole minutes that did not count, "" without any."""
    parts = [entry for entry in _add_up(lost) if whole_minutes(entry.seconds)]
    if not parts:
        return ""
    told = ", ".join(
        _("%(minutes)d min on %(channel)s (%(reason)s)")
        % {"minutes": whole_minutes(entry.seconds), "channel": entry.channel, "reason": entry.reason}
        for entry in parts
    )
    return _("In the last two weeks this did not count: %(time)s.") % {"time": told}


def _days(visits: Iterable[CampaignVisit]) -> Iterable[Day]:
    def key(entry: CampaignVisit) -> tuple[date, str]:
        return entry.visit.started_at.date(), entry.campaign.pk

    for (day, _campaign), of_day in groupby(sorted(visits, key=key, reverse=True), key=key):
        entries = list(of_day)
        lost = [
            NotCounted(entry.visit.channel.slug, str(entry.reason.label), _length(entry))
            for entry in entries
            if entry.reason
        ]
        yield Day(day, entries[0].campaign, sum(entry.seconds for entry in entries), tuple(_add_up(lost)))


def _length(entry: CampaignVisit) -> int:
    return int((entry.visit.last_beat_at - entry.visit.started_at).total_seconds())


def _add_up(lost: Iterable[NotCounted]) -> list[NotCounted]:
    """One entry for each channel and reason, the longest first."""
    seconds: defaultdict[tuple[str, str], int] = defaultdict(int)
    for entry in lost:
        seconds[entry.channel, entry.reason] += entry.seconds
    longest = sorted(seconds.items(), key=lambda item: -item[1])
    return [NotCounted(channel, reason, total) for (channel, reason), total in longest]


def _when(moment: datetime) -> str:
    return f"{dateformat.format(moment, 'j F Y, H:i')} UTC"
