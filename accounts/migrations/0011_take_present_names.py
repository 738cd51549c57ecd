from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts.domain.names import key_of  # the keys must be those that new names are compared with


def take_present_names(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Who was there first keeps the name: the platform, organizations by the day of their approval, their apps, and
    then the organizations that wait.

    Names that look alike stay as they are, since viewers know them. The later organization keeps nothing for such a
    name, and has to choose another one when it next changes it. If it still waits, it cannot be approved as long as
    another has the name. Organizations that were refused keep no name.
    """
    Organization = apps.get_model("accounts", "Organization")
    OAuthApp = apps.get_model("accounts", "OAuthApp")
    TakenName = apps.get_model("accounts", "TakenName")
    living = OAuthApp.objects.filter(deleted_at=None).order_by("created", "pk")
    approved = Organization.objects.exclude(approved_at=None).order_by("approved_at", "pk")
    waiting = Organization.objects.filter(approved_at=None, suspended_at=None).order_by("created_at", "pk")
    taken = {}
    for rows in (
        living.filter(organization=None).values_list("name", "organization"),
        approved.values_list("name", "pk"),
        living.exclude(organization__approved_at=None).values_list("name", "organization"),
        waiting.values_list("name", "pk"),
    ):
        for name, organization in rows:
            taken.setdefault(key_of(name), organization)
    taken.pop("", None)
    TakenName.objects.bulk_create(
        TakenName(key=key, organization_id=organization) for key, organization in taken.items()
    )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0010_add_taken_names'),
    ]

    operations = [
        migrations.RunPython(take_present_names, migrations.RunPython.noop),
    ]
