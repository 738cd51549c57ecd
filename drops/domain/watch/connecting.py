"""Who had connected the game account when they reached a reward, and who did so afterwards.

A viewer's counter says whether the viewer saw the studio's consent page, and how many seconds it had when the studio's
link was first seen (`Progress.saw_connect_page`, `.seconds_when_linked`). Crediting reads both with the counter, and
writes them where it begins one. What happens between two beats comes here. So for a threshold T, in seconds, of those
with T or more outside test mode,

* had linked before they reached it: `seconds_when_linked` < T,
* linked afterwards: `seconds_when_linked` >= T,
* saw the consent page: `saw_connect_page`.

Once is enough: who disconnects stays counted, as what was claimed stays claimed. After claims have closed nothing is
noted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F, Q

from drops.domain.watch import store, tallies
from drops.models import CampaignReward, Progress
from drops.models.fields import to_ms


def note_connection(
    *, viewer_id: int, organization_id: str, linked: bool, now: datetime, **extra: Any
) -> None:
    """Receives `connecting`. Nobody credits the viewer until the transaction ends."""
    store.lock_partitions({viewer_id % settings.WATCH_PARTITIONS})
    mine = Progress.objects.filter(
        viewer=viewer_id, campaign__organization=organization_id, campaign__closes_at__gt=now
    )
    missing = Q(saw_connect_page=False) | (Q(seconds_when_linked=None) if linked else Q())
    rows = list(mine.filter(missing))
    if not rows:
        return
    thresholds = CampaignReward.objects.filter(campaign__in=[row.campaign_id for row in rows])
    rewards: dict[str, list[tuple[int, str]]] = {}
    for entry in thresholds:
        rewards.setdefault(entry.campaign_id, []).append((entry.required_seconds, entry.reward_id))
    hour = to_ms(now.replace(minute=0, second=0, microsecond=0))
    counted = []
    for row in rows:
        saw = not row.saw_connect_page
        links = linked and row.seconds_when_linked is None
        for required, reward_id in rewards.get(row.campaign_id, ()):
            if row.seconds - row.test_seconds >= required:
                counted.append((row.campaign_id, reward_id, hour, int(saw), int(links)))
    pks = [row.pk for row in rows]
    Progress.objects.filter(pk__in=pks).update(saw_connect_page=True)
    if linked:
        first = Progress.objects.filter(pk__in=pks, seconds_when_linked=None)
        first.update(seconds_when_linked=F("seconds") - F("test_seconds"))
    tallies.add_connect_hours(counted)
