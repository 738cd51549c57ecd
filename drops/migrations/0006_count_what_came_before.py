"""Figures of what was there before: the test mode that still lasts, and thresholds that were lowered."""

from django.db import migrations
from django.db.models import F, Sum


def mark_test_mode(apps, schema_editor):
    """All that a campaign in test mode has was watched in test mode."""
    for name in ("CountedCampaign", "WatchHour", "RewardHour"):
        apps.get_model("drops", name).objects.filter(campaign__test_mode=True).update(test=True)
    progress = apps.get_model("drops", "Progress").objects.filter(campaign__test_mode=True)
    progress.update(test_seconds=F("seconds"))


def count_who_reached_a_lower_threshold(apps, schema_editor):
    Progress, RewardHour = (apps.get_model("drops", name) for name in ("Progress", "RewardHour"))
    attached = apps.get_model("drops", "CampaignReward").objects.filter(campaign__published_at__isnull=False)
    for entry in attached.select_related("campaign").order_by("pk").iterator():
        campaign = entry.campaign
        reached = Progress.objects.filter(
            campaign=campaign, seconds__gte=entry.required_minutes * 60
        ).count()
        counted = RewardHour.objects.filter(campaign=campaign, reward=entry.reward_id)
        missing = reached - (counted.aggregate(total=Sum("qualified"))["total"] or 0)
        if missing > 0:
            RewardHour.objects.create(
                campaign=campaign,
                reward_id=entry.reward_id,
                hour=campaign.updated_at.replace(minute=0, second=0, microsecond=0),
                test=campaign.test_mode,
                qualified=missing,
            )


def forget_them(apps, schema_editor):
    """An hour of no channel was not possible before."""
    apps.get_model("drops", "RewardHour").objects.filter(channel=None).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("drops", "0005_keep_test_mode_apart"),
    ]

    operations = [
        migrations.RunPython(mark_test_mode, migrations.RunPython.noop),
        migrations.RunPython(count_who_reached_a_lower_threshold, forget_them),
    ]
