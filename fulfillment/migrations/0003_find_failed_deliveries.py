"""The index of the deliveries that failed, and the check of the rows that were there before.

On PostgreSQL nobody waits for either, and both can be done again after they were cut short.
"""

from django.db import migrations, models
from django.db.models import Q

INDEX = models.Index(condition=Q(("state", "failed")), fields=["endpoint"], name="delivery_failed")


def check_and_index(apps, schema_editor):
    delivery = apps.get_model("fulfillment", "Delivery")
    if schema_editor.connection.vendor != "postgresql":
        schema_editor.add_index(delivery, INDEX)
        return
    schema_editor.execute(f"ALTER TABLE {delivery._meta.db_table} VALIDATE CONSTRAINT delivery_state_known")
    schema_editor.execute("DROP INDEX CONCURRENTLY IF EXISTS delivery_failed")
    schema_editor.add_index(delivery, INDEX, concurrently=True)


def drop_index(apps, schema_editor):
    schema_editor.remove_index(apps.get_model("fulfillment", "Delivery"), INDEX)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("fulfillment", "0002_rename_held_deliveries_to_failed")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(check_and_index, drop_index)],
            state_operations=[migrations.AddIndex("delivery", INDEX)],
        )
    ]
