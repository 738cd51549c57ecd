
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_name_fields'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='opened_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When its dashboard was last switched to.', null=True),
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('invited', models.CharField(help_text='A username or an email address, in lower case, as it was typed.', max_length=254, verbose_name='invited')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('member', 'Member')], default='member', max_length=16)),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('mailed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'invited'), name='invitation_once_per_organization', violation_error_message='There is an invitation for this name already.'), models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'member'])), name='invitation_role_known')],
            },
        ),
    ]
