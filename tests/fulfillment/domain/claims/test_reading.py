"""One filter finds claims for partners and for owners."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fulfillment.domain.claims.reading import ClaimFilter, claims_of
from tests.fulfillment.delivering import make_claim

pytestmark = pytest.mark.django_db


def test_each_field_of_the_filter_limits_what_is_found(studio, rival_studio, now):
    old, new = make_claim(studio, now - timedelta(days=1)), make_claim(studio, now)
    make_claim(rival_studio, now)
    old.external_status = "granted"
    old.save()

    def found(**wanted):
        return set(claims_of(studio.pk, ClaimFilter(**wanted)))

    assert found() == {old, new}
    assert found(campaign_id=old.campaign_id) == {old}
    assert found(viewer_id=new.viewer_id) == {new}
    assert found(claim_id=old.pk) == {old}
    assert found(external_status="granted") == {old}
    assert found(since=now) == {new}
    assert found(until=now) == {old}
    assert found(updated_since=now) == {new}
