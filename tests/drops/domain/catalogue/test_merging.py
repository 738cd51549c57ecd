"""Two categories become one: nothing that was watched or planned is lost by it, and old addresses lead on."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.test import Client

from accounts.models import AuditEvent, Organization, User
from drops.domain.catalogue import categories, merging
from drops.models import Campaign, Category, Channel, Follow, FormerCategory, Livestream, Reward
from drops.tasks import finish_merges
from tests import factories
from tests.api import bearer
from tests.dashboard import sign_in, words
from tests.drops.domain.watch.crediting import beats, rows_of, seconds_of
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(hours=1)


@pytest.fixture
def twin(studio: Organization) -> Category:
    """The same game as `category`, entered once more."""
    return factories.CategoryFactory(name="Night Shift (PC)", slug="night-shift-pc", organization=studio)


def merged(twin: Category, into: Category, operator: User) -> Category:
    return merging.merge_categories(category=twin, into=into, reason="The same", now=SOON, actor=operator)


def test_every_model_that_refers_to_a_category_is_moved() -> None:
    fields = Category._meta.get_fields(include_hidden=True)
    found = {field.related_model for field in fields if field.one_to_many and field.related_model != Category}
    # Followers are moved by a verb of their own: some follow both.
    assert found == {*merging.REFERRING, Follow}


def test_campaigns_rewards_and_streams_go_on(
    twin: Category, category: Category, studio: Organization, channel: Channel, viewer: User, operator: User
) -> None:
    campaign = factories.CampaignFactory(organization=studio, category=twin)
    attached = factories.CampaignRewardFactory(campaign=campaign, reward__category=twin)
    live = factories.LivestreamFactory(channel=channel, category=twin)
    FormerCategory.objects.create(livestream=live, category=twin, until=NOW - timedelta(days=1))
    beats(viewer, channel, 0, 60)
    merged(twin, category, operator)
    for row in (campaign, live, attached.reward):
        row.refresh_from_db()
        assert row.category == category
    # What comes in afterwards, of before or after the merge, counts as if nothing had happened.
    beats(viewer, channel, 120, 180)
    assert seconds_of(viewer, campaign) == 180
    assert {reason for _, reason, _ in rows_of(viewer)} == {""}
    assert FormerCategory.objects.get().category == category
    event = AuditEvent.objects.get(action="category.merged")
    assert (event.organization, event.actor) == (studio, operator)
    assert event.data["campaigns"] == event.data["rewards"] == event.data["livestreams"] == 1


def test_a_stream_of_the_one_counts_for_campaigns_of_the_other(
    twin: Category, category: Category, studio: Organization, channel: Channel, viewer: User, operator: User
) -> None:
    campaign = factories.CampaignFactory(organization=studio, category=category)
    factories.LivestreamFactory(channel=channel, category=twin)
    merged(twin, category, operator)
    beats(viewer, channel, 0, 60)
    assert seconds_of(viewer, campaign) == 60


def test_the_old_id_and_the_old_slug_lead_on(
    client: Client, twin: Category, category: Category, studio_app: Any, channel: Channel, operator: User
) -> None:
    factories.LivestreamFactory(channel=channel, category=category)
    third = factories.CategoryFactory(organization=None)
    merged(third, twin, operator)
    merged(twin, category, operator)
    for old in (twin, third):
        answer = bearer(studio_app).get(f"/public/v1/categories/{old.pk}").json()
        assert answer["data"]["id"] == category.pk
        assert categories.category_by_id(old.pk) == category
        streams = client.get("/api/v1/livestreams", {"category_id": old.pk}).json()["data"]["livestreams"]
        assert len(streams) == 1
    page = client.get("/channels/", {"category": twin.slug, "page": "1"})
    assert page.headers["Location"] == f"/channels/?category={category.slug}&page=1"
    listed = bearer(studio_app).get("/public/v1/categories", {"q": "Night Shift (PC)"}).json()["data"]
    assert not listed
    body = {"name": "Wings", "category_id": twin.pk, "external_id": "wings"}
    answer = bearer(studio_app, scope="drops:write").post(
        "/public/v1/drops/rewards", body, content_type="application/json"
    )
    assert answer.status_code == 201, answer.json()
    assert Reward.objects.get(external_id="wings").category == category


def test_what_is_merged_is_neither_offered_nor_named_anew(
    twin: Category, category: Category, studio: Organization, operator: User
) -> None:
    merged(twin, category, operator)
    assert twin not in Category.objects.all()
    assert twin not in categories.usable(studio)
    for name, slug in ((twin.name, "other"), ("Other", twin.slug)):
        with pytest.raises(ValidationError, match="was merged into"):
            categories.create_category(
                name=name, slug=slug, organization=None, image=None, now=SOON, actor=operator
            )
    with pytest.raises(ValidationError, match="merged already"):
        merged(twin, category, operator)
    with pytest.raises(ValidationError, match="merged already"):
        merged(category, twin, operator)


def test_what_others_have_in_it_is_not_moved_under_an_organization_that_does_not_own_it(
    twin: Category, studio: Organization, rival_studio: Organization, operator: User
) -> None:
    factories.CampaignFactory(organization=studio, category=twin, name="Aurora")
    theirs = factories.CategoryFactory(organization=rival_studio)
    with pytest.raises(ValidationError, match="“Aurora”"):
        merged(twin, theirs, operator)
    assert Campaign.objects.get().category == twin
    # Into what nobody claims: it is claimed by the same organization from then on.
    nobodys = factories.CategoryFactory(organization=None)
    assert merged(twin, nobodys, operator).organization == studio


def test_what_was_written_late_follows(
    twin: Category, category: Category, channel: Channel, operator: User, time_machine: Any
) -> None:
    merged(twin, category, operator)
    late = factories.LivestreamFactory(channel=channel, category=twin)
    time_machine.move_to(SOON + timedelta(seconds=30), tick=False)
    assert finish_merges() == 1
    late.refresh_from_db()
    assert late.category == category
    assert finish_merges() == 0


@pytest.mark.parametrize("reason", ["", " ", "x" * 501])
def test_a_reason_is_needed(twin: Category, category: Category, operator: User, reason: str) -> None:
    with pytest.raises(ValidationError):
        merging.merge_categories(category=twin, into=category, reason=reason, now=SOON, actor=operator)
    with pytest.raises(ValidationError, match="another category"):
        merged(twin, twin, operator)


def test_members_merge_and_transfer_nothing(
    twin: Category, category: Category, owner: User, rival_studio: Organization
) -> None:
    with pytest.raises(PermissionDenied):
        merged(twin, category, owner)
    with pytest.raises(PermissionDenied):
        categories.transfer_category(
            category=twin, organization=rival_studio, reason="Mine", now=SOON, actor=owner
        )


def test_the_pages_name_the_campaigns_concerned(
    client: Client,
    twin: Category,
    category: Category,
    studio: Organization,
    operator: User,
    time_machine: Any,
) -> None:
    time_machine.move_to(NOW, tick=False)
    factories.CampaignFactory(organization=studio, category=twin, name="Aurora")
    factories.CampaignFactory(organization=studio, category=twin, name="Sketch", published_at=None)
    sign_in(client, operator)
    page = words(client.get(f"/admin/drops/category/{twin.pk}/merge/"))
    assert "“Aurora”" in page
    assert "“Sketch”" in page
    page = words(client.get(f"/admin/drops/category/{twin.pk}/transfer/"))
    assert "until these campaigns of Northlight Games have closed: “Aurora”." in page
    assert "can no longer publish its drafts: “Sketch”." in page


def test_a_transfer_waits_for_campaigns_and_is_read_by_both(
    twin: Category, studio: Organization, rival_studio: Organization, operator: User
) -> None:
    running = factories.CampaignFactory(organization=studio, category=twin, name="Aurora")

    def transfer() -> Category:
        return categories.transfer_category(
            category=twin, organization=rival_studio, reason="Sold", now=SOON, actor=operator
        )

    with pytest.raises(ValidationError, match="“Aurora”"):
        transfer()
    Campaign.objects.filter(pk=running.pk).update(published_at=None)
    assert transfer().organization == rival_studio
    events = AuditEvent.objects.filter(action="category.changed")
    assert {event.organization for event in events} == {studio, rival_studio}
    assert all(event.data["explanation"] == "Sold" for event in events)
    assert all(event.data["claimed_before_by"] == studio.name for event in events)
    with pytest.raises(ValidationError):
        transfer()
    suspended = factories.OrganizationFactory(suspended_at=NOW)
    with pytest.raises(ValidationError, match="approved and not suspended"):
        categories.transfer_category(
            category=twin, organization=suspended, reason="So", now=SOON, actor=operator
        )


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_nobody_is_credited_while_a_merge_is_under_way(
    twin: Category, category: Category, studio: Organization, channel: Channel, viewer: User, operator: User
) -> None:
    """A crediting that began before the commit sees all of the merge, or none of it."""
    campaign = factories.CampaignFactory(organization=studio, category=twin)
    Livestream.objects.filter(channel=channel).delete()
    factories.LivestreamFactory(channel=channel, category=twin)
    beats(viewer, channel, 0)
    done = threading.Event()

    def watch() -> None:
        try:
            beats(viewer, channel, 60)
        finally:
            done.set()
            connection.close()

    thread = threading.Thread(target=watch)
    with transaction.atomic():
        merged(twin, category, operator)
        thread.start()
        assert not done.wait(timeout=1)  # it waits for the partitions
    thread.join()
    assert seconds_of(viewer, campaign) == 60
