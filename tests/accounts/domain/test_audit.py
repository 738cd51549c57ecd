"""Whose audit log an event belongs to."""

from __future__ import annotations

from datetime import datetime

from accounts.domain import audit
from accounts.models import Organization, User
from tests import factories


def test_an_event_belongs_to_the_organization_of_its_target(
    studio: Organization, owner: User, now: datetime
) -> None:
    app = factories.OAuthAppFactory(organization=studio)

    for target in (studio, app):
        event = audit.record("thing.changed", target, by=owner, at=now, data={"name": ["a", "b"]})
        assert (event.organization, event.actor, event.at) == (studio, owner, now)
        assert (event.target_type, event.target_id) == (target._meta.label_lower, str(target.pk))


def test_an_event_about_a_person_belongs_to_no_organization_unless_one_is_named(
    studio: Organization, owner: User, now: datetime
) -> None:
    assert audit.record("user.changed", owner, by=None, at=now).organization is None
    assert audit.record("user.changed", owner, by=None, at=now, organization=studio).organization == studio


def test_an_app_can_be_the_one_who_acts(studio: Organization, viewer: User, now: datetime) -> None:
    app = factories.OAuthAppFactory(organization=studio)

    event = audit.record("user.renamed", viewer, by=app, at=now)

    assert (event.actor, event.actor_app) == (None, app)
