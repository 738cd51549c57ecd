"""Two at once, with real threads on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import OAuthApp, User
from drops.models import Campaign, CampaignReward, Grant
from fulfillment.domain.rehearsals.running import go_on
from fulfillment.domain.rehearsals.starting import start_rehearsal
from fulfillment.models import Claim, Rehearsal, WebhookEndpoint
from tests.fulfillment.delivering import deliver_due
from tests.fulfillment.receiver import Receiver

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
THREADS = 8


def at_once(act: Callable[[], Any]) -> list[Any]:
    """What `act` returned, or the ValidationError that it raised, in threads that begin at the same moment."""
    barrier = Barrier(THREADS)

    def run(_: int) -> Any:
        try:
            barrier.wait()
            return act()
        except ValidationError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


@pytest.mark.parametrize("by", ["person", "app"])
def test_of_two_runs_of_one_member_one_is_started(
    campaign: Campaign, attached: CampaignReward, owner: User, studio_app: OAuthApp, by: str, now: datetime
) -> None:
    actor: Any = owner if by == "person" else studio_app
    made = at_once(lambda: start_rehearsal(campaign=campaign, viewer=owner, actor=actor, now=now))
    assert sum(isinstance(each, Rehearsal) for each in made) == Rehearsal.objects.count() == 1


def test_two_who_go_on_take_no_step_twice(
    campaign: Campaign,
    attached: CampaignReward,
    owner: User,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    now: datetime,
) -> None:
    rehearsal = start_rehearsal(campaign=campaign, viewer=owner, actor=owner, now=now, stand_in=True)
    at_once(lambda: go_on(rehearsal_id=rehearsal.pk, clock=lambda: now))
    deliver_due(now=now)  # more threads than may wait for one studio: then a worker makes the attempt
    go_on(rehearsal_id=rehearsal.pk, clock=lambda: now)
    rehearsal.refresh_from_db()
    assert (rehearsal.state, rehearsal.steps.count()) == ("passed", 4)
    assert (Grant.objects.count(), Claim.objects.count(), len(receiver.received)) == (1, 1, 1)
