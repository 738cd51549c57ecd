"""Members are owners, managers, developers, support people or analysts; those of before stay what they are.

A member of before sees everything and changes nothing. None of the five roles does that: an analyst or a
support person would no longer see endpoints, members and the audit log, and the others would change something.
So the role stays for the people and the invitations that have it, without a change of what it allows, and
`accounts.domain.permissions.GIVEN` gives it to nobody else.

On the way back the new roles become the only one of before that changes nothing.
"""

from django.db import migrations, models
from django.db.models import Q

ROLE = models.CharField(
    choices=[
        ("owner", "Owner"),
        ("manager", "Manager"),
        ("developer", "Developer"),
        ("support", "Support"),
        ("analyst", "Analyst"),
        ("member", "Member (looks only)"),
    ],
    max_length=16,
)
KNOWN = Q(("role__in", ["owner", "manager", "developer", "support", "analyst", "member"]))


def forget_new_roles(apps, schema_editor):
    for name in ("Membership", "Invitation"):
        rows = apps.get_model("accounts", name).objects.using(schema_editor.connection.alias)
        rows.exclude(role="owner").update(role="member")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_add_email_changes")]

    operations = [
        migrations.RemoveConstraint("invitation", "invitation_role_known"),
        migrations.RemoveConstraint("membership", "membership_role_known"),
        migrations.AlterField("invitation", "role", ROLE),
        migrations.AlterField("membership", "role", ROLE),
        migrations.RunPython(migrations.RunPython.noop, forget_new_roles),
        migrations.AddConstraint(
            "invitation", models.CheckConstraint(condition=KNOWN, name="invitation_role_known")
        ),
        migrations.AddConstraint(
            "membership", models.CheckConstraint(condition=KNOWN, name="membership_role_known")
        ),
    ]
