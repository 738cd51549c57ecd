"""A number that no column can hold finds nothing in any list and at any address, on either database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.dashboard import site
from accounts.models import User
from tests.dashboard import sign_in
from tests.isolation.world import Belongings

# Below every column, the first above the largest, and one that no machine's integer holds.
NUMBERS = ("-1", str(2**63), str(10**30))
Asked = tuple[str, dict[str, str]]


@pytest.fixture
def as_operator(own: Belongings, operator: User, client: Client) -> Client:
    return sign_in(client, operator)


def broken(client: Client, asked: Iterable[Asked]) -> list[Asked]:
    client.raise_request_exception = False
    answers = [(each, client.get(*each)) for each in asked]
    assert len(answers) > 20
    return [each for each, answer in answers if answer.status_code >= 500]


def names(model_admin: ModelAdmin) -> Iterator[str]:
    """What the list may be asked for: by its declared filters, and by whatever Django lets through besides."""
    yield from ("q", "p")
    for entry in model_admin.list_filter:
        declared = entry[0] if isinstance(entry, tuple) else entry
        yield str(getattr(entry, "parameter_name", "") or f"{declared}__id__exact")
    for field in model_admin.opts.concrete_fields:
        if field.is_relation or field.primary_key:
            yield field.name
            yield f"{field.name}__in"
    if model_admin.date_hierarchy:
        yield f"{model_admin.date_hierarchy}__year"


def lists(of: AdminSite, prefix: str) -> Iterator[Asked]:
    for model, model_admin in of._registry.items():
        route = getattr(model_admin, "route", model._meta.label_lower.replace(".", "/"))
        for name in names(model_admin):
            yield from ((f"/{prefix}/{route}/", {name: number}) for number in NUMBERS)


def routes(urls: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for each in urls:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        else:
            yield route


def addresses(prefix: str) -> Iterator[Asked]:
    """Every address below `prefix` with something in it that is filled in."""
    for route in routes(get_resolver().url_patterns):
        if "<" in route and "(" not in route and route.startswith(prefix):
            yield from (("/" + re.sub(r"<[^>]+>", number, route), {}) for number in NUMBERS)


@pytest.mark.parametrize(
    "asked", [lists(site, "dashboard"), addresses("dashboard/")], ids=["lists", "objects"]
)
def test_nothing_on_the_dashboard_breaks_on_a_number(as_owner: Client, asked: Iterable[Asked]) -> None:
    assert broken(as_owner, asked) == []


@pytest.mark.parametrize("asked", [lists(admin.site, "admin"), addresses("admin/")], ids=["lists", "objects"])
def test_nothing_of_the_operators_breaks_on_a_number(as_operator: Client, asked: Iterable[Asked]) -> None:
    assert broken(as_operator, asked) == []


def test_no_page_breaks_on_a_number(as_owner: Client) -> None:
    filled = [each for each in addresses("") if not each[0].startswith(("/dashboard/", "/admin/"))]
    paged = [
        (url, {name: number})
        for url in (
            "/campaigns/",
            "/channels/",
            "/inventory/",
            "/settings/watch-history/",
            "/dashboard/viewers/",
        )
        for name in ("page", "show", "q", "category", "day", "user_id")
        for number in NUMBERS
    ]
    assert broken(as_owner, [*filled, *paged]) == []


def test_what_is_filtered_by_such_a_number_has_no_rows(own: Belongings, as_operator: Client) -> None:
    for number in NUMBERS:
        for query in ({"category": number}, {"category__in": f"{number},{number}"}):
            answer = as_operator.get("/admin/drops/campaign/", query)
            assert answer.context["cl"].result_count == 0, query
