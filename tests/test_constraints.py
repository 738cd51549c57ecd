"""The constraints hold against raw SQL: a bug above them cannot write what must not be."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, models, transaction

from accounts.models import GameLink, Membership, OAuthApp, Proposal, TakenName, User
from drops.models import AllowedChannel, Campaign, CampaignReward, Channel, Livestream, PhaseChange, Progress
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def raw_update(instance: models.Model, **values: object) -> None:
    """UPDATE by SQL, past every validation of Python."""
    table = connection.ops.quote_name(instance._meta.db_table)
    columns = ", ".join(f"{connection.ops.quote_name(name)} = %s" for name in values)
    field = instance._meta.pk
    key = field.get_db_prep_value(instance.pk, connection)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {columns} WHERE {connection.ops.quote_name(field.column)} = %s",  # noqa: S608
            [*values.values(), key],
        )


def refuses(constraint: str, instance: models.Model, **values: object) -> None:
    assert constraint in {constraint.name for constraint in instance._meta.constraints}
    with pytest.raises(IntegrityError):
        raw_update(instance, **values)


def test_the_helper_can_write_what_is_allowed():
    reward = factories.CampaignRewardFactory()

    raw_update(reward, required_minutes=5)

    assert CampaignReward.objects.get().required_minutes == 5


def test_user_names_and_addresses_are_unique_whatever_their_case():
    first, second = factories.UserFactory(username="Ada"), factories.UserFactory()

    refuses("user_username_unique", second, username="aDA")
    refuses("user_email_unique", second, email=first.email.upper())


def test_a_proposal_is_open_or_answered_and_one_of_a_kind_is_open():
    user = factories.UserFactory()
    first, second = (
        Proposal.objects.create(
            organization=factories.OrganizationFactory(),
            act="app.delete",
            target_type="accounts.oauthapp",
            target_id=target,
            target_name="App",
            asked_by=user,
            asked_at=NOW,
            expires_at=NOW,
        )
        for target in ("1", "2")
    )
    refuses("proposal_one_is_open", second, target_id="1")
    for values in (
        {"answered_at": NOW},
        {"answered_by_id": user.pk},
        {"state": "agreed"},
        {"state": "agreed", "answered_at": NOW},
        {"state": "expired", "answered_at": NOW, "answered_by_id": user.pk},
        {"state": "nonsense", "answered_at": NOW, "answered_by_id": user.pk},
    ):
        refuses("proposal_open_or_answered", first, **values)
    raw_update(first, state="agreed", answered_at=NOW, answered_by_id=user.pk)
    raw_update(second, target_id="1")


def test_many_users_may_have_no_address():
    for user in factories.UserFactory.create_batch(2):
        raw_update(user, email="")

    assert User.objects.filter(email="").count() == 2


def test_a_person_is_once_in_an_organization_with_a_known_role():
    first = factories.MembershipFactory()
    second = factories.MembershipFactory(organization=first.organization)

    refuses("membership_once_per_organization", second, user_id=first.user_id)
    refuses("membership_role_known", second, role="emperor")
    assert Membership.objects.count() == 2


def test_a_name_is_one_organizations():
    first, second = factories.OrganizationFactory.create_batch(2)
    TakenName.objects.create(key="northllght", organization=first)

    for taken in (second, None):
        with pytest.raises(IntegrityError), transaction.atomic():
            TakenName.objects.create(key="northllght", organization=taken)


def test_an_organization_asks_for_one_change_at_a_time():
    first = factories.OrganizationChangeFactory()
    second = factories.OrganizationChangeFactory(
        organization=first.organization, state="refused", decided_at=NOW, decided_by=first.asked_by
    )

    refuses("organization_change_decided_or_waits", second, state="waiting")
    refuses("organization_change_decided_or_waits", second, state="forgotten")
    refuses("organization_change_decided_or_waits", second, decided_at=None)
    refuses("organization_change_decided_or_waits", second, decided_by_id=None)
    refuses("organization_change_one_waits", second, state="waiting", decided_at=None, decided_by_id=None)


def test_a_logo_of_each_app_waits_beside_the_change_of_its_organization():
    organization = factories.OrganizationChangeFactory().organization
    for app in factories.OAuthAppFactory.create_batch(2, organization=organization):
        factories.OrganizationChangeFactory(organization=organization, app=app, name="", with_logo=True)
        second = factories.OrganizationChangeFactory(
            organization=organization,
            app=app,
            state="refused",
            decided_at=NOW,
            decided_by=factories.UserFactory(),
        )
        waiting = {"state": "waiting", "decided_at": None, "decided_by_id": None}
        refuses("organization_change_one_of_app_waits", second, **waiting)


def test_an_app_has_exactly_one_kind_of_owner():
    app = factories.OAuthAppFactory()

    refuses("oauth_app_has_one_owner", app, is_platform=True)
    assert not OAuthApp.objects.filter(is_platform=True).exists()


def test_one_live_link_per_viewer_and_per_game_account():
    first = factories.GameLinkFactory(game_account_id="player-1")
    second = factories.GameLinkFactory(organization=first.organization, game_account_id="player-2")

    refuses("game_link_one_live_per_viewer", second, viewer_id=first.viewer_id)
    refuses("game_link_one_live_per_game_account", second, game_account_id="player-1")

    raw_update(first, unlinked_at=NOW)
    raw_update(second, game_account_id="player-1")
    assert GameLink.objects.filter(game_account_id="player-1").count() == 2


@pytest.mark.parametrize(
    "dates",
    [
        {"announces_at": NOW + timedelta(days=3), "starts_at": NOW, "ends_at": NOW + timedelta(days=5)},
        {"starts_at": NOW + timedelta(days=5), "ends_at": NOW + timedelta(days=5)},
        {"closes_at": NOW},
    ],
)
def test_campaign_dates_are_in_order(dates):
    refuses("campaign_dates_in_order", factories.CampaignFactory(), **dates)


def test_only_a_published_campaign_is_withdrawn():
    campaign = factories.CampaignFactory(published_at=None)

    refuses("campaign_withdrawn_after_publishing", campaign, withdrawn_at=NOW)
    assert Campaign.objects.filter(withdrawn_at=None).exists()


def test_a_published_campaign_is_archived_once_it_has_closed():
    campaign = factories.CampaignFactory()

    refuses("campaign_archived_when_over", campaign, archived_at=NOW)
    raw_update(campaign, archived_at=NOW, published_at=None)
    refuses("campaign_archived_when_over", campaign, published_at=NOW)
    raw_update(campaign, archived_at=campaign.closes_at, published_at=NOW)


def test_a_campaign_has_1_to_12_rewards_each_once():
    campaign = factories.CampaignFactory()
    rewards = factories.CampaignRewardFactory.create_batch(12, campaign=campaign)

    refuses("campaign_reward_position_1_to_12", rewards[0], position=13)
    refuses("campaign_reward_position_1_to_12", rewards[0], position=0)
    refuses("campaign_reward_position_unique", rewards[0], position=2)
    refuses("campaign_reward_attached_once", rewards[0], reward_id=database_value(rewards[1].reward))
    refuses("campaign_reward_minutes_positive", rewards[0], required_minutes=0)


def test_a_channel_is_once_on_an_allow_list():
    first = factories.AllowedChannelFactory()
    second = factories.AllowedChannelFactory(campaign=first.campaign)

    refuses("allowed_channel_once", second, channel_id=first.channel_id)
    assert AllowedChannel.objects.count() == 2


def test_channel_names_are_unique_whatever_their_case():
    first, second = factories.ChannelFactory.create_batch(2)

    refuses("channel_slug_unique", second, slug=first.slug.upper())
    assert Channel.objects.count() == 2


def test_a_channel_has_one_livestream_at_a_time():
    first = factories.LivestreamFactory()
    ended = factories.LivestreamFactory(channel=first.channel, ended_at=NOW)

    refuses("livestream_one_live_per_channel", ended, ended_at=None)
    refuses("livestream_ends_after_start", ended, ended_at=NOW - timedelta(days=1))
    assert Livestream.objects.count() == 2


def test_a_phase_change_is_noted_once_and_is_of_a_known_kind():
    campaign = factories.CampaignFactory()
    PhaseChange.objects.create(campaign=campaign, kind="announced", due_at=NOW, noted_at=NOW)
    second = PhaseChange.objects.create(campaign=campaign, kind="started", due_at=NOW, noted_at=NOW)

    refuses("phase_change_noted_once", second, kind="announced")
    refuses("phase_change_kind_known", second, kind="exploded")


def test_progress_is_one_row_per_viewer_and_never_negative():
    first = factories.ProgressFactory()
    second = factories.ProgressFactory(campaign=first.campaign)

    refuses("progress_one_per_viewer", second, viewer_id=first.viewer_id)
    refuses("progress_not_negative", first, seconds=-1)
    assert Progress.objects.count() == 2


def database_value(instance: models.Model) -> object:
    return instance._meta.pk.get_db_prep_value(instance.pk, connection)
