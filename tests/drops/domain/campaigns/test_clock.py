"""Phase changes under everything that happens to clocks, workers and dates."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings, strategies as st

from accounts.models import Notice
from drops.domain import notices
from drops.domain.campaigns.phases import ANOTHER, note_phase_changes, phase_changes
from drops.models import Campaign, PhaseChange
from tests.factories import NOW, CampaignFactory, MembershipFactory

HOUR = timedelta(hours=1)
steps = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 60)),
    st.tuples(st.just("back"), st.integers(1, 30)),
    st.tuples(st.just("kill"), st.integers(0, 3)),
    st.tuples(st.just("beat"), st.integers(1, 3)),
    st.tuples(st.just("end later"), st.integers(1, 72)),
    st.tuples(st.just("close later"), st.integers(1, 72)),
    st.tuples(st.just("start later"), st.integers(1, 72)),
    st.tuples(st.just("end now"), st.just(0)),
    st.tuples(st.just("withdraw"), st.just(0)),
)


class KilledError(Exception):
    pass


def beat(now: datetime, *, killed_at: int | None = None) -> None:
    """A run of the task; with `killed_at`, it dies after so many changes were told, before its transaction ends."""
    tell, told = notices.tell, 0

    def dying(change: PhaseChange, **more: object) -> None:
        nonlocal told
        tell(change, **more)  # type: ignore[arg-type]
        told += 1
        if killed_at is not None and told > killed_at:
            raise KilledError

    with pytest.MonkeyPatch.context() as patch, suppress(KilledError):
        patch.setattr(notices, "tell", dying)
        note_phase_changes(now=now)


def edit(campaign: Campaign, what: str, hours: int, now: datetime) -> None:
    """What the verbs allow: dates of what has not come move anywhere, an end and a close only move later."""
    more = hours * HOUR
    if what == "start later" and now < campaign.starts_at:
        campaign.announces_at += more
        campaign.starts_at += more
    if what in ("end later", "start later") and now < campaign.ends_at:
        campaign.ends_at += more
    if what in ("end later", "close later", "start later") and now < campaign.closes_at:
        campaign.closes_at += more
    if what == "end now" and campaign.starts_at < now < campaign.ends_at:
        campaign.ends_at = now
    if (
        what == "withdraw"
        and campaign.withdrawn_at is None
        and campaign.announces_at <= now < campaign.closes_at
    ):
        campaign.withdrawn_at = now
    with suppress(Exception), transaction.atomic():
        campaign.full_clean()
        campaign.save()
    campaign.refresh_from_db()


def by_kind() -> Iterator[tuple[str, list[datetime]]]:
    found = defaultdict(list)
    for kind, due in PhaseChange.objects.order_by("due_at").values_list("kind", "due_at"):
        found[kind].append(due)
    yield from found.items()


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=25))
def test_nothing_twice_and_nothing_missed(script: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        campaign = CampaignFactory(
            announces_at=NOW,
            starts_at=NOW + 30 * HOUR,
            ends_at=NOW + 100 * HOUR,
            closes_at=NOW + 150 * HOUR,
            published_at=NOW - HOUR,
        )
        MembershipFactory(organization=campaign.organization)
        now = NOW
        for what, number in script:
            if what == "pass":
                now += number * HOUR
            elif what == "back":
                now -= number * HOUR
            elif what == "kill":
                beat(now, killed_at=number)
            elif what == "beat":
                for _again in range(number):
                    beat(now)
                # Nothing that has come is missing.
                known = dict(by_kind())
                for kind, due in phase_changes(campaign):
                    if due <= now:
                        assert kind in known
                        assert known[kind][-1] > due - ANOTHER
            else:
                edit(campaign, what, number, now)
        # Nothing came twice: a second one of a kind is about dates that moved by a day or more.
        for _kind, moments in by_kind():
            assert all(later - earlier >= ANOTHER for earlier, later in itertools.pairwise(moments))
        # Nobody heard of more than what was noted, and nobody twice.
        keys = list(Notice.objects.values_list("user", "once_key"))
        assert len(keys) == len(set(keys))
        assert len(keys) <= PhaseChange.objects.count()
        # A run with the same clock has nothing to add.
        beat(now)
        count = PhaseChange.objects.count()
        beat(now)
        assert PhaseChange.objects.count() == count
        transaction.set_rollback(True)
