"""What holds for every list of the dashboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.admin_base import CappedPaginator
from accounts.dashboard import site
from accounts.models import Organization
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
