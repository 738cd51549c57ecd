from django.db import migrations, models


def mark(apps, schema_editor):
    """All claims of a campaign that is in test mode now were made in test mode."""
    apps.get_model("fulfillment", "Claim").objects.filter(campaign__test_mode=True).update(test=True)


class Migration(migrations.Migration):
    dependencies = [
        ("drops", "0006_count_what_came_before"),
        ("fulfillment", "0007_claim_once_per_game_account"),
    ]

    operations = [
        migrations.AddField(
            model_name="claim",
            name="test",
            field=models.BooleanField(
                default=False,
                help_text="Claimed in test mode, or for what was watched in test mode. It is in no figure.",
            ),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
