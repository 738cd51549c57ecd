"""Names that were there before are kept by whoever was there first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.names import key_of
from accounts.models import Organization, TakenName
from tests import factories
from tests.factories import NOW


@pytest.mark.django_db(transaction=True)
def test_the_first_keeps_the_name_and_the_others_go_on(migrate) -> None:
    def organization(name: str, approved: int | None = None, **more) -> Organization:
        day = None if approved is None else NOW + timedelta(days=approved)
        return factories.OrganizationFactory(name=name, approved_at=day, **more)

    late = organization("N0rthlight", approved=2)
    early = organization("Northlight", approved=1, suspended_at=NOW)
    registered_twice = [organization("Polar Games"), organization("Polar Garnes")]
    refused = organization("Tidepool", suspended_at=NOW)
    nameless = organization("?…", approved=3)
    late_app = factories.OAuthAppFactory(organization=late, name="Skyforge")
    factories.OAuthAppFactory(organization=early, name="SKYFORGE")
    factories.OAuthAppFactory(organization=early, name="Deleted", deleted_at=NOW)
    factories.OAuthAppFactory(organization=registered_twice[0], name="Polar Connect")
    named_like_an_app = organization("Skyforge")
    factories.OAuthAppFactory(organization=None, is_platform=True, name="Streamhub")
    like_the_platform = organization("Streamhub", approved=0)

    migrate("accounts", "0010_add_taken_names")
    TakenName.objects.all().delete()
    migrate()

    kept = {
        "Northlight": early.pk,
        "Polar Games": registered_twice[0].pk,
        "Skyforge": late_app.organization_id,
        "Streamhub": None,
    }
    assert dict(TakenName.objects.values_list("key", "organization")) == {
        key_of(name): who for name, who in kept.items()
    }
    assert set(Organization.objects.values_list("name", flat=True)) == {
        each.name
        for each in (late, early, *registered_twice, refused, nameless, named_like_an_app, like_the_platform)
    }
