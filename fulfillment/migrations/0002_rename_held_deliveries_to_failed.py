"""The state of a delivery that was given up is called "failed"; it was called "held".

Quick on a large table: the few rows are found by the partial index, which is replaced afterwards, and
PostgreSQL checks the rows that were there before in the next migration, without a lock that writers wait for.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class AddConstraintUnchecked(AddConstraintNotValid):
    """On PostgreSQL NOT VALID. SQLite checks all rows at once, which it copies anyway."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        on_postgresql = schema_editor.connection.vendor == "postgresql"
        add = super() if on_postgresql else super(AddConstraintNotValid, self)
        add.database_forwards(app_label, schema_editor, from_state, to_state)


def rename(old, new):
    def run(apps, schema_editor):
        deliveries = apps.get_model("fulfillment", "Delivery").objects.using(schema_editor.connection.alias)
        deliveries.filter(state=old).update(state=new)

    return run


class Migration(migrations.Migration):
    dependencies = [("fulfillment", "0001_initial")]

    operations = [
        migrations.RemoveConstraint("delivery", "delivery_state_known"),
        migrations.AlterField(
            "delivery",
            "state",
            models.CharField(
                choices=[("pending", "Waiting"), ("delivered", "Delivered"), ("failed", "Failed")],
                default="pending",
                max_length=16,
            ),
        ),
        migrations.RunPython(rename("held", "failed"), rename("failed", "held")),
        migrations.RemoveIndex("delivery", "delivery_held"),
        AddConstraintUnchecked(
            "delivery",
            models.CheckConstraint(
                condition=Q(("state__in", ["pending", "delivered", "failed"])), name="delivery_state_known"
            ),
        ),
    ]
