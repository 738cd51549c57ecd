from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0018_carry_mails_over")]

    operations = [
        migrations.RemoveField(
            model_name='applicationstep',
            name='mailed_at',
        ),
        migrations.RemoveField(
            model_name='invitation',
            name='mailed_at',
        ),
        migrations.RemoveField(
            model_name='organizationchange',
            name='decision_mailed_at',
        ),
        migrations.RemoveField(
            model_name='organizationchange',
            name='request_mailed_at',
        ),
        migrations.RemoveField(
            model_name='proposal',
            name='answer_mailed_at',
        ),
        migrations.RemoveField(
            model_name='proposal',
            name='proposal_mailed_at',
        ),
    ]
