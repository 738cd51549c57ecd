"""How it stands for many viewers, or on many channels, at once: what their open sockets are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from drops.domain.watch import store, timeline
from drops.domain.watch.beats import MAX_BEAT
from drops.domain.watch.hourly import campaigns_of
from drops.domain.watch.status import advice
from drops.models import CampaignReward, Channel, Livestream, Reason
from drops.models.fields import to_ms


class Threshold(NamedTuple):
    reward_id: str
    name: str
    required_minutes: int


class Earning(NamedTuple):
    """A campaign that a viewer is earning for now. `thresholds`: its rewards, the first to reach first."""

    campaign_id: str
    organization_id: str
    name: str
    seconds: int
    thresholds: Sequence[Threshold]


class Watching(NamedTuple):
    """The channels that a viewer watches now, each with why it does not count (None: it does) in a word and as a
    text, and the campaigns that the one that counts earns for."""

    reasons: dict[int, Reason | None]
    texts: dict[int, str]
    earning: list[Earning]


def watching(*, viewer_ids: Collection[int], now: datetime) -> dict[int, Watching]:
    """By viewer, of those whose account is open. A constant number of queries."""
    known, every_row = store.open_intervals(set(viewer_ids))
    rows = [row for row in every_row if row.last > to_ms(now) - MAX_BEAT]
    counted = campaigns_of({row.standing_id for row in rows if not row.reason})
    campaign_ids = sorted({each.campaign_id for campaigns in counted.values() for each in campaigns})
    campaigns = _campaigns(campaign_ids)
    seconds = {
        (viewer_id, campaign_ids[index]): earned
        for _, viewer_id, index, earned, *_ in (
            store.progress({row.viewer_id for row in rows}, campaign_ids) if campaign_ids else ()
        )
    }
    slugs = dict(Channel.objects.filter(pk__in={row.channel_id for row in rows}).values_list("pk", "slug"))
    holders = {row.viewer_id: row.channel_id for row in rows if not row.reason}
    found = {viewer_id: Watching({}, {}, []) for viewer_id in known}
    for row in rows:
        reasons, texts, earning = found[row.viewer_id]
        reason = Reason(row.reason) if row.reason else None
        reasons[row.channel_id] = reason
        texts[row.channel_id] = advice(
            reason,
            channel=slugs.get(row.channel_id, ""),
            other=slugs.get(holders.get(row.viewer_id, 0), ""),
        )
        if reason is None:
            earning.extend(
                campaigns[each.campaign_id]._replace(
                    seconds=seconds.get((row.viewer_id, each.campaign_id), 0)
                )
                for each in counted.get(row.standing_id, ())
                if each.campaign_id in campaigns
            )
    return found


def _campaigns(campaign_ids: Collection[str]) -> dict[str, Earning]:
    thresholds: defaultdict[str, list[Threshold]] = defaultdict(list)
    heads: dict[str, Earning] = {}
    for campaign_id, organization_id, name, reward_id, reward, minutes in (
        CampaignReward.objects.filter(campaign__in=campaign_ids)
        .order_by("required_minutes", "pk")
        .values_list(
            "campaign",
            "campaign__organization",
            "campaign__name",
            "reward",
            "reward__name",
            "required_minutes",
        )
    ):
        thresholds[campaign_id].append(Threshold(reward_id, reward, minutes))
        heads[campaign_id] = Earning(campaign_id, organization_id, name, 0, thresholds[campaign_id])
    return heads


class OnChannel(NamedTuple):
    """What is on air on a channel and whether it counts, for viewers who are no member of a studio.

    `pulse`: another word as soon as any of it, or what it counts for, is another.
    """

    pulse: str
    livestream_id: int | None
    title: str
    category_id: int | None
    category: str
    reason: Reason | None
    text: str


def on_channels(*, channel_ids: Collection[int], now: datetime) -> dict[int, OnChannel]:
    """By channel, of those that exist. A constant number of queries."""
    slugs = dict(Channel.objects.filter(pk__in=channel_ids).values_list("pk", "slug"))
    return on_named_channels(slugs=slugs, now=now)


def on_named_channels(*, slugs: Mapping[int, str], now: datetime) -> dict[int, OnChannel]:
    """The same for channels whose slugs are known, by id."""
    moment = to_ms(now)
    laid_out = timeline.load(channel_ids=slugs, viewer_ids=[], start=moment, end=moment + 1, write=False)
    on_air = {
        channel_id: (title, category or "")
        for channel_id, title, category in Livestream.objects.filter(
            channel__in=slugs, ended_at__isnull=True
        ).values_list("channel", "title", "category__name")
    }
    found = {}
    for channel_id, slug in slugs.items():
        *_span, piece = next(laid_out.walk(channel_id, moment, moment))
        verdict = piece.verdicts[frozenset()]
        facts = piece.facts
        title, category = on_air.get(channel_id, ("", "")) if facts.livestream_id else ("", "")
        reason = Reason(verdict.reason) if verdict.reason else None
        standing = (tuple(facts), verdict.campaigns, verdict.reason, title)
        found[channel_id] = OnChannel(
            blake2b(repr(standing).encode(), digest_size=8).hexdigest(),
            facts.livestream_id,
            title,
            facts.category_id,
            category,
            reason,
            advice(reason, channel=slug, other=""),
        )
    return found
