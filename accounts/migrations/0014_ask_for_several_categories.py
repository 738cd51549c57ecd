from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0013_add_applications'),
    ]

    operations = [
        migrations.RenameField('organization', 'requested_category', 'requested_categories'),
        migrations.AlterField(
            model_name='organization',
            name='requested_categories',
            field=models.TextField(blank=True, help_text='The games that the organization asks to claim with its application, one on each line.', max_length=1200, verbose_name='requested categories'),
        ),
    ]
