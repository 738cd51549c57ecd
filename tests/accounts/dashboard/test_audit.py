"""The audit log as an organization reads it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import tasks
from accounts.dashboard.kit.access import FORM_FIELD
from accounts.domain import audit, links
from accounts.domain.apps import create_app, delete_app
from accounts.domain.users import delete_account
from accounts.models import AuditEvent, Organization, User
from tests import factories
from tests.dashboard import words
from tests.factories import NOW
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


def test_an_event_keeps_where_it_came_from(owner_client: Client, studio: Organization) -> None:
    came = {"HTTP_USER_AGENT": "Curl/8\x07 " + "x" * 300, "REMOTE_ADDR": "198.51.100.7"}
    settings_page = owner_client.get("/dashboard/settings/")
    data = settings_page.context["form"].initial | {FORM_FIELD: studio.pk, "url": "https://new.example"}
    owner_client.post("/dashboard/settings/", {name: value or "" for name, value in data.items()}, **came)

    event = AuditEvent.objects.get(action="organization.changed")
    assert event.ip == "198.51.100.7"
    assert event.user_agent == ("Curl/8  " + "x" * 300)[:200]
    assert "198.51.100.7" in words(owner_client.get("/dashboard/audit-log/"))
    assert "Curl/8" in words(owner_client.get(f"/dashboard/audit-log/{event.pk}/change/"))


def test_a_request_without_an_address_is_answered(owner_client: Client) -> None:
    assert owner_client.get("/dashboard/audit-log/", REMOTE_ADDR="unix:").status_code == 200


def test_where_viewers_and_operators_were_is_not_told(
    owner_client: Client, operator: User, studio: Organization, viewer: User, now: datetime
) -> None:
    app = factories.OAuthAppFactory(organization=studio)
    with audit.coming_from(audit.Origin("203.0.113.9", "Lynx")):
        links.consent(viewer=viewer, app=app, scopes=["user:read"], now=now)
        event = audit.record("organization.suspended", studio, by=operator, at=now)
    assert set(AuditEvent.objects.filter(actor=viewer).values_list("ip", "user_agent")) == {(None, "")}
    assert event.ip == "203.0.113.9"
    for page in ("/dashboard/audit-log/", f"/dashboard/audit-log/{event.pk}/change/"):
        told = words(owner_client.get(page))
        assert "Lynx" not in told
        assert "203.0.113.9" not in told


@pytest.mark.django_db
def test_whoever_deletes_the_account_leaves_no_address(now: datetime) -> None:
    person = factories.UserFactory()
    with audit.coming_from(audit.Origin("203.0.113.9", "Lynx")):
        delete_account(user=person, now=now)
    assert list(AuditEvent.objects.filter(actor=person).values_list("ip", "user_agent")) == [(None, "")]


def test_the_audit_log_is_filtered_by_person_time_and_object(
    owner_client: Client, owner: User, studio: Organization, now: datetime
) -> None:
    colleague = factories.MembershipFactory(organization=studio).user
    app = factories.OAuthAppFactory(organization=studio)
    stranger = factories.UserFactory()
    reward, other = factories.RewardFactory.create_batch(2, organization=studio)
    of_colleague = audit.record("reward.created", reward, by=colleague, at=now)
    of_app = audit.record("reward.created", other, by=app, at=now - timedelta(days=8))
    of_viewer = audit.record("claims.status_changed", reward, by=app, at=now - timedelta(days=60))

    def found(**asked: object) -> list[AuditEvent]:
        return list(owner_client.get("/dashboard/audit-log/", asked).context["cl"].result_list)

    assert found(who=f"user-{colleague.pk}") == [of_colleague]
    assert found(who=f"app-{app.pk}") == [of_app]
    assert found(who=f"user-{stranger.pk}") == found() == [of_colleague, of_app]
    assert found(days=7) == [of_colleague]
    assert found(days=30) == [of_colleague, of_app]
    assert found(days="made-up") == [of_colleague, of_app]
    assert found(q=f" {reward.pk} ") == [of_colleague, of_viewer]


def test_old_events_are_purged_where_the_operator_says_so(
    settings: LazySettings, studio: Organization
) -> None:
    for days in (1, 400):
        audit.record("organization.changed", studio, by=None, at=NOW - timedelta(days=days))
    with time_machine.travel(NOW, tick=False):
        settings.AUDIT_TRAIL_DAYS = 0
        assert tasks.purge_audit_trail() == 0
        settings.AUDIT_TRAIL_DAYS = 365
        assert tasks.purge_audit_trail() == 1
    assert AuditEvent.objects.get().at == NOW - timedelta(days=1)
