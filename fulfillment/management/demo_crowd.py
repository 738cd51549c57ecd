"""The demo's crowd: a few hundred viewers over two weeks, who leave at every step of the way.

Watch time, links, claims, outcomes and statuses go through the verbs that everybody's do, so that all figures agree
with their rows. Only accounts are written at once, without a password: nobody signs in as one of them. What was sent
to the studio's server in the past is written down and not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.domain import links
from accounts.models import OAuthApp, User, new_ulid
from drops.domain.catalogue import channels, livestreams
from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.models import Campaign, Category, Channel, Livestream, Progress
from drops.models.fields import to_ms
from fulfillment.domain.claims import claiming, statuses
from fulfillment.domain.delivery import attempts
from fulfillment.domain.delivery.attempts import Outcome
from fulfillment.domain.delivery.queue import Lease
from fulfillment.models import Attempt, Claim, Delivery, ErrorClass, Trigger, WebhookEndpoint

VIEWERS = 240
NAMES = ("alma", "bo", "cyrus", "dilan", "edda", "femi", "gus", "hana", "ivo", "jun", "kofi", "lou")
STREAMERS = ("lina", "orion", "pia")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EVENING = 3 * HOUR
# When the evenings began, before now.
OF_LAST_CAMPAIGN = tuple(timedelta(days=days, hours=5) for days in (14, 12, 9, 6, 3))
OF_THIS_CAMPAIGN = tuple(timedelta(hours=hours) for hours in (46, 22))
# Players beat once a minute; these less often, and earn the same.
BETWEEN_BEATS = 150
# How far a studio's own words for a claim go, and the share of claims that go on to each.
WORDS = (("granted", 0.9), ("opened", 0.7), ("played", 0.6))
# What was claimed since then arrived at the first attempt, and has the studio's first status still to come.
LATELY = 4 * HOUR
# So many claims still wait for the workers, who send them: more would push the sign-ins off the screen.
STILL_WAITING = 5


class Session(NamedTuple):
    viewer: User
    channel: Channel
    start: datetime
    minutes: int


class Wish(NamedTuple):
    """A claim that somebody will make."""

    at: datetime
    viewer: User
    campaign: Campaign
    reward_id: str


def draw_a_crowd(
    *,
    last: Campaign,
    season: Campaign,
    mira: Channel,
    app: OAuthApp,
    elsewhere: Category,
    now: datetime,
) -> list[Wish]:
    """Let the crowd watch `last`, the campaign before, and `season`, which runs; returns what they will claim."""
    chance = Random(7)  # noqa: S311 - the same crowd at every first start
    viewers = _viewers()
    with transaction.atomic():
        stages = [mira, *_channels(now)]
        evenings = [*OF_LAST_CAMPAIGN, *OF_THIS_CAMPAIGN]
        for before in evenings:
            _stream(stages, season.category, elsewhere, now - before, now)
    sessions = list(_sessions(viewers, stages, chance, now))
    for start in sorted({session.start.date() for session in sessions}):
        beats = [
            beat for session in sessions if session.start.date() == start for beat in _beats(session, chance)
        ]
        credit(sorted(beats, key=lambda beat: beat.at), now=now)
    return _link_and_wish(viewers, sessions, (last, season), app, chance, now)


def _viewers() -> list[User]:
    names = [f"{NAMES[number % len(NAMES)]}_{number + 1}" for number in range(VIEWERS)]
    return User.objects.bulk_create(
        User(username=name, email=f"{name}@example.com", password=make_password(None)) for name in names
    )


def _channels(now: datetime) -> list[Channel]:
    found = []
    for name in STREAMERS:
        owner, _new = User.objects.get_or_create(
            username=name, defaults={"email": f"{name}@example.com", "password": make_password(None)}
        )
        about = f"{name.title()} drives on weekends."
        found.append(channels.create_channel(owner=owner, slug=name, description=about, now=now - 15 * DAY))
    return found


def _stream(
    stages: Sequence[Channel], game: Category | None, elsewhere: Category, start: datetime, now: datetime
) -> None:
    """An evening on each channel. The second takes no part that evening, the last plays something else at first."""
    mira, lina, orion, pia = stages
    for channel in (mira, lina, orion):
        _evening(channel, game, start)
    stream = livestreams.go_live(channel=pia, category=elsewhere, title="Talk first", now=start, actor=None)
    livestreams.change_livestream(
        livestream=stream, category=game, title="Now we drive", now=start + HOUR, actor=None
    )
    livestreams.end_livestream(livestream=stream, now=start + EVENING, actor=None)
    livestreams.set_opt_out(channel=orion, opted_out=True, now=start + 2 * HOUR, actor=orion.owner)
    livestreams.set_opt_out(channel=orion, opted_out=False, now=start + EVENING, actor=orion.owner)


def _evening(channel: Channel, game: Category | None, start: datetime) -> None:
    """Also of a channel that is live now: its stream of today began later."""
    Livestream.objects.create(
        channel=channel, category=game, title="An evening drive", started_at=start, ended_at=start + EVENING
    )


def _sessions(
    viewers: Sequence[User], stages: Sequence[Channel], chance: Random, now: datetime
) -> Iterable[Session]:
    for viewer in viewers:
        knew_the_last = chance.random() < 0.45
        evenings: list[timedelta] = []
        if knew_the_last:
            evenings += chance.sample(OF_LAST_CAMPAIGN, chance.choice([1, 1, 2, 3]))
        if not knew_the_last or chance.random() < 0.6:
            evenings += chance.sample(OF_THIS_CAMPAIGN, chance.choice([1, 1, 2]))
        for before in evenings:
            minutes = min(int(chance.expovariate(1 / 50)) + 1, 170)
            start = now - before + chance.randrange(5, 60) * MINUTE
            channel = chance.choices(stages, weights=(5, 3, 1, 2))[0]
            yield Session(viewer, channel, start, minutes)
            if chance.random() < 0.08:  # in a second tab, which counts for nothing
                other = chance.choice([stage for stage in stages if stage != channel])
                yield Session(viewer, other, start + 2 * MINUTE, minutes // 2 + 1)
        if chance.random() < 0.2:
            minutes = chance.randrange(3, 150)
            yield Session(
                viewer, stages[0], now - minutes * MINUTE - chance.randrange(60) * MINUTE / 60, minutes
            )


def _beats(session: Session, chance: Random) -> Iterable[Beat]:
    start, seconds = to_ms(session.start), session.minutes * 60
    network = chance.randrange(1, 60)

    def beat(second: int, kind: BeatKind) -> Beat:
        return Beat(session.viewer.pk, session.channel.pk, start + second * 1000, kind, network=network)

    yield beat(0, BeatKind.START)
    for second in range(BETWEEN_BEATS, seconds, BETWEEN_BEATS):
        yield beat(second, BeatKind.WATCH)
    yield beat(seconds, BeatKind.GOODBYE)


def _link_and_wish(
    viewers: Sequence[User],
    sessions: Iterable[Session],
    campaigns: Sequence[Campaign],
    app: OAuthApp,
    chance: Random,
    now: datetime,
) -> list[Wish]:
    """Seven of ten connect a game account: before they watch, or when they see what they have earned. Most of them
    then claim, some not everything."""
    over: dict[tuple[int, str], datetime] = {}
    first: dict[int, datetime] = {}
    last, season = campaigns
    for session in sessions:
        campaign = last if session.start < last.ends_at else season
        key, end = (session.viewer.pk, campaign.pk), session.start + session.minutes * MINUTE
        over[key] = max(over.get(key, end), end)
        first[session.viewer.pk] = min(first.get(session.viewer.pk, session.start), session.start)
    seconds = {
        (viewer, campaign): counted
        for viewer, campaign, counted in Progress.objects.filter(
            campaign__in=campaigns, viewer__in=viewers
        ).values_list("viewer", "campaign", "seconds")
    }
    attached = {
        campaign: list(campaign.campaign_rewards.order_by("required_minutes")) for campaign in campaigns
    }
    wishes, linked = [], []
    for viewer in viewers:
        if viewer.pk not in first or chance.random() > 0.7:
            continue
        at_first = chance.random() < 0.5
        after = min(end for (pk, _campaign), end in over.items() if pk == viewer.pk) + MINUTE
        linked.append((first[viewer.pk] - MINUTE if at_first else min(after, now), viewer))
        for campaign, entries in attached.items():
            for entry in entries:
                counted = seconds.get((viewer.pk, campaign.pk), 0)
                if counted >= entry.required_minutes * 60 and chance.random() < 0.8:
                    at = over[viewer.pk, campaign.pk] + chance.randrange(2, 30) * MINUTE
                    wishes.append(Wish(min(at, now), viewer, campaign, entry.reward_id))
    with transaction.atomic():
        for at, viewer in sorted(linked, key=lambda each: each[0]):
            links.link(viewer=viewer, app=app, now=at)
    return wishes


def claim_all(wishes: Iterable[Wish]) -> None:
    """In the order of time. Not to be called in a transaction."""
    for wish in sorted(wishes, key=lambda wish: wish.at):
        claiming.claim_reward(
            viewer=wish.viewer,
            campaign_id=wish.campaign.pk,
            reward_id=wish.reward_id,
            now=wish.at,
            attempt=False,
        )


def write_what_became_of_claims(*, endpoint: WebhookEndpoint, app: OAuthApp, now: datetime) -> None:
    """All but the last claims have arrived, some after retries, and most of those of before were acknowledged."""
    chance = Random(8)  # noqa: S311 - as above
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(created_at=now - OF_LAST_CAMPAIGN[0] - DAY)
    waiting = Delivery.objects.filter(endpoint=endpoint, claim__isnull=False).order_by("pk")
    outcomes, failed = [], []
    for delivery in list(waiting)[:-STILL_WAITING]:
        at, tries = delivery.created_at, chance.choices((1, 2, 3), weights=(93, 5, 2))[0]
        if at >= now - LATELY:
            tries = 1
        for number in range(1, tries):
            failed.append(_attempt(delivery, endpoint, number, at, chance, answered=False))
            at += chance.choice([5, 30, 300, 3600]) * timedelta(seconds=1)
        delivery.attempt_count = tries
        delivery.lease_token, delivery.leased_at = new_ulid(), at
        lease = Lease(delivery, endpoint, delivery.lease_token)
        outcomes.append(Outcome(lease, _attempt(delivery, endpoint, tries, at, chance, answered=True)))
    deliveries = [lease.delivery for lease, _attempt_made in outcomes]
    with transaction.atomic():
        Delivery.objects.bulk_update(
            deliveries, ["attempt_count", "lease_token", "leased_at"], batch_size=200
        )
        Attempt.objects.bulk_create(failed)
        attempts.write_outcomes(outcomes)
    of_before = [delivery.claim_id for delivery in deliveries if delivery.created_at < now - LATELY]
    _patch_statuses(of_before, app, chance, now)


def _attempt(
    delivery: Delivery,
    endpoint: WebhookEndpoint,
    number: int,
    at: datetime,
    chance: Random,
    *,
    answered: bool,
) -> Attempt:
    return Attempt(
        delivery=delivery,
        endpoint=endpoint,
        url=endpoint.address,
        number=number,
        trigger=Trigger.CLAIM if number == 1 else Trigger.RETRY,
        started_at=at,
        duration_ms=int(20 + chance.expovariate(1 / 60)),
        status=200 if answered else 503,
        error_class="" if answered else ErrorClass.STATUS,
    )


def _patch_statuses(claim_ids: Iterable[str | None], app: OAuthApp, chance: Random, now: datetime) -> None:
    """A hundred at a time, as a server does that goes through its claims every so often."""
    claims = list(Claim.objects.filter(pk__in=[each for each in claim_ids if each]).order_by("pk"))
    wait = 20 * MINUTE
    for word, share in WORDS:
        claims = [claim for claim in claims if chance.random() < share]
        for start in range(0, len(claims), 100):
            part = claims[start : start + 100]
            at = min(max(claim.created_at for claim in part) + wait, now)
            statuses.set_statuses(app=app, statuses={claim.pk: word for claim in part}, now=at)
        wait *= 30
