"""The promise log: what viewers were promised by a campaign, and when that changed.

The log of a campaign begins when it is announced to everybody; for one that was announced before there were logs, with
what was true then. Each verb that changes what viewers see adds an entry in its own transaction. An entry is the whole
promise, the moment, and the hash of the entry before it. What nobody was promised is in none: drafts, campaigns before
their announcement, those in test mode.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from accounts.models import OrganizationState
from config.locks import lock
from drops.models import Campaign, Promise, Reward

BEGAN, CHANGED, ENDED, WITHDRAWN = "began", "changed", "ended", "withdrawn"
# Longer allow-lists are told by their number and hash alone.
MOST_NAMES = 20
# At one time.
MOST = 200
# What an entry's promise says of the campaign itself.
VALUES = ("name", "category", "announces_at", "starts_at", "ends_at", "closes_at", "withdrawn_at")


def canonical(value: object) -> str:
    """JSON with one spelling: keys in order, no space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def promise_of(campaign: Campaign) -> dict[str, Any]:
    """What viewers are promised now. `image_sha256`: of the file at the reward's `image_url`, "" without one."""
    rewards = campaign.campaign_rewards.select_related("reward").order_by("position")
    channels = sorted(campaign.allowed_channels.values_list("channel_id", "channel__slug"))
    ids = "\n".join(str(pk) for pk, _slug in channels)
    return {
        "name": campaign.name,
        "category": campaign.category.name if campaign.category else None,
        **{name: _moment(getattr(campaign, name)) for name in VALUES if name.endswith("_at")},
        "rewards": [
            {
                "id": attached.reward_id,
                "name": attached.reward.name,
                "required_minutes": attached.required_minutes,
                "image_sha256": attached.reward.image_hash if attached.reward.image else "",
            }
            for attached in rewards
        ],
        "channels": {
            "count": len(channels),
            "sha256": hashlib.sha256(ids.encode()).hexdigest() if channels else "",
            "names": sorted(slug for _pk, slug in channels) if len(channels) <= MOST_NAMES else [],
        },
    }


def begin(campaign: Campaign, *, now: datetime) -> None:
    """Call it before a change: a log that has not begun yet begins with what is true until then."""
    if _is_public(campaign, now) and not campaign.promises.exists():
        _append(lock(campaign), BEGAN, now)


def note(campaign: Campaign, event: str, *, now: datetime) -> None:
    """Call it after a change, in its transaction: what is promised from `now` on, if it is another promise."""
    if campaign.published_at is not None and not campaign.test_mode:
        _append(lock(campaign), event, now)


def with_reward(reward: Reward, *, now: datetime) -> list[Campaign]:
    """The campaigns whose promise names `reward`, in the order in which they are locked."""
    campaigns = Campaign.objects.filter(
        campaign_rewards__reward=reward, published_at__isnull=False, test_mode=False, closes_at__gt=now
    )
    return list(campaigns.select_related("category").order_by("pk"))


def begin_logs(*, now: datetime) -> int:
    """Begin the logs of the campaigns that were announced and have none, `MOST` at a time. Returns how many."""
    begun = 0
    without = Campaign.objects.filter(
        ~Exists(Promise.objects.filter(campaign=OuterRef("pk"))),
        Q(withdrawn_at=None) | Q(withdrawn_at__gte=F("announces_at")),
        published_at__isnull=False,
        test_mode=False,
        announces_at__lte=now,
    )
    for campaign in without.order_by("pk")[:MOST]:
        with transaction.atomic():
            begin(lock(campaign), now=now)
        begun += 1
    return begun


def public_campaigns() -> Any:
    """The campaigns whose log is open to everybody, with their organization."""
    return Campaign.objects.filter(
        Exists(Promise.objects.filter(campaign=OuterRef("pk"))),
        OrganizationState.ACTIVE.of("organization__"),
        test_mode=False,
    ).select_related("organization")


def has_public_log() -> Exists:
    """Of a campaign that is read: whether its log is open to everybody."""
    return Exists(public_campaigns().filter(pk=OuterRef("pk")))


def _is_public(campaign: Campaign, now: datetime) -> bool:
    """Whether everybody was told of it."""
    return (
        campaign.published_at is not None
        and not campaign.test_mode
        and campaign.announces_at <= now
        and (campaign.withdrawn_at is None or campaign.withdrawn_at >= campaign.announces_at)
    )


def _append(campaign: Campaign, event: str, now: datetime) -> None:
    """The campaign is locked: its entries have one order."""
    last = campaign.promises.order_by("-number").first()
    if last is None:
        if not _is_public(campaign, now):
            return
        event = BEGAN
    promise = promise_of(campaign)
    if last is not None and json.loads(last.text)["promise"] == promise:
        return
    number = last.number + 1 if last else 1
    entry = {
        "campaign_id": campaign.pk,
        "number": number,
        "at": _moment(now),
        "event": event,
        "previous": last.hash if last else "",
        "promise": promise,
    }
    text = canonical(entry)
    digest = hashlib.sha256(text.encode()).hexdigest()
    Promise.objects.create(campaign=campaign, number=number, at=now, text=text, hash=digest)


def _moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


class Difference(NamedTuple):
    """`what` is a key of the promise; `about` the name of a reward or channel; None stands for nothing."""

    what: str
    about: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """What one promise says otherwise than the one before."""
    for name in VALUES:
        if before[name] != after[name]:
            yield Difference(name, "", before[name], after[name])
    old, new = ({each["id"]: each for each in promise["rewards"]} for promise in (before, after))
    for key in [*old, *(key for key in new if key not in old)]:
        was, now = old.get(key), new.get(key)
        name = (now or was or {})["name"]
        if was is None or now is None:
            yield Difference("reward", name, was and was["required_minutes"], now and now["required_minutes"])
            continue
        for field in ("name", "required_minutes", "image_sha256"):
            if was[field] != now[field]:
                yield Difference(f"reward_{field}", name, was[field], now[field])
    orders = [[each["id"] for each in promise["rewards"]] for promise in (before, after)]
    if old.keys() == new.keys() and orders[0] != orders[1]:
        names = [[each["name"] for each in promise["rewards"]] for promise in (before, after)]
        yield Difference("reward_order", "", *(", ".join(each) for each in names))
    if before["channels"] != after["channels"]:
        yield Difference("channels", "", before["channels"], after["channels"])


def entries_of(promises: Iterable[Promise]) -> Sequence[dict[str, Any]]:
    """The entries as they are published, each with its hash."""
    return [json.loads(promise.text) | {"hash": promise.hash} for promise in promises]
