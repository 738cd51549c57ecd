"""What a campaign brought on its first day."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Sum

from config.rounding import whole_minutes
from drops.models import Campaign, RewardHour, WatchHour
from fulfillment.models import ClaimHour


def first_day(*, campaign: Campaign, until: datetime) -> dict[str, int]:
    """`viewers`, `minutes` of watch time, rewards `reached`, and `claims`, in the hours that began before `until`.

    Test mode is left out. Three queries.
    """
    watched = WatchHour.objects.filter(campaign=campaign, test=False, hour__lt=until).aggregate(
        Sum("new_viewers", default=0), Sum("seconds", default=0)
    )
    reached = RewardHour.objects.filter(campaign=campaign, test=False, hour__lt=until)
    claims = ClaimHour.objects.filter(campaign=campaign, test=False, hour__lt=until)
    return {
        "viewers": watched["new_viewers__sum"],
        "minutes": whole_minutes(watched["seconds__sum"]),
        "reached": reached.aggregate(total=Sum("qualified", default=0))["total"],
        "claims": claims.aggregate(total=Sum("claims", default=0))["total"],
    }
