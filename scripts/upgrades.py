"""While a new version starts, the old one still runs on the new tables: migrations that it would not survive are found.

What goes, goes in two versions: the first stops using it, the second takes it away and says so in the migration:
`old_code_survives = "Nothing has read it since 1.4."` in its class.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import django
from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, Field

# The last migrations from before there was a version that somebody could upgrade from.
BEFORE = {"accounts": 26, "drops": 24, "fulfillment": 24}
REASON = "old_code_survives"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    found = list(complaints())
    for complaint in found:
        print(complaint)
    return min(len(found), 1)


def complaints() -> Iterator[str]:
    """What is wrong with our own migrations since BEFORE."""
    loader = MigrationLoader(None)
    state = ProjectState()
    for app, name in loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True):
        migration = loader.graph.nodes[app, name]
        checked = app in BEFORE and int(name[:4]) > BEFORE[app]
        for complaint in of_migration(migration, state):
            if checked:
                yield f"{app}/migrations/{name}.py: {complaint}"


def of_migration(migration: Migration, state: ProjectState) -> Iterator[str]:
    """What the old code would not survive; `state` is changed by the migration."""
    explained = bool(getattr(migration, REASON, ""))
    new: set[str] = set()
    # Taken away and put up anew: it says more than before, as when a choice is added.
    replaced: set[str] = set()
    for operation in migration.operations:
        if isinstance(operation, migrations.RemoveConstraint):
            replaced.add(operation.name)
        if isinstance(operation, migrations.CreateModel):
            new.add(operation.name_lower)
        model = str(getattr(operation, "model_name_lower", getattr(operation, "name_lower", "")))
        again = isinstance(operation, migrations.AddConstraint) and operation.constraint.name in replaced
        why = "" if explained or again or model in new else why_not(operation, state, migration.app_label)
        if why:
            yield f"{operation.describe()}: {why} Or say in `{REASON}` why it survives."
        operation.state_forwards(migration.app_label, state)


def why_not(operation: Operation, state: ProjectState, app: str) -> str:
    match operation:
        case migrations.RemoveField() | migrations.DeleteModel():
            return "the old version still reads it. Stop using it in this version, take it away in the next."
        case migrations.RenameField() | migrations.RenameModel() | migrations.AlterModelTable():
            return "the old version knows the old name. Keep the name in the database (db_column, db_table)."
        case migrations.AddField():
            field = operation.field
            bare = not field.null and field.db_default is NOT_PROVIDED and not field.many_to_many
            return "the old version writes rows without it. Give it null=True or db_default=." if bare else ""
        case migrations.AlterField():
            before = state.models[app, operation.model_name_lower].fields[operation.name]
            return _why_not_alter(before, operation.field)
        case migrations.AddConstraint():
            return "the old version may write rows that it refuses."
    return ""


def _why_not_alter(before: Field, after: Field) -> str:
    if before.get_internal_type() != after.get_internal_type():
        return "the old version reads and writes the old type. Add a field beside it."
    if before.null and not after.null and after.db_default is NOT_PROVIDED:
        return "the old version still writes NULL."
    if (after.max_length or 0) < (before.max_length or 0):
        return "the old version still writes longer texts."
    if before.db_column != after.db_column:
        return "the old version knows the old name."
    return ""


if __name__ == "__main__":
    sys.exit(main())
