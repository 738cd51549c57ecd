import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("drops", "0004_add_reason_own_channel"),
    ]

    operations = [
        # The table of `ChannelState.campaigns` becomes a model of its own, to have one more column.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="CountedCampaign",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "channelstate",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="drops.channelstate",
                            ),
                        ),
                        (
                            "campaign",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="drops.campaign",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "drops_standing_campaigns",
                        "unique_together": {("channelstate", "campaign")},
                    },
                ),
                migrations.AlterField(
                    model_name="channelstate",
                    name="campaigns",
                    field=models.ManyToManyField(
                        related_name="standings", through="drops.CountedCampaign", to="drops.campaign"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="countedcampaign",
            name="test",
            field=models.BooleanField(default=False, help_text="The campaign was in test mode."),
        ),
        migrations.AlterUniqueTogether(name="countedcampaign", unique_together=set()),
        migrations.AddConstraint(
            model_name="countedcampaign",
            constraint=models.UniqueConstraint(
                fields=("channelstate", "campaign"), name="counted_campaign_once"
            ),
        ),
        migrations.AddField(
            model_name="progress",
            name="test_seconds",
            field=models.PositiveIntegerField(
                default=0,
                help_text="Those of the seconds that were watched in test mode. They earn, and are in no figure.",
            ),
        ),
        migrations.AddConstraint(
            model_name="progress",
            constraint=models.CheckConstraint(
                condition=models.Q(("test_seconds__lte", models.F("seconds"))),
                name="progress_in_test_mode_is_a_part",
            ),
        ),
        migrations.RemoveConstraint(model_name="watchhour", name="watch_hour_once"),
        migrations.AddField(
            model_name="watchhour",
            name="test",
            field=models.BooleanField(default=False, help_text="Watched in test mode."),
        ),
        migrations.AddConstraint(
            model_name="watchhour",
            constraint=models.UniqueConstraint(
                fields=("campaign", "hour", "channel", "test"), name="watch_hour_once"
            ),
        ),
        migrations.RemoveConstraint(model_name="rewardhour", name="reward_hour_once"),
        migrations.AddField(
            model_name="rewardhour",
            name="test",
            field=models.BooleanField(default=False, help_text="Reached in test mode."),
        ),
        migrations.AlterField(
            model_name="rewardhour",
            name="channel",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reward_hours",
                to="drops.channel",
            ),
        ),
        migrations.AddConstraint(
            model_name="rewardhour",
            constraint=models.UniqueConstraint(
                fields=("campaign", "hour", "channel", "reward", "test"), name="reward_hour_once"
            ),
        ),
    ]
