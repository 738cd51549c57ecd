"""What had not been mailed when notices came is mailed as one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import MemberRole, Notice
from fulfillment.models import EndpointNotice
from tests import factories
from tests.isolation.world import Belongings
from tests.mails import send_notices


@pytest.mark.django_db(transaction=True)
def test_what_was_on_its_way_is_carried_over(migrate) -> None:
    own, now = Belongings("own"), timezone.now()
    operator = factories.UserFactory(is_staff=True)
    developer = factories.MembershipFactory(
        organization=own.organization, role=MemberRole.DEVELOPER, user__email="developer@example.com"
    ).user
    own.invitation.expires_at = own.proposal.expires_at = now + timedelta(days=1)
    own.invitation.save()
    own.proposal.save()
    EndpointNotice.objects.create(endpoint=own.endpoint, kind="failing_1h", failing_since=now, created_at=now)
    Notice.objects.all().delete()

    migrate("accounts", "0017_add_notices")
    migrate()

    told = {
        (notice.kind, notice.user.username if notice.user else notice.address)
        for notice in Notice.objects.select_related("user")
    }
    owners, contact = ["own_owner", "own_mate"], "own@example.com"
    assert told == {
        ("invited", "own@own.example.com"),
        ("proposed", "own_owner"),
        ("application_to_judge", operator.username),
        ("change_to_decide", operator.username),
        *(("organization_change", name) for name in owners),
        *(("app_change", name) for name in (*owners, developer.username)),
        *(("endpoint_trouble", name) for name in (*owners, developer.username, contact)),
    }
    with_address = Notice.objects.exclude(user__email="").count()
    assert len(send_notices(timezone.now())) == with_address
