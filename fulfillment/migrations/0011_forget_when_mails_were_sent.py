from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("fulfillment", "0010_carry_mails_about_endpoints_over")]

    operations = [
        migrations.RemoveField(model_name="endpointnotice", name="sent_at"),
        migrations.RemoveField(model_name="endpointnotice", name="tried_at"),
    ]
