from django.db import migrations
from django.utils import timezone


def carry_over(apps, schema_editor):
    """What had not been mailed yet becomes notices."""
    User, Notice = apps.get_model("accounts", "User"), apps.get_model("accounts", "Notice")
    now = timezone.now()
    for trouble in apps.get_model("fulfillment", "EndpointNotice").objects.filter(sent_at=None):
        organization = trouble.endpoint.organization
        fields = {
            "organization": organization,
            "kind": "endpoint_trouble",
            "about": str(trouble.pk),
            "once_key": f"endpoint_trouble:{trouble.pk}:",
            "created_at": now,
            "next_try_at": now,
        }
        members = {"memberships__organization": organization, "memberships__role__in": ("owner", "developer")}
        people = list(User.objects.filter(is_active=True, **members))
        contact = organization.contact_email
        rows = [Notice(user=person, **fields) for person in people]
        if contact and contact.casefold() not in {person.email.casefold() for person in people}:
            rows.append(Notice(address=contact, **fields))
        Notice.objects.bulk_create(rows)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0018_carry_mails_over"), ("fulfillment", "0009_reword_fields")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
