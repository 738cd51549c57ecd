from django.db import migrations

# Their rows are written anew with every beat. Where the page has room, PostgreSQL keeps the new version beside the
# old one and touches no index (HOT). Viewers who began together beat together, so that whole pages are rewritten at
# once: half of each page must be free. What was written before moves there as it is updated.
TABLES = ("drops_progress", "drops_watchinterval", "drops_watchhour", "drops_rewardhour")


def leave_room(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")


def fill_pages(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [("drops", "0017_index_what_lists_are_sorted_by")]

    operations = [migrations.RunPython(leave_room, fill_pages)]
