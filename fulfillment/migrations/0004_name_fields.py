
import accounts.models.fields
import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('fulfillment', '0003_find_failed_deliveries'),
    ]

    operations = [
        migrations.AlterField(
            model_name='claim',
            name='created_at',
            field=models.DateTimeField(verbose_name='created'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='external_id',
            field=models.CharField(blank=True, help_text="The reward's, as it was when claimed.", max_length=255, verbose_name='external ID'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='external_status',
            field=models.CharField(default='initiated', help_text="The studio's own word.", max_length=64, verbose_name='status'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='id',
            field=accounts.models.fields.ULIDField(editable=False, primary_key=True, serialize=False, verbose_name='ID'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='attempt_count',
            field=models.PositiveIntegerField(default=0, help_text='Begun, the one under way included.', verbose_name='attempts'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='created_at',
            field=models.DateTimeField(verbose_name='created'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='delivered_at',
            field=models.DateTimeField(blank=True, help_text='The first time it arrived.', null=True, verbose_name='delivered'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='event_type',
            field=models.CharField(max_length=64, verbose_name='event'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='id',
            field=accounts.models.fields.ULIDField(default=accounts.models.fields.new_ulid, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='next_attempt_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='next attempt'),
        ),
        migrations.AlterField(
            model_name='webhookendpoint',
            name='acknowledge_within_hours',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Claims delivered but still “initiated” after this many hours are reported. Empty: none are.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(720)], verbose_name='acknowledged within (hours)'),
        ),
        migrations.AlterField(
            model_name='webhookendpoint',
            name='created_at',
            field=models.DateTimeField(auto_now_add=True, verbose_name='created'),
        ),
    ]
