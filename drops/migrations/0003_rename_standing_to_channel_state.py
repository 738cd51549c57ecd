from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("drops", "0002_name_fields"),
    ]

    operations = [
        migrations.AlterModelTable(name="standing", table="drops_standing"),
        migrations.RenameModel(old_name="Standing", new_name="ChannelState"),
    ]
