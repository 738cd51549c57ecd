"""What business verbs share."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.domain.permissions import Action
from accounts.domain.verbs import ALREADY, change, goes_ahead, lock_for
from accounts.models import AuditEvent, Organization, User


def test_a_refusal_is_raised_and_what_is_so_already_is_none() -> None:
    assert goes_ahead("")
    assert not goes_ahead(ALREADY)
    with pytest.raises(ValidationError, match="It is closed"):
        goes_ahead("It is closed.")


def test_a_row_is_locked_for_those_alone_who_may_change_it(
    owner: User, rival_owner: User, studio_app
) -> None:
    assert lock_for(studio_app, actor=owner, action=Action.CHANGE_APPS) == studio_app
    with pytest.raises(PermissionDenied):
        lock_for(studio_app, actor=rival_owner, action=Action.CHANGE_APPS)


def test_a_change_saves_its_values_alone_and_is_recorded(studio: Organization, now: datetime) -> None:
    stamp = studio.updated_at
    studio.name = "Not to be saved"

    change(studio, "organization.suspended", by=None, at=now, data={"why": "test"}, suspended_at=now)

    studio.refresh_from_db()
    assert (studio.name, studio.suspended_at) == ("Northlight Games", now)
    assert studio.updated_at - stamp > timedelta()
    event = AuditEvent.objects.get(action="organization.suspended")
    assert (event.organization, event.at, event.data) == (studio, now, {"why": "test"})
