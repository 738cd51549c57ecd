"""Every list of both sites is sorted by the columns that an index serves, and by no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.admin.base import OperatorAdmin
from accounts.dashboard import site
from accounts.models import (
    AuditEvent,
    Invitation,
    MemberRole,
    Membership,
    OAuthApp,
    Organization,
    Proposal,
    ProposalState,
    User,
)
from accounts.templatetags.dashboard import Header
from config.ulid import ulid_of
from drops.models import Campaign, Category, Channel, Reward
from fulfillment.models import Claim, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW
from tests.html import assert_well_made
from tests.plans import analyze, empty, rows_read

OWNERS = [(model_admin, name) for model_admin in site.admins() for name in model_admin.sortable_by]
OPERATORS = [
    (model_admin, name)
    for model_admin in admin.site._registry.values()
    if isinstance(model_admin, OperatorAdmin)
    for name in model_admin.sortable_by
]
A_PAGE = 50


def later(number: int) -> Any:
    return NOW - timedelta(days=200) + timedelta(minutes=number)


def rows_of(model: type[Model], organization: Organization, numbers: Iterable[int]) -> list[Any]:
    """A row for each number, alike but in what is sorted by."""
    own = {"organization": organization}
    if model in (Membership, Claim, Channel):
        people = User.objects.bulk_create(User(username=f"{model.__name__}{number}") for number in numbers)
    if model is Claim:
        attached = factories.CampaignRewardFactory(campaign__organization=organization)
    endpoint = WebhookEndpoint.objects.filter(organization=organization).first()
    made: dict[type[Model], Callable[[int], Any]] = {
        AuditEvent: lambda n: AuditEvent(**own, at=later(n), action="reward.changed", target_id="1"),
        Campaign: lambda n: Campaign(
            **own,
            name=f"Campaign {n:06}",
            announces_at=later(n),
            starts_at=later(n),
            ends_at=later(n + 10_000),
            closes_at=later(n + 10_000),
        ),
        Category: lambda n: Category(name=f"Game {n:06}", slug=f"game-{n:06}"),
        Channel: lambda n: Channel(owner=people[n - numbers_of[0]], slug=f"channel{n:06}"),
        Claim: lambda n: Claim(
            **own,
            id=ulid_of(later(n)),
            campaign=attached.campaign,
            reward=attached.reward,
            viewer=people[n - numbers_of[0]],
            created_at=later(n),
            updated_at=later(n),
        ),
        Delivery: lambda n: Delivery(
            endpoint=endpoint,
            event_type="test",
            body=b"",
            created_at=later(n),
            delivered_at=later(n),
            state=DeliveryState.DELIVERED,
        ),
        Invitation: lambda n: Invitation(
            **own, role=MemberRole.SUPPORT, invited=f"person{n:06}", created_at=NOW, expires_at=NOW
        ),
        Membership: lambda n: Membership(**own, user=people[n - numbers_of[0]], role=MemberRole.ANALYST),
        OAuthApp: lambda n: OAuthApp(**own, name=f"App {n:06}", client_id=f"client-{n:06}"),
        Organization: lambda n: Organization(name=f"Studio {n:06}", slug=f"s-{n:06}", approved_at=NOW),
        Proposal: lambda n: Proposal(
            **own,
            act="app.delete",
            target_type="accounts.oauthapp",
            target_id=str(n),
            target_name="App",
            asked_by_id=Membership.objects.filter(organization=organization).values_list("user", flat=True)[
                0
            ],
            asked_at=later(n),
            expires_at=later(n),
            state=ProposalState.EXPIRED,
            answered_at=later(n),
        ),
        Reward: lambda n: Reward(**own, category=category, name=f"Reward {n:06}"),
        User: lambda n: User(username=f"somebody{n:06}"),
        WebhookEndpoint: lambda n: WebhookEndpoint(**own, url=f"https://studio.example.com/{n}"),
    }
    numbers_of = list(numbers)
    category = Category.objects.first() or factories.CategoryFactory()
    rows: list[Any] = model._default_manager.bulk_create(
        (made[model](number) for number in numbers_of), batch_size=500
    )
    return rows


def address(model_admin: Any, name: str, turned: bool) -> dict[str, str]:
    columns = list(model_admin.list_display)
    if (
        isinstance(model_admin, OperatorAdmin)
        and model_admin.verbs
        and any(v.for_lists for v in model_admin.verbs)
    ):
        columns.insert(0, "action_checkbox")
    return {"o": f"{'-' if turned else ''}{columns.index(name)}"}


def listed(client: Client, model_admin: Any, **query: Any) -> Any:
    answer = client.get(model_admin.url("changelist"), query)
    assert answer.status_code == 200, (model_admin, query)
    return answer.context["cl"]


@pytest.fixture
def desk(client: Client, operator: User) -> Client:
    return sign_in(client, operator)


@pytest.mark.parametrize(("model_admin", "name"), OWNERS, ids=lambda value: getattr(value, "route", value))
def test_a_list_of_owners_is_sorted_both_ways_and_page_by_page(
    owner_client: Client, studio: Organization, model_admin: Any, name: str
) -> None:
    factories.WebhookEndpointFactory(organization=studio)
    rows_of(model_admin.model, studio, range(A_PAGE + 20))
    seen = []
    for turned in (False, True):
        query = address(model_admin, name, turned)
        pages = [listed(owner_client, model_admin, **query, p=page).result_list for page in (1, 2)]
        seen.append([row.pk for page in pages for row in page])
    assert len(set(seen[0])) == len(seen[0]) >= A_PAGE + 20
    assert seen[0] == seen[1][::-1]


@pytest.mark.parametrize(("model_admin", "name"), OPERATORS, ids=lambda value: getattr(value, "opts", value))
def test_a_list_of_operators_is_sorted_both_ways(
    desk: Client, studio: Organization, model_admin: Any, name: str
) -> None:
    factories.WebhookEndpointFactory(organization=studio)
    factories.MembershipFactory(organization=studio)
    rows_of(model_admin.model, studio, range(20))
    up, down = (
        [row.pk for row in listed(desk, model_admin, **address(model_admin, name, turned)).result_list]
        for turned in (False, True)
    )
    assert up == down[::-1]
    assert len(up) >= 20


@pytest.mark.postgresql
@pytest.mark.parametrize("model_admin", dict.fromkeys(each for each, _ in OWNERS + OPERATORS), ids=str)
def test_a_sorted_page_is_found_by_an_index_however_long_the_list_is(
    client: Client, studio: Organization, owner: User, operator: User, model_admin: Any
) -> None:
    """By each of its columns. Of the owners' lists, among the rows of others too."""
    is_theirs = model_admin.admin_site is site
    sign_in(client, owner if is_theirs else operator)
    table = model_admin.model._meta.db_table
    if model_admin.model not in (User, Organization, Membership, Category):
        empty(model_admin.model)
    factories.WebhookEndpointFactory(organization=studio)
    other = factories.WebhookEndpointFactory().organization
    factories.MembershipFactory(organization=other)

    def rows() -> list[float]:
        found = []
        for name, turned in product(model_admin.sortable_by, (False, True)):
            for page in (1, 2):
                with CaptureQueriesContext(connection) as queries:
                    listed(client, model_admin, **address(model_admin, name, turned), p=page)
                limit = rf"LIMIT {model_admin.list_per_page}\b"
                pages = [
                    sql
                    for sql in (each["sql"] for each in queries)
                    if "ORDER BY" in sql and f'FROM "{table}"' in sql and re.search(limit, sql)
                ]
                assert pages
                found.append(sum(map(rows_read, pages)))
        return found

    # What other tests left in these counts in the plans too.
    joined = {User, Organization, Campaign, Reward, OAuthApp} - {model_admin.model}
    size = 400
    rows_of(model_admin.model, studio, range(size))
    rows_of(model_admin.model, other, range(size, 2 * size))
    analyze(model_admin.model, *joined)
    before = rows()
    for part in range(1, 6):
        for whose, organization in enumerate((studio, other)):
            start = (2 * part + whose) * size
            rows_of(model_admin.model, organization, range(start, start + size))
    analyze(model_admin.model, *joined)
    after = rows()
    for few, many in zip(before, after, strict=True):
        assert many <= 1.5 * few + 10, (before, after)


@pytest.mark.parametrize(
    "order", ["0", "99", "-99", "x", "1.1", "", "-", "--1", "1" * 40, "\u0661", "None", "1 OR 1=1"]
)
def test_an_order_that_there_is_none_of_is_the_lists_own(
    owner_client: Client, studio: Organization, order: str
) -> None:
    """A picture has no order, nor has what follows the first column."""
    factories.RewardFactory.create_batch(3, organization=studio)
    expected = [row.pk for row in Reward.objects.order_by("-id")]
    if order == "1.1":
        expected = [row.pk for row in Reward.objects.order_by("name", "id")]
    page = owner_client.get("/dashboard/rewards/", {"o": order})
    assert [row.pk for row in page.context["cl"].result_list] == expected


def test_a_column_without_an_index_is_no_link_and_no_order(
    owner_client: Client, studio: Organization
) -> None:
    factories.RewardFactory.create_batch(2, organization=studio, external_id="same")
    page = owner_client.get("/dashboard/rewards/")
    assert_well_made(page)
    headers = {str(header): header for header in headers_of(page)}
    assert {label for label, header in headers.items() if header.url} == {"Name", "Created"}
    assert headers["Created"].direction == "descending"
    for index in range(6):
        sql = str(owner_client.get("/dashboard/rewards/", {"o": index}).context["cl"].queryset.query)
        assert 'ORDER BY "drops_reward"."external_id"' not in sql


def headers_of(page: Any) -> list[Header]:
    found: list[Header] = page.context["headers"]
    return found


def test_a_press_sorts_and_another_turns_it_round_and_filters_stay(
    owner_client: Client, studio: Organization
) -> None:
    factories.RewardFactory.create_batch(2, organization=studio)
    page = owner_client.get("/dashboard/rewards/", {"q": "Reward", "p": "1"})
    name = next(header for header in headers_of(page) if str(header) == "Name")
    assert name.url == "?o=1&q=Reward"
    page = owner_client.get(f"/dashboard/rewards/{name.url}")
    assert 'aria-sort="ascending"' in words(page)
    name = next(header for header in headers_of(page) if str(header) == "Name")
    assert name.url == "?o=-1&q=Reward"
    assert "o=1" in next(each for each in words(page).split('"') if "export.csv" in each)


def test_a_file_is_sorted_as_the_list_is(owner_client: Client, studio: Organization) -> None:
    for name in ("Cape", "Wings", "Boots"):
        factories.RewardFactory(organization=studio, name=name)
    answer = owner_client.get("/dashboard/rewards/export.csv", {"o": "1"})
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["Boots", "Cape", "Wings"]
