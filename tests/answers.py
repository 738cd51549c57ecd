"""Prints what the APIs answer to a fixed list of calls, in a database of its own: `python -m tests.answers`.

And the tables of that database, which migrations made, beside those that Django makes from the models.
`TEST_DATABASE_URL` says which. Ids that differ from run to run are named in the order in which they appear.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, combinations
from typing import Any


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

    import django

    django.setup()
    from django.test.utils import setup_test_environment

    from tests.tables import tables, tables_of_the_models

    setup_test_environment()
    with tables_of_the_models(), database():
        of_models = tables()
    with database():
        told = {"tables": tables(), "tables of the models": of_models, "answers": answers()}
    json.dump(told, sys.stdout, indent=1)


@contextmanager
def database() -> Iterator[None]:
    from django.test.utils import setup_databases, teardown_databases

    databases = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        teardown_databases(databases, verbosity=0)


def answers() -> list[list[Any]]:
    from tests import factories
    from tests.schema import call, operations, world_of_examples

    studio = factories.OrganizationFactory(name="Northlight Games", slug="northlight-games")
    app = factories.OAuthAppFactory(organization=studio, client_id="northlight")
    with world_of_examples(studio=studio, app=app) as clients:
        more_claims(studio)
        number_alike()
        told = []
        for path, method, operation in sorted(operations(), key=lambda found: found[:2]):
            for who, client in clients.items():
                response = call(client, path, method, operation)
                told.append([f"{method} {path} as {who}", response.status_code, response.content.decode()])
        for query in claim_queries():
            response = clients["app"].get("/public/v1/drops/claims", query)
            told.append([f"claims {query}", response.status_code, response.content.decode()])
    named = anonymous(json.dumps(told))
    return list(json.loads(named))


def number_alike() -> None:
    """Go on after the ids that were chosen: SQLite does so by itself, PostgreSQL where it is told."""
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
            cursor.execute(statement)


def more_claims(studio: Any) -> None:
    """Enough for pages, in several statuses, of several viewers and campaigns.

    The ids are chosen: databases give out different ones, and by chance the order would be another.
    """
    from datetime import timedelta

    from tests import factories

    category = factories.CategoryFactory(id=5000, organization=studio)
    campaigns = [
        factories.CampaignFactory(id=ulid(number), organization=studio, category=category)
        for number in (1, 2)
    ]
    reward = factories.RewardFactory(id=ulid(3), organization=studio, category=category)
    for number in range(24):
        factories.ClaimFactory(
            campaign=campaigns[number % 2],
            reward=reward,
            viewer=factories.UserFactory(id=6000 + number),
            external_status=("initiated", "sent", "Sent", "é")[number % 4],
            updated_at=factories.NOW + timedelta(minutes=number, microseconds=number),
        )


def ulid(number: int) -> str:
    from ulid import ULID

    return str(ULID.from_int((1_763_640_000_000 << 80) + number))


def claim_queries() -> list[dict[str, str]]:
    from config.api.fields import EXAMPLE_ID, EXAMPLE_ULID

    filters = {
        "campaign_id": EXAMPLE_ULID,
        "user_id": str(EXAMPLE_ID),
        "claim_id": EXAMPLE_ULID,
        "external_status": "initiated",
        "updated_since": "2026-11-20T12:05:00Z",
    }
    sets = chain.from_iterable(combinations(filters, size) for size in range(len(filters) + 1))
    queries = [{name: filters[name] for name in names} for names in sets]
    queries += [query | {"limit": "3"} for query in queries[:7]]
    queries += [
        {"external_status": status, "limit": "100"} for status in ("sent", "Sent", "SENT", "é", "É", " sent")
    ]
    queries += [{"cursor": EXAMPLE_ULID}, {"cursor": EXAMPLE_ULID.lower()}, {"cursor": "0" * 26}]
    queries += [{"user_id": str(2**63)}, {"user_id": str(2**64 - 1)}, {"user_id": str(2**64)}]
    queries += [{"updated_since": "0001-01-01T00:00:00+14:00"}, {"updated_since": "9999-12-31T23:59:59Z"}]
    return queries


def anonymous(text: str) -> str:
    """ULIDs, and numbers that databases give out, by the order in which they appear; no keys, no signatures."""
    names: dict[str, str] = {}
    text = re.sub(r"BEGIN PUBLIC KEY.+?END PUBLIC KEY", "the key", text)
    # A watch token is signed over the ULID that is in it.
    text = re.sub(r"(\b\d+\.[0-7][0-9A-Z]{25}\.\d+\.)[\w-]{43}", r"\1…", text)
    text = re.sub(r'\\"(n|kid)\\":\s?\\"[^"]+\\"', r'\\"\1\\":\\"…\\"', text)
    text = re.sub(r'((?:Kick-Event-Signature|Drops-Key-Id)\\*":\s?\\*")[^"\\]+', r"\1…", text)
    return re.sub(
        r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b",
        lambda found: names.setdefault(found[0], f"ULID {len(names)}"),
        text,
    )


if __name__ == "__main__":
    main()
