"""Migrations that the version before would not survive are found."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from scripts import upgrades


def found(*operations: Operation, reason: str = "") -> list[str]:
    first = migrations.Migration("0001_initial", "drops")
    first.operations = [
        migrations.CreateModel(
            "Thing",
            [
                ("id", models.AutoField(primary_key=True)),
                ("name", models.CharField(max_length=50, null=True)),
            ],
        )
    ]
    state = ProjectState()
    assert list(upgrades.of_migration(first, state)) == []
    migration = migrations.Migration("0002_more", "drops")
    migration.operations = list(operations)
    if reason:
        migration.old_code_survives = reason  # type: ignore[attr-defined]
    return list(upgrades.of_migration(migration, state))


BREAKING = [
    migrations.RemoveField("Thing", "name"),
    migrations.DeleteModel("Thing"),
    migrations.RenameField("Thing", "name", "title"),
    migrations.RenameModel("Thing", "Item"),
    migrations.AlterModelTable("Thing", "items"),
    migrations.AddField("Thing", "size", models.IntegerField(default=0)),
    migrations.AlterField("Thing", "name", models.CharField(max_length=50)),
    migrations.AlterField("Thing", "name", models.CharField(max_length=20, null=True)),
    migrations.AlterField("Thing", "name", models.IntegerField(null=True)),
    migrations.AddConstraint("Thing", models.CheckConstraint(condition=models.Q(name="a"), name="a")),
]
HARMLESS = [
    migrations.AddField("Thing", "size", models.IntegerField(null=True)),
    migrations.AddField("Thing", "size", models.IntegerField(db_default=0)),
    migrations.AlterField("Thing", "name", models.CharField(max_length=80, null=True)),
    migrations.AddIndex("Thing", models.Index(fields=["name"], name="by_name")),
    migrations.CreateModel("Other", [("id", models.AutoField(primary_key=True))]),
]


@pytest.mark.parametrize("operation", BREAKING, ids=lambda each: each.describe())
def test_what_the_old_version_would_not_survive_is_found(operation: Operation) -> None:
    (complaint,) = found(operation)
    assert "old_code_survives" in complaint


@pytest.mark.parametrize("operation", BREAKING, ids=lambda each: each.describe())
def test_unless_the_migration_says_why_it_does(operation: Operation) -> None:
    assert found(operation, reason="Nothing has read it since 1.4.") == []


@pytest.mark.parametrize("operation", HARMLESS, ids=lambda each: each.describe())
def test_what_it_survives_is_not(operation: Operation) -> None:
    assert found(operation) == []


def test_a_table_that_is_new_is_nobodys_yet() -> None:
    made = migrations.CreateModel("Other", [("id", models.AutoField(primary_key=True))])
    assert found(made, migrations.AddField("Other", "size", models.IntegerField(default=0))) == []


def test_ours_are_survived() -> None:
    assert list(upgrades.complaints()) == []


def test_a_constraint_that_is_put_up_anew_is_no_new_one() -> None:
    named = migrations.CreateModel(
        "Other",
        [("id", models.AutoField(primary_key=True))],
        {"constraints": [models.CheckConstraint(condition=models.Q(id=1), name="known")]},
    )
    state = ProjectState()
    first = migrations.Migration("0001_initial", "drops")
    first.operations = [named]
    assert list(upgrades.of_migration(first, state)) == []
    second = migrations.Migration("0002_more", "drops")
    second.operations = [
        migrations.RemoveConstraint("Other", "known"),
        migrations.AddConstraint(
            "Other", models.CheckConstraint(condition=models.Q(id__in=[1, 2]), name="known")
        ),
    ]
    assert list(upgrades.of_migration(second, state)) == []
