"""What holds for every list of the dashboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.admin_base import CappedPaginator
from accounts.dashboard import site
from accounts.models import Organization, User
from accounts.templatetags.dashboard import table_headers
from drops.models import Reward
from tests import factories
from tests.dashboard import sign_in, words
from tests.isolation.world import Belongings

ADMINS = site.admins()


@pytest.mark.parametrize("admin", ADMINS, ids=lambda admin: admin.route)
def test_a_row_has_one_link_that_opens_it(client: Client, db: None, admin: Any) -> None:
    """A link within a link ends it: what is clicked then is an address that somebody typed in."""
    own = Belongings("own")
    sign_in(client, own.owner)
    table = words(client.get(admin.url("changelist"))).partition("<tbody>")[2].partition("</tbody>")[0]
    rows = table.split("<tr>")[1:]
    assert rows
    for row in rows:
        assert re.findall(r'<a class="strong" href="([^"]+)">(?!</a>)', row)
        assert row.count("<a ") == 1
    assert f'href="{admin.url_of(own.of(admin.model))}"' in table


def test_a_list_that_is_not_counted_to_its_end_says_so(
    owner_client: Client, studio: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CappedPaginator, "MOST", 60)
    for _ in range(61):
        factories.RewardFactory(organization=studio)
    list_of_rewards = site.admin_of(Reward).url("changelist")
    assert "1 to 50 of more than 60" in words(owner_client.get(list_of_rewards))
    monkeypatch.setattr(CappedPaginator, "MOST", 1000)
    assert "1 to 50 of 61" in words(owner_client.get(list_of_rewards))


def test_a_page_behind_what_is_counted_leads_to_a_search(
    owner_client: Client, studio: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CappedPaginator, "MOST", 60)
    factories.RewardFactory.create_batch(61, organization=studio)
    url = site.admin_of(Reward).url("changelist")
    assert "51 to 60 of more than 60" in words(owner_client.get(url, {"p": 2}))
    answer = owner_client.get(url, {"p": 3, "q": "reward"}, follow=True)
    assert answer.redirect_chain == [(f"{url}?q=reward", 302)]
    assert "Lists show their first 60 rows. A search or a filter finds the others." in words(answer)


def test_operators_lists_say_that_there_is_more_as_well(
    client: Client, operator: User, studio: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, operator)
    factories.CampaignFactory.create_batch(4, organization=studio)
    url = "/admin/drops/campaign/"
    assert " 4 campaigns" in words(client.get(url))
    monkeypatch.setattr(CappedPaginator, "MOST", 3)
    assert "more than 3 campaigns" in words(client.get(url))
    assert "Lists show their first 3 rows." in words(client.get(url, {"p": 2}, follow=True))


def test_every_column_of_every_list_has_a_name(owner_client: Client) -> None:
    for model_admin in ADMINS:
        changelist = owner_client.get(model_admin.url("changelist")).context["cl"]
        assert all(table_headers(changelist)), model_admin
