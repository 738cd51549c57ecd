"""How many viewers two campaigns of an organization have in common: counted when a viewer begins the second of them.

In whatever order the two began, and whichever of them was credited first, a pair is counted once: with the viewer's
first counted second of the one for which the other has some already. Test mode has none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from drops.domain.watch import store
from drops.models import Campaign

Pair = tuple[str, str]


def pairs_of(began: Mapping[int, Sequence[str]]) -> Counter[Pair]:
    """`began`: by viewer, the campaigns that the batch is the first to count for. To be called before it is written.

    Nothing where nobody began; two queries otherwise.
    """
    total: Counter[Pair] = Counter()
    if not began:
        return total
    campaign_ids = {campaign_id for each in began.values() for campaign_id in each}
    organizations = dict(Campaign.objects.filter(pk__in=campaign_ids).values_list("pk", "organization"))
    known: defaultdict[int, list[str]] = defaultdict(list)
    for viewer_id, campaign_id, organization_id in store.begun_campaigns(began, set(organizations.values())):
        known[viewer_id].append(campaign_id)
        organizations[campaign_id] = organization_id
    # Viewers of one channel begin the same campaigns: what two of them share is worked out once.
    alike = Counter((tuple(new), tuple(known.get(viewer_id, ()))) for viewer_id, new in began.items())
    for (new, before), viewers in alike.items():
        others = list(before)
        for campaign_id in new:
            for other in others:
                if organizations[other] == organizations[campaign_id]:
                    total[min(campaign_id, other), max(campaign_id, other)] += viewers
            others.append(campaign_id)
    return total
