"""The link to a war room opens that room and no other."""

from __future__ import annotations

from django.test import Client

from accounts.dashboard.kit.access import FORM_FIELD
from tests.factories import NOW
from tests.isolation.world import MARKER, Belongings

AT = int(NOW.timestamp()) // 60


def test_a_link_shows_its_own_campaign_alone(client: Client, own: Belongings, rival: Belongings) -> None:
    for query in ("", f"?at={AT}"):
        page = client.get(f"/war-room/{own.token}/{query}").content.decode()
        assert "own campaign" in page
        assert MARKER not in page
        for hidden in (own.endpoint.url, own.owner.username, own.viewer.username, "/dashboard/"):
            assert hidden not in page
    assert MARKER in client.get(f"/war-room/{rival.token}/?at={AT}").content.decode()


def test_the_rivals_link_is_not_revoked(as_owner: Client, own: Belongings, rival: Belongings) -> None:
    form = {FORM_FIELD: own.organization.pk, "revoke": rival.link.pk}
    for campaign in (own.campaign, rival.campaign):
        answer = as_owner.post(f"/dashboard/campaigns/{campaign.pk}/war-room/links/", form)
        assert answer.status_code == 404
    rival.link.refresh_from_db()
    assert rival.link.revoked_at is None
