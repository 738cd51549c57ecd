from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.domain import links
from accounts.models import AuditEvent, GameLink, MemberRole, Membership, Organization, User
from drops.models import Channel
from fulfillment.models import Claim
from tests import factories
from tests.html import assert_well_made, text_of

PROFILE = "/settings/"
DELETE = "/settings/delete/"


@pytest.fixture(autouse=True)
def _at(now: datetime) -> Iterator[None]:
    with time_machine.travel(now):
        yield


@pytest.fixture
def client(client: Client, viewer: User) -> Client:
    """The browser of the viewer, who has just signed in with a password."""
    viewer.set_password("correct horse")
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    client.post("/accounts/login/", {"login": "viewer", "password": "correct horse"})
    return client


def picture() -> SimpleUploadedFile:
    data = BytesIO()
    Image.new("RGB", (32, 32), "teal").save(data, "PNG")
    return SimpleUploadedFile("me.png", data.getvalue(), "image/png")


@pytest.mark.parametrize("address", [PROFILE, DELETE, "/settings/picture/remove/", "/settings/connections/"])
def test_is_for_those_who_are_signed_in(db: None, address: str):
    method = Client().post if "remove" in address else Client().get
    assert method(address).headers["Location"] == f"/accounts/login/?next={address}"


class TestProfile:
    def test_shows_name_and_id(self, client: Client, viewer: User):
        response = client.get(PROFILE)
        assert f"User ID {viewer.pk}" in text_of(response)
        assert_well_made(response)

    def test_picture_is_written_anew_shown_and_removed(
        self, client: Client, viewer: User, django_capture_on_commit_callbacks: object
    ):
        client.post(PROFILE, {"picture": picture()})
        viewer.refresh_from_db()
        with viewer.profile_picture.open() as written:
            assert Image.open(written).format == "WEBP"
        assert viewer.profile_picture.url in client.get(PROFILE).content.decode()
        storage, name = viewer.profile_picture.storage, viewer.profile_picture.name
        with django_capture_on_commit_callbacks(execute=True):
            client.post("/settings/picture/remove/")
        viewer.refresh_from_db()
        assert not viewer.profile_picture
        assert not storage.exists(name)

    @pytest.mark.parametrize(
        ("upload", "said"),
        [
            (SimpleUploadedFile("a.png", b"GIF89a nothing", "image/gif"), "cannot read this picture"),
            (SimpleUploadedFile("a.png", b"", "image/png"), "empty"),
            (None, "This field is required."),
        ],
    )
    def test_what_is_no_picture_is_refused(
        self, client: Client, viewer: User, upload: SimpleUploadedFile | None, said: str
    ):
        response = client.post(PROFILE, {"picture": upload} if upload else {})
        assert said in text_of(response)
        viewer.refresh_from_db()
        assert not viewer.profile_picture


class TestSessions:
    def test_lists_them_and_ends_the_others(self, client: Client, viewer: User):
        other = Client(headers={"User-Agent": "The tablet"})
        other.post("/accounts/login/", {"login": "viewer", "password": "correct horse"})
        response = client.get("/accounts/sessions/")
        assert "The tablet" in text_of(response)
        assert_well_made(response)
        client.post("/accounts/sessions/")
        assert other.get(PROFILE).status_code == 302
        assert client.get(PROFILE).status_code == 200


class TestDeleting:
    @pytest.fixture
    def client(self, client: Client) -> Client:
        """The password was just asked for again."""
        client.post("/accounts/reauthenticate/", {"password": "correct horse"})
        return client

    def test_asks_for_the_name(self, client: Client, viewer: User):
        response = client.get(DELETE)
        assert "Type viewer to confirm." in text_of(response)
        assert_well_made(response)
        response = client.post(DELETE, {"username": "Viewer"})
        assert "This is not your username. Type viewer." in text_of(response)
        viewer.refresh_from_db()
        assert viewer.deleted_at is None

    def test_forgets_the_person_and_keeps_the_claims(
        self, client: Client, viewer: User, studio: Organization, now: datetime
    ):
        client.post(PROFILE, {"picture": picture()})
        claim = factories.ClaimFactory(viewer=viewer)
        app = factories.OAuthAppFactory(organization=studio)
        links.link(viewer=viewer, app=app, now=now)
        Authenticator.objects.create(user=viewer, type=Authenticator.Type.RECOVERY_CODES, data={})
        factories.MembershipFactory(organization=studio)
        Membership.objects.create(organization=studio, user=viewer, role=MemberRole.OWNER)

        response = client.post(DELETE, {"username": "viewer"}, follow=True)

        assert "Your account was deleted." in text_of(response)
        viewer.refresh_from_db()
        assert viewer.username.startswith("deleted_")
        assert viewer.email == ""
        assert not viewer.profile_picture
        assert not viewer.is_active
        assert viewer.deleted_at is not None
        assert not viewer.has_usable_password()
        assert not EmailAddress.objects.filter(user=viewer).exists()
        assert not Authenticator.objects.filter(user=viewer).exists()
        assert not Membership.objects.filter(user=viewer).exists()
        assert not UserSession.objects.filter(user=viewer).exists()
        assert not GameLink.objects.filter(viewer=viewer, unlinked_at=None).exists()
        assert Claim.objects.get().viewer_id == viewer.pk == claim.viewer_id
        event = AuditEvent.objects.get(action="user.deleted")
        assert "viewer" not in str(event.data)

    def test_ends_every_session(self, client: Client, viewer: User):
        other = Client()
        other.post("/accounts/login/", {"login": "viewer", "password": "correct horse"})
        assert other.get(PROFILE).status_code == 200
        client.post(DELETE, {"username": "viewer"})
        assert other.get(PROFILE).status_code == 302
        assert client.get(PROFILE).status_code == 302
        again = Client().post("/accounts/login/", {"login": "viewer", "password": "correct horse"})
        assert again.status_code == 200

    def test_name_and_address_are_free_again(self, client: Client, viewer: User):
        client.post(DELETE, {"username": "viewer"})
        assert factories.UserFactory(username="viewer", email="viewer@example.com").pk != viewer.pk

    def test_channel_goes_off_air_and_loses_its_name(self, client: Client, viewer: User, now: datetime):
        channel = factories.ChannelFactory(owner=viewer, description="All about me")
        live = factories.LivestreamFactory(channel=channel)
        client.post(DELETE, {"username": "viewer"})
        live.refresh_from_db()
        assert live.ended_at is not None
        emptied = Channel.objects.get(pk=channel.pk)
        assert emptied.slug.startswith("deleted_")
        assert emptied.description == ""
        assert client.get("/channels/viewer/").status_code == 404

    def test_last_owner_of_an_organization_has_to_find_another_first(
        self, client: Client, viewer: User, studio: Organization
    ):
        factories.MembershipFactory(organization=studio, user=viewer)
        factories.MembershipFactory(organization=studio, role=MemberRole.MEMBER)
        assert "You are the only owner of Northlight Games." in text_of(client.get(DELETE))
        client.post(DELETE, {"username": "viewer"})
        viewer.refresh_from_db()
        assert viewer.deleted_at is None

    def test_asks_for_the_password_again_after_a_while(self, client: Client, now: datetime):
        assert client.get(DELETE).status_code == 200
        with time_machine.travel(now + timedelta(hours=1)):
            location = client.get(DELETE).headers["Location"]
        assert location == "/accounts/reauthenticate/?next=%2Fsettings%2Fdelete%2F"
