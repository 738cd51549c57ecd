"""What holds for every list of the dashboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.dashboard import site
from tests.dashboard import words
from tests.isolation.world import Belongings

ADMINS = site.admins()


@pytest.mark.parametrize("admin", ADMINS, ids=lambda admin: admin.route)
def test_a_row_has_one_link_that_opens_it(client: Client, db: None, admin: Any) -> None:
    """A link within a link ends it: what is clicked then is an address that somebody typed in."""
    own = Belongings("own")
    client.force_login(own.owner)
    table = words(client.get(admin.url("changelist"))).partition("<tbody>")[2].partition("</tbody>")[0]
    rows = table.split("<tr>")[1:]
    assert rows
    for row in rows:
        assert re.findall(r'<a class="strong" href="([^"]+)">(?!</a>)', row)
        assert row.count("<a ") == 1
    assert f'href="{admin.url_of(own.of(admin.model))}"' in table
