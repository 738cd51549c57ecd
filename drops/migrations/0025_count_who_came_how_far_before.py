"""Figures of what was there before: who has watched for how long, and who had linked.

Each campaign is a few statements, however many viewers it has. How many seconds viewers had when they linked is not
known of those who linked on the way: they count as if they had linked after all rewards that they have by now.
"""

from collections import Counter
from itertools import accumulate

from django.db import migrations
from django.db.models import Count, Exists, F, OuterRef, Q

MARK, MOST_MARKS = 300, 1_200


def count_all(apps, schema_editor):
    names = ("Campaign", "Progress", "CampaignReward", "RewardHour", "ConnectHour", "WatchMark")
    models = {name: apps.get_model("drops", name) for name in names}
    GameLink = apps.get_model("accounts", "GameLink")
    for campaign in models["Campaign"].objects.filter(progress__isnull=False).distinct().order_by("pk"):
        progress = models["Progress"].objects.filter(campaign=campaign)
        _note_links(progress, GameLink, campaign)
        _count_links(progress, models, campaign)
        _count_marks(progress, models["WatchMark"], campaign)


def _note_links(progress, GameLink, campaign):
    links = GameLink.objects.filter(
        viewer=OuterRef("viewer"), organization=campaign.organization_id, linked_at__lt=campaign.closes_at
    )
    stood = links.filter(
        Q(unlinked_at__isnull=True) | Q(unlinked_at__gt=OuterRef("created_at")),
        linked_at__lte=OuterRef("created_at"),
    )
    later = links.filter(linked_at__gt=OuterRef("created_at"))
    progress.filter(Exists(links)).update(saw_connect_page=True)
    progress.filter(Exists(stood)).update(seconds_when_linked=0)
    progress.filter(Exists(later), seconds_when_linked__isnull=True).update(
        seconds_when_linked=F("seconds") - F("test_seconds")
    )


def _count_links(progress, models, campaign):
    hour = campaign.starts_at.replace(minute=0, second=0, microsecond=0)
    counted = progress.annotate(public=F("seconds") - F("test_seconds"))
    for entry in models["CampaignReward"].objects.filter(campaign=campaign):
        required = entry.required_minutes * 60
        found = counted.filter(public__gte=required).aggregate(
            saw=Count("pk", filter=Q(saw_connect_page=True)),
            before=Count("pk", filter=Q(seconds_when_linked__lt=required)),
            after=Count("pk", filter=Q(seconds_when_linked__gte=required)),
        )
        key = {"campaign": campaign, "reward_id": entry.reward_id, "hour": hour}
        if found["saw"]:
            models["RewardHour"].objects.create(
                **key, saw_connect_page=found["saw"], linked=found["before"]
            )
        if found["after"]:
            models["ConnectHour"].objects.create(**key, linked=found["after"])


def _count_marks(progress, WatchMark, campaign):
    marks = Counter()
    rows = progress.annotate(number=(F("seconds") - F("test_seconds")) / MARK).order_by()
    for number, viewers in rows.values_list("number").annotate(Count("pk")):
        marks[min(number, MOST_MARKS)] += viewers
    numbers = range(max(marks, default=0), 0, -1)
    reached = accumulate(marks[number] for number in numbers)
    WatchMark.objects.bulk_create(
        WatchMark(campaign=campaign, minutes=number * MARK // 60, partition=0, viewers=viewers)
        for number, viewers in zip(numbers, reached, strict=True)
    )


def forget_them(apps, schema_editor):
    """A row that counts who had linked, and nobody who qualified, is this migration's."""
    apps.get_model("drops", "RewardHour").objects.filter(channel=None, qualified=0).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0026_note_who_comes_to_connect"),
        ("drops", "0024_count_who_comes_how_far"),
    ]

    operations = [migrations.RunPython(count_all, forget_them)]
