"""The audit log as an organization reads it."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.domain import links
from accounts.domain.apps import create_app, delete_app
from accounts.models import AuditEvent, Organization, User
from tests import factories
from tests.dashboard import words
from tests.plans import analyze, empty, rows_read


def test_an_audit_event_leads_to_what_it_is_about_as_long_as_that_has_a_page(
    owner_client: Client, owner: User, studio: Organization, now: datetime
) -> None:
    app, _ = create_app(organization=studio, name="Ours", redirect_uris=[], now=now, actor=owner)
    created = AuditEvent.objects.get(action="app.created")
    url = f"/dashboard/audit-log/{created.pk}/change/"

    page = words(owner_client.get(url))
    assert f'<a href="/dashboard/apps/{app.pk}/change/">OAuth app {app.pk}</a>' in page
    assert "History" not in page

    delete_app(app=app, now=now, actor=owner)
    page = words(owner_client.get(url))
    assert f"OAuth app {app.pk}" in page
    assert f"/dashboard/apps/{app.pk}/" not in page


@pytest.mark.parametrize(("about", "found"), [("claims", True), ("app", False), ("made-up", True)])
def test_the_audit_log_is_filtered_by_what_it_is_about(
    owner_client: Client, studio: Organization, about: str, found: bool
) -> None:
    AuditEvent.objects.create(at=factories.NOW, organization=studio, action="claims.resent")
    page = owner_client.get("/dashboard/audit-log/", {"about": about})
    assert bool(page.context["cl"].result_list) is found


def test_what_viewers_do_is_a_list_of_its_own_without_their_names(
    owner_client: Client, owner: User, studio: Organization, now: datetime
) -> None:
    viewer = factories.UserFactory(username="zebrafish")
    app, _ = create_app(organization=studio, name="Ours", redirect_uris=[], now=now, actor=owner)
    links.consent(viewer=viewer, app=app, scopes=["user:read"], now=now)

    def listed(**asked: str) -> tuple[list[str], str]:
        page = owner_client.get("/dashboard/audit-log/", asked)
        return [event.action for event in page.context["cl"].result_list], words(page)

    actions, page = listed()
    assert actions == ["app.created"]
    assert '">App created</a>' in page  # a link is known by what it says
    assert "20 Nov 2026, 12:00:00 UTC" in page
    actions, page = listed(about="viewers")
    assert sorted(actions) == ["consent.given", "link.created"]
    assert f"Viewer {viewer.pk}" in page
    assert "owner" in listed()[1]
    for event in AuditEvent.objects.filter(action__in=actions):
        page += words(owner_client.get(f"/dashboard/audit-log/{event.pk}/change/"))
    assert viewer.username not in page


@pytest.mark.postgresql
def test_the_team_is_found_among_a_great_many_viewers(owner_client: Client, studio: Organization) -> None:
    """However many of their rows lie between those of the team."""

    def rows() -> float:
        with CaptureQueriesContext(connection) as queries:
            owner_client.get("/dashboard/audit-log/", {"about": "campaign"})
        counted, listed = [query["sql"] for query in queries if "accounts_auditevent" in query["sql"]]
        return rows_read(counted) + rows_read(listed)

    def add(count: int) -> None:
        AuditEvent.objects.bulk_create(
            (AuditEvent(at=factories.NOW, organization=studio, action="link.created") for _ in range(count)),
            batch_size=1_000,
        )
        analyze(AuditEvent)

    empty(AuditEvent)
    AuditEvent.objects.create(at=factories.NOW, organization=studio, action="campaign.published")
    add(3_000)
    few = rows()
    add(9_000)
    assert rows() <= few
