"""What had not been mailed when notices came is mailed as one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApplicationStep, Invitation, MemberRole, Notice, Proposal
from fulfillment.models import EndpointNotice
from tests import factories
from tests.mails import send_notices


@pytest.mark.django_db(transaction=True)
def test_what_was_on_its_way_is_carried_over(migrate) -> None:
    now = timezone.now()
    studio = factories.OrganizationFactory(contact_email="ops@example.com")
    operator = factories.UserFactory(is_staff=True)
    owner, mate, developer = (
        factories.MembershipFactory(organization=studio, role=role).user
        for role in (MemberRole.OWNER, MemberRole.OWNER, MemberRole.DEVELOPER)
    )
    tomorrow = now + timedelta(days=1)
    Invitation.objects.create(
        organization=studio, role="support", invited="who@example.com", created_at=now, expires_at=tomorrow
    )
    Proposal.objects.create(
        organization=studio,
        act="app.delete",
        target_type="accounts.oauthapp",
        target_id="1",
        target_name="App",
        asked_by=mate,
        asked_at=now,
        expires_at=tomorrow,
    )
    ApplicationStep.objects.create(organization=studio, kind="sent", by=owner, at=now)
    app = factories.OAuthAppFactory(organization=studio)
    for changed in ({"name": "Northlight"}, {"name": "", "app": app, "with_logo": True}):
        factories.OrganizationChangeFactory(organization=studio, asked_by=owner, **changed)
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    EndpointNotice.objects.create(endpoint=endpoint, kind="failing_1h", failing_since=now, created_at=now)
    Notice.objects.all().delete()

    migrate("accounts", "0017_add_notices")
    migrate()

    told = {
        (notice.kind, notice.user.username if notice.user else notice.address)
        for notice in Notice.objects.select_related("user")
    }
    owners = [owner.username, mate.username]
    assert told == {
        ("invited", "who@example.com"),
        ("proposed", owner.username),
        ("application_to_judge", operator.username),
        ("change_to_decide", operator.username),
        *(("organization_change", name) for name in owners),
        *(("app_change", name) for name in (*owners, developer.username)),
        *(("endpoint_trouble", name) for name in (*owners, developer.username, "ops@example.com")),
    }
    assert len(send_notices(timezone.now())) == Notice.objects.count()
