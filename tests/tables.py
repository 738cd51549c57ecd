"""The tables of a database: as far as the models say anything of them, and made from the models."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.test import override_settings


def tables_of_the_models() -> override_settings:
    """A block in which tables are made from the models: migrating takes twenty times as long."""
    return override_settings(MIGRATION_MODULES={app.label: None for app in apps.get_app_configs()})


def make_tables() -> None:
    """Where a program of the tests has a database of its own."""
    with tables_of_the_models():
        call_command("migrate", run_syncdb=True, verbosity=0)


def tables() -> dict[str, Any]:
    """Each model's columns, constraints and indexes, as the database has them."""
    with connection.cursor() as cursor:
        return {
            model._meta.db_table: {
                "columns": _columns(cursor, model),
                "constraints": _constraints(cursor, model),
            }
            for model in apps.get_models(include_auto_created=True)
            if model._meta.managed and not model._meta.proxy
        }


def _columns(cursor: Any, model: type[Model]) -> list[list[Any]]:
    return sorted(
        [column.name, str(column.type_code), column.display_size, column.null_ok, column.default]
        for column in connection.introspection.get_table_description(cursor, model._meta.db_table)
        # Django's migrations give this one another size than its models do.
        if (model._meta.db_table, column.name) != ("auth_group_permissions", "id")
    )


def _constraints(cursor: Any, model: type[Model]) -> list[list[Any]]:
    """Those without a name in the model have one of Django's, which remembers what the table was called before."""
    named = {entry.name for entry in (*model._meta.constraints, *model._meta.indexes)}
    found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    return sorted(
        [name if name in named else "", *(str(facts.get(fact)) for fact in FACTS)]
        for name, facts in found.items()
    )


FACTS = ("columns", "primary_key", "unique", "foreign_key", "check", "index", "orders", "type", "definition")
