"""A campaign that ends later than viewers were told: what it was, and what it is now."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from drops.models import Campaign, FormerTerms


class Extension(NamedTuple):
    until: datetime
    before: datetime


def extension_of(campaign: Campaign) -> Extension | None:
    """The end that viewers were told last before the present one, where that one is later.

    What changed before anybody could see the campaign is no extension.
    """
    if campaign.published_at is None:
        return None
    seen_from = max(campaign.published_at, campaign.announces_at)
    last = (
        FormerTerms.objects.filter(~Q(ends_at=campaign.ends_at), campaign=campaign, until__gt=seen_from)
        .order_by("-until", "-pk")
        .first()
    )
    if last is None or last.ends_at > campaign.ends_at:
        return None
    return Extension(campaign.ends_at, last.ends_at)
