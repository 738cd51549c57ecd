"""What became of the claims of before, by the hour. Each organization, and each campaign, is a few statements."""

from datetime import UTC

from django.db import migrations
from django.db.models import Count, Exists, Min, OuterRef, Q, Subquery
from django.db.models.functions import TruncHour

BATCH = 1_000


def follow_all(apps, schema_editor):
    Organization = apps.get_model("accounts", "Organization")
    Claim, ClaimHour, ClaimStatusChange, Delivery, DeliveredHour, StatusHour = (
        apps.get_model("fulfillment", name)
        for name in (
            "Claim",
            "ClaimHour",
            "ClaimStatusChange",
            "Delivery",
            "DeliveredHour",
            "StatusHour",
        )
    )
    arrivals = Delivery.objects.filter(claim=OuterRef("pk"), delivered_at__isnull=False).order_by()
    first = Subquery(arrivals.values("claim").annotate(at=Min("delivered_at")).values("at"))
    for organization in Organization.objects.order_by("pk"):
        followed = Claim.objects.filter(organization=organization, test=False).order_by()
        followed.filter(Exists(arrivals)).update(delivered_at=first)
        hours = followed.filter(delivered_at__isnull=False).values_list(
            "campaign", "reward", TruncHour("delivered_at", tzinfo=UTC)
        )
        DeliveredHour.objects.bulk_create(
            (
                DeliveredHour(campaign_id=campaign, reward_id=reward, hour=hour, claims=claims)
                for campaign, reward, hour, claims in hours.annotate(Count("pk")).iterator()
            ),
            batch_size=BATCH,
        )
        own = Claim.objects.filter(organization=organization, rehearsal=None).order_by()
        earlier = Claim.objects.filter(
            viewer=OuterRef("viewer"),
            campaign=OuterRef("campaign"),
            test=OuterRef("test"),
            rehearsal=None,
            pk__lt=OuterRef("pk"),
        )
        new = own.filter(~Exists(earlier)).values_list(
            "campaign", "reward", TruncHour("created_at", tzinfo=UTC), "test"
        )
        for campaign, reward, hour, test, viewers in new.annotate(Count("pk")).iterator():
            ClaimHour.objects.filter(campaign=campaign, reward=reward, hour=hour, test=test).update(
                new_viewers=viewers
            )
        before = ClaimStatusChange.objects.filter(
            claim=OuterRef("claim"), new=OuterRef("new"), pk__lt=OuterRef("pk")
        )
        changes = ClaimStatusChange.objects.filter(claim__organization=organization, claim__test=False)
        changes = changes.order_by().annotate(first=~Exists(before))
        rows = changes.values_list(
            "claim__campaign", "claim__reward", TruncHour("at", tzinfo=UTC), "old", "new"
        ).annotate(Count("pk"), firsts=Count("pk", filter=Q(first=True)))
        StatusHour.objects.bulk_create(
            (
                StatusHour(
                    campaign_id=campaign,
                    reward_id=reward,
                    hour=hour,
                    old=old,
                    new=new_status,
                    changes=count,
                    firsts=firsts,
                )
                for campaign, reward, hour, old, new_status, count, firsts in rows.iterator()
            ),
            batch_size=BATCH,
        )


class Migration(migrations.Migration):
    dependencies = [("fulfillment", "0023_follow_claims_by_the_hour")]

    operations = [migrations.RunPython(follow_all, migrations.RunPython.noop)]
