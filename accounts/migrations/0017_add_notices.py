import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0016_remember_replaced_files'),
    ]

    operations = [
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=48)),
                ('about', models.CharField(max_length=64)),
                ('once_key', models.CharField(max_length=160)),
                ('data', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField()),
                ('next_try_at', models.DateTimeField(blank=True, null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('end', models.CharField(blank=True, choices=[('sent', 'Sent'), ('failed', 'Not sent: it failed too often'), ('off', 'Not sent: switched off'), ('not_theirs', 'Not sent: not for this recipient any more'), ('outdated', 'Not sent: no longer true, or too old')], max_length=16)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('address', models.CharField(blank=True, max_length=254)),
                ('organization', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('user', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('end', '')), fields=['next_try_at'], name='notice_due'), models.Index(condition=models.Q(('end', ''), _negated=True), fields=['ended_at'], name='notice_ended')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('end', ''), ('ended_at__isnull', True), ('next_try_at__isnull', False)), models.Q(('end__in', ['sent', 'failed', 'off', 'not_theirs', 'outdated']), ('ended_at__isnull', False), ('next_try_at__isnull', True)), _connector='OR'), name='notice_waits_or_ended'), models.UniqueConstraint(condition=models.Q(('user__isnull', False)), fields=('user', 'once_key'), name='notice_once_per_user'), models.UniqueConstraint(condition=models.Q(('user__isnull', True)), fields=('address', 'once_key'), name='notice_once_per_address'), models.CheckConstraint(condition=models.Q(models.Q(('address', ''), ('user__isnull', False)), models.Q(('user__isnull', True), models.Q(('address', ''), _negated=True)), _connector='OR'), name='notice_to_user_or_address')],
            },
        ),
        migrations.CreateModel(
            name='NoticeSwitch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(blank=True, max_length=254)),
                ('kind', models.CharField(max_length=48)),
                ('is_on', models.BooleanField()),
                ('changed_at', models.DateTimeField()),
                ('organization', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('user', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('organization__isnull', False), ('user__isnull', False)), fields=('user', 'organization', 'kind'), name='notice_switch_once'), models.UniqueConstraint(condition=models.Q(('organization__isnull', True), ('user__isnull', False)), fields=('user', 'kind'), name='notice_switch_once_for_operators'), models.UniqueConstraint(condition=models.Q(('user__isnull', True)), fields=('address', 'organization', 'kind'), name='notice_switch_once_per_address'), models.CheckConstraint(condition=models.Q(models.Q(('address', ''), ('user__isnull', False)), models.Q(('organization__isnull', False), ('user__isnull', True), models.Q(('address', ''), _negated=True)), _connector='OR'), name='notice_switch_of_user_or_address')],
            },
        ),
    ]
