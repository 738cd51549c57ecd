"""The viewers of a deleted app are unlinked in parts, and count as unlinked at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from oauth2_provider.models import AccessToken, RefreshToken

from accounts.domain import app_removals, apps, links
from accounts.models import AppRemoval, AuditEvent, Consent, GameLink, OAuthApp, Organization, User
from accounts.tasks import unlink_viewers
from fulfillment.domain.claims.facts import claim_facts
from fulfillment.domain.claims.support import case_of
from tests import factories
from tests.api import allow, authorize_path, connect, exchange, token_request
from tests.dashboard import sign_in, words
from tests.fulfillment import claimers

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_removals, "AT_ONCE", 2)


def linked(app: OAuthApp, count: int, now: datetime) -> list[User]:
    viewers = factories.UserFactory.create_batch(count)
    for viewer in viewers:
        links.link(viewer=viewer, app=app, now=now)
    return viewers


def test_the_links_count_for_nothing_before_their_rows_have_ended(
    client: Client, viewer: User, studio: Organization, studio_app: OAuthApp, owner: User, now: datetime
) -> None:
    second_app = factories.OAuthAppFactory(organization=studio)
    attached = factories.CampaignRewardFactory(campaign__organization=studio)
    both = factories.UserFactory()
    links.link(viewer=viewer, app=studio_app, now=now)
    links.link(viewer=both, app=studio_app, now=now)
    links.link(viewer=both, app=second_app, now=now)
    asked = {"campaign_id": attached.campaign_id, "reward_id": attached.reward_id}

    apps.delete_app(app=studio_app, now=now, actor=owner)

    assert GameLink.objects.filter(unlinked_at=None).count() == 2
    assert not links.is_linked(viewer=viewer, organization=studio)
    assert links.linked_organization_ids(viewer) == set()
    assert links.game_accounts_of(viewer) == {}
    assert not claim_facts(viewer_id=viewer.pk, **asked).linked
    with pytest.raises(links.NotLinked):
        links.live_link(viewer_id=viewer.pk, organization_id=studio.pk)
    client.force_login(viewer)
    assert studio.name not in client.get("/settings/connections/").content.decode()
    case = case_of(organization=studio, viewer_id=viewer.pk, now=now)
    assert [link.unlinked_at for link in case.links] == [now]
    # Whoever agreed to another app of the organization as well stays linked.
    assert links.is_linked(viewer=both, organization=studio)
    assert claim_facts(viewer_id=both.pk, **asked).linked


def test_the_app_stops_working_in_the_request_itself(
    client: Client, viewer: User, studio_app: OAuthApp, owner: User, now: datetime
) -> None:
    client.force_login(viewer)
    token = connect(client, studio_app)
    code = allow(client, studio_app)
    apps.delete_app(app=studio_app, now=now, actor=owner)
    asked = {"HTTP_AUTHORIZATION": f"Bearer {token['access_token']}"}
    assert client.get("/public/v1/users", **asked).status_code == 401
    assert client.get(authorize_path(studio_app)).status_code == 400
    assert client.post(authorize_path(studio_app), {"allow": "yes"}).status_code == 400
    assert exchange(studio_app, code).status_code == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    assert token_request(studio_app, **refresh).status_code == 401
    assert app_removals.go_on(now=now) == 1
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.filter(revoked=None).exists()


def test_all_are_unlinked_in_parts_and_the_trail_has_their_number(
    studio: Organization, studio_app: OAuthApp, owner: User, now: datetime
) -> None:
    linked(studio_app, 5, now)
    factories.GameLinkFactory(organization=studio, app=studio_app)  # of before consents were kept
    elsewhere = factories.OAuthAppFactory()
    stay = linked(elsewhere, 1, now)
    apps.delete_app(app=studio_app, now=now, actor=owner)
    removal = app_removals.under_way(studio).get()
    assert app_removals._unlink_some(studio_app.pk, now) == 0  # counts them
    assert app_removals._unlink_some(studio_app.pk, now) == 2
    removal.refresh_from_db()
    assert (removal.viewers, removal.done, removal.unlinked) == (5, 2, 2)
    assert unlink_viewers() == 4
    assert not app_removals.under_way(studio).exists()
    assert not GameLink.objects.filter(organization=studio, unlinked_at=None).exists()
    assert not Consent.objects.filter(app=studio_app, ended_at=None).exists()
    assert links.is_linked(viewer=stay[0], organization=elsewhere.organization)
    event = AuditEvent.objects.get(action="app.viewers_unlinked")
    assert (event.actor, event.organization) == (owner, studio)
    assert event.data == {"name": studio_app.name, "unlinked_viewers": 6}
    assert unlink_viewers() == 0


def test_a_new_link_does_not_meet_one_that_is_left_over(
    viewer: User, stranger: User, studio: Organization, studio_app: OAuthApp, owner: User, now: datetime
) -> None:
    second_app = factories.OAuthAppFactory(organization=studio)
    for each, account in ((viewer, "one"), (stranger, "two")):
        links.link(viewer=each, app=studio_app, now=now)
        links.name_game_account(viewer_id=each.pk, app=studio_app, account_id=account, name="", now=now)
    apps.delete_app(app=studio_app, now=now, actor=owner)
    made = links.link(viewer=viewer, app=second_app, now=now)
    assert (made.app, made.game_account_id) == (second_app, "")
    # The account of somebody who is not linked any more is nobody's.
    links.name_game_account(viewer_id=viewer.pk, app=second_app, account_id="two", name="", now=now)
    app_removals.go_on(now=now)
    assert GameLink.objects.get(unlinked_at=None) == made
    assert links.is_linked(viewer=viewer, organization=studio)


def test_the_list_of_apps_says_how_far_it_is(
    client: Client, studio: Organization, studio_app: OAuthApp, owner: User, rival_owner: User, now: datetime
) -> None:
    linked(studio_app, 3, now)
    apps.delete_app(app=studio_app, now=now, actor=owner)
    sign_in(client, owner)
    assert "Its viewers are being counted." in words(client.get("/dashboard/apps/"))
    AppRemoval.objects.update(viewers=1234567, done=1200)
    shown = words(client.get("/dashboard/apps/"))
    assert f"“{studio_app.name}” is being deleted." in shown
    assert "1,200 of 1,234,567 viewers unlinked" in shown
    assert "is being deleted" not in words(sign_in(Client(), rival_owner).get("/dashboard/apps/"))
    app_removals.go_on(now=now)
    assert "is being deleted" not in words(client.get("/dashboard/apps/"))


def test_without_workers_it_is_done_after_the_commit(
    studio_app: OAuthApp, owner: User, now: datetime, django_capture_on_commit_callbacks: Any
) -> None:
    linked(studio_app, 3, now)
    with django_capture_on_commit_callbacks(execute=True):
        apps.delete_app(app=studio_app, now=now, actor=owner)
    assert not GameLink.objects.filter(unlinked_at=None).exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestOnPostgreSQL:
    @pytest.fixture(autouse=True)
    def _with_workers(self, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"  # nobody asks it: but what waits is left to workers

    def test_a_killed_worker_loses_the_part_under_way_and_another_goes_on(
        self, studio: Organization, studio_app: OAuthApp, owner: User, now: datetime
    ) -> None:
        linked(studio_app, 7, now)
        apps.delete_app(app=studio_app, now=now, actor=owner)
        # It dies in the middle of its third part: the links of that have ended, their count is not saved.
        program = """if True:
            import os, signal, django
            django.setup()
            from django.utils import timezone
            from accounts.domain import app_removals
            from accounts.models import AppRemoval
            app_removals.AT_ONCE = 2
            save = AppRemoval.save
            def dying(self, **kwargs):
                if self.done == 6:
                    os.kill(os.getpid(), signal.SIGKILL)
                save(self, **kwargs)
            AppRemoval.save = dying
            app_removals.go_on(now=timezone.now())
        """
        done = subprocess.run(  # noqa: PLW1510 - it is to be killed
            [sys.executable, "-c", program], cwd=ROOT, env=claimers.environment(), timeout=120
        )
        assert done.returncode == -9
        removal = AppRemoval.objects.get()
        assert (removal.viewers, removal.done, removal.unlinked) == (7, 4, 4)
        assert GameLink.objects.filter(unlinked_at=None).count() == 3
        assert app_removals.go_on(now=now) == 3
        removal.refresh_from_db()
        assert (removal.done, removal.unlinked, removal.finished_at) == (7, 7, now)

    def test_two_workers_count_each_viewer_once(
        self, studio: Organization, studio_app: OAuthApp, owner: User, now: datetime
    ) -> None:
        linked(studio_app, 21, now)
        other_app = factories.OAuthAppFactory(organization=studio)
        linked(other_app, 5, now)
        for app in (studio_app, other_app):
            apps.delete_app(app=app, now=now, actor=owner)
        start = Barrier(3)

        def work() -> int:
            start.wait()
            try:
                return app_removals.go_on(now=now)
            finally:
                connection.close()

        with ThreadPoolExecutor(3) as threads:
            unlinked = [done.result() for done in [threads.submit(work) for _ in range(3)]]
        unlinked.append(app_removals.go_on(now=now))
        assert sum(unlinked) == 26
        assert sum(AppRemoval.objects.values_list("unlinked", flat=True)) == 26
        assert AuditEvent.objects.filter(action="app.viewers_unlinked").count() == 2

    def test_a_consent_at_the_same_moment_is_refused_or_ended(
        self, viewer: User, studio: Organization, studio_app: OAuthApp, owner: User, now: datetime
    ) -> None:
        """The consent has written its row when the app is deleted: the deletion waits, and the task sees it."""
        agreed, deleted = Event(), Event()

        def agree() -> None:
            from django.db import transaction

            try:
                with transaction.atomic():
                    links.consent(viewer=viewer, app=studio_app, scopes=["user:read"], now=now)
                    agreed.set()
                    deleted.wait(timeout=1)  # it cannot come: the deletion waits for this commit
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as threads:
            agreeing = threads.submit(agree)
            agreed.wait()
            apps.delete_app(app=studio_app, now=now, actor=owner)
            deleted.set()
            agreeing.result()
        assert app_removals.go_on(now=now) == 1
        assert not Consent.objects.filter(ended_at=None).exists()
        with pytest.raises(links.AppIsDeleted):
            links.consent(viewer=viewer, app=studio_app, scopes=["user:read"], now=now)
