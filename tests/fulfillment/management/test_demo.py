from collections import Counter
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.domain.apps import create_app
from accounts.domain.members import has_second_factor
from accounts.domain.organization_changes import approve_change, waiting_change
from accounts.domain.organizations import change_organization
from accounts.models import AuditEvent, GameLink, MemberRole, OAuthApp, Organization, User
from drops.domain.campaigns.phases import note_phase_changes
from drops.domain.watch.figures import totals
from drops.models import (
    Campaign,
    CampaignPhase,
    Channel,
    Livestream,
    Progress,
    Reward,
    WatchHour,
    WatchInterval,
)
from fulfillment.domain.analytics.fulfilment import count_fulfilment, fulfilment
from fulfillment.domain.analytics.weekly import write_weekly
from fulfillment.domain.delivery.endpoints import MAX_ENDPOINTS, create_endpoint
from fulfillment.domain.delivery.hours import start_of_hour
from fulfillment.management import demo_crowd
from fulfillment.management.commands.demo import AUDIENCE
from fulfillment.models import Claim, ClaimHour, Delivery, SigningKey, WebhookEndpoint
from tests.drops.domain.watch import recompute
from tests.factories import NOW
from tests.fulfillment.domain.analytics.test_fulfilment import counted, from_the_rows
from tests.mails import send_notices


@pytest.fixture
def whole_crowd(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path


@pytest.fixture
def state(whole_crowd, monkeypatch):
    """With nobody but the seven who have names: the rest takes time."""
    monkeypatch.setattr(demo_crowd, "VIEWERS", 0)
    return whole_crowd


def run(**options):
    out = StringIO()
    call_command("demo", stdout=out, **options)
    return out.getvalue()


def names_in(phase, now):
    return set(Campaign.objects.in_phase(phase, now=now).values_list("name", flat=True))


@pytest.mark.django_db
def test_on_mondays_no_mail_is_printed_over_the_sign_ins(whole_crowd, monkeypatch):
    monkeypatch.setattr(demo_crowd, "VIEWERS", 12)
    monday = NOW + timedelta(days=3)
    with time_machine.travel(monday, tick=False):
        run()
    write_weekly(now=monday)
    assert send_notices(monday) == []


@pytest.mark.django_db
def test_a_second_run_changes_nothing(state):
    with time_machine.travel(NOW, tick=False):
        run()
        models = (
            User,
            Campaign,
            Reward,
            Channel,
            Livestream,
            OAuthApp,
            WebhookEndpoint,
            SigningKey,
            AuditEvent,
            Progress,
            Claim,
            Delivery,
        )
        before = [model.objects.count() for model in models]
        secret = Path(state, "studio.env").read_text()
        run()

    assert [model.objects.count() for model in models] == before
    assert Path(state, "studio.env").read_text() == secret


@pytest.mark.django_db
def test_nobody_gets_a_mail_about_the_demo(state, mailoutbox):
    run()
    note_phase_changes(now=timezone.now())
    assert send_notices(timezone.now()) == []


@pytest.mark.django_db
def test_the_sign_ins_on_the_screen_work(state):
    with time_machine.travel(NOW, tick=False):
        screen = run()

    for username in ("vera", "mira", "nora", "ines", "oscar"):
        user = User.objects.get(username=username)
        assert username in screen
        assert user.check_password("drops-demo")
        assert user.is_staff == (username == "oscar")
    for username in ("nora", "ines"):
        assert has_second_factor(User.objects.get(username=username))
    assert User.objects.get(username="ines").memberships.get().role == MemberRole.SUPPORT


@pytest.mark.django_db
def test_an_audience_has_watched_and_claimed_what_it_earned(state):
    with time_machine.travel(NOW, tick=False):
        run()

    seconds = dict(Progress.objects.values_list("viewer__username", "seconds"))
    assert {name: watched // 60 for name, watched in seconds.items()} == AUDIENCE
    season = Campaign.objects.get(name="Aurora Season")
    earned = {
        (username, entry.reward_id)
        for username, minutes in AUDIENCE.items()
        for entry in season.campaign_rewards.all()
        if entry.required_minutes <= minutes
    }
    claims = Claim.objects.order_by("id")
    assert {(claim.viewer.username, claim.reward_id) for claim in claims} == earned
    assert [claim.created_at for claim in claims] == sorted(claim.created_at for claim in claims)
    assert Delivery.objects.filter(claim__isnull=False).count() == len(earned)


@pytest.mark.django_db
@pytest.mark.parametrize("days", [0, 13, 20, 100])
def test_there_is_something_to_watch_however_long_ago_the_first_run_was(state, days):
    with time_machine.travel(NOW, tick=False):
        run()
    later = NOW + timedelta(days=days)
    with time_machine.travel(later, tick=False):
        run()

    season = Campaign.objects.in_phase(CampaignPhase.LIVE, now=later).get(name="Aurora Season")
    assert season.ends_at >= later + timedelta(days=3)
    assert season.campaign_rewards.first().required_minutes == 1
    assert Channel.objects.get(slug="mira").livestreams.filter(ended_at=None).count() == 1
    assert names_in(CampaignPhase.ANNOUNCED, later) >= {"Copper Cup"}
    assert names_in(CampaignPhase.GRACE, later) >= {"Founders' Lap"}


@pytest.mark.django_db
def test_the_studio_may_move_to_another_address(state):
    with time_machine.travel(NOW, tick=False):
        run()
        run(studio_url="http://127.0.0.1:9100")

    assert WebhookEndpoint.objects.get().url == "http://127.0.0.1:9100/webhooks/drops"
    assert (
        OAuthApp.objects.get(name="Skyforge Rally").redirect_uris == "http://127.0.0.1:9100/connect/callback"
    )


@pytest.mark.django_db
def test_a_studio_that_has_another_name_by_now_stays_the_same(state):
    """Its old name is free, but its apps keep theirs: a second studio could not make them anew."""
    with time_machine.travel(NOW, tick=False):
        run()
        nora, oscar = (User.objects.get(username=name) for name in ("nora", "oscar"))
        studio = Organization.objects.get(name="Northlight Games")
        change_organization(organization=studio, name="Polar Games", now=NOW, actor=nora)
        change = waiting_change(studio)
        assert change is not None
        approve_change(change=change, now=NOW, actor=oscar)
        run()

    assert set(Organization.objects.values_list("name", flat=True)) == {"Polar Games", "Tidepool Interactive"}


@pytest.mark.django_db
def test_it_runs_any_number_of_times_a_minute(state):
    """Each new address of the studio is a test event, and people are limited to six a minute."""
    with time_machine.travel(NOW, tick=False):
        for port in range(9000, 9008):
            run(studio_url=f"http://127.0.0.1:{port}")
        WebhookEndpoint.objects.update(deleted_at=NOW)
        run()

    url = WebhookEndpoint.objects.get(deleted_at=None).url
    assert url == "http://127.0.0.1:9000/webhooks/drops"


@pytest.mark.django_db
def test_an_owner_who_filled_the_list_of_endpoints_does_not_stop_it(state):
    with time_machine.travel(NOW, tick=False):
        run()
        organization, owner = (
            Organization.objects.get(name="Northlight Games"),
            User.objects.get(username="nora"),
        )
        WebhookEndpoint.objects.update(deleted_at=NOW)
        for number in range(MAX_ENDPOINTS):
            create_endpoint(
                organization=organization, url=f"http://127.0.0.1:9200/{number}", now=NOW, actor=owner
            )
        run()

    assert WebhookEndpoint.objects.filter(deleted_at=None).count() == MAX_ENDPOINTS


@pytest.mark.django_db
def test_what_the_owner_added_is_left_alone(state):
    """Of whatever the studio has, only its own server's is brought up to date."""
    with time_machine.travel(NOW, tick=False):
        run()
        organization, owner = (
            Organization.objects.get(name="Northlight Games"),
            User.objects.get(username="nora"),
        )
        mine = {"organization": organization, "now": NOW, "actor": owner}
        create_endpoint(url="http://127.0.0.1:9200/hooks", **mine)
        create_app(name="Ours", redirect_uris=["https://example.com/back"], **mine)
        run()
        run(studio_url="http://127.0.0.1:9100")

    assert set(WebhookEndpoint.objects.values_list("url", flat=True)) == {
        "http://127.0.0.1:9100/webhooks/drops",
        "http://127.0.0.1:9200/hooks",
    }
    assert dict(organization.oauth_apps.values_list("name", "redirect_uris")) == {
        "Skyforge Rally": "http://127.0.0.1:9100/connect/callback",
        "Ours": "https://example.com/back",
    }


@pytest.mark.django_db
def test_public_passwords_stay_on_this_machine(settings):
    settings.SITE_URL = "https://drops.example.com"

    with pytest.raises(CommandError, match="SITE_URL"):
        run()
    assert not User.objects.exists()


@pytest.fixture
def campaigns(whole_crowd):
    """The season that runs and the campaign before, with the whole crowd, in which everything has been counted."""
    with time_machine.travel(NOW, tick=False):
        run()
    count_fulfilment(now=NOW)
    return [Campaign.objects.get(name=name) for name in ("Aurora Season", "Founders' Lap")]


@pytest.mark.django_db
def test_what_the_crowd_did_agrees_with_the_rows_to_the_last_second(campaigns):
    """Everything that figures are read from, worked out once more from intervals, claims, attempts and changes."""
    assert recompute.stored_watch_hours() == recompute.watch_hours()
    assert recompute.stored_reward_hours() == recompute.reward_hours()
    assert recompute.stored_progress() == recompute.progress()
    assert recompute.stored_pairs() == recompute.pairs()
    assert len(recompute.pairs()) == 1
    hours = ClaimHour.objects.values_list("campaign", "reward", "hour", "test", "claims")
    claims = Counter(
        (claim.campaign_id, claim.reward_id, start_of_hour(claim.created_at), claim.test)
        for claim in Claim.objects.all()
    )
    assert {tuple(key): number for *key, number in hours} == claims
    for campaign in campaigns:
        assert counted(campaign) == from_the_rows(campaign, NOW)
        assert totals([campaign])[campaign.pk].viewers == campaign.progress.filter(seconds__gt=0).count()


@pytest.mark.django_db
def test_the_crowd_is_lost_at_every_step_and_by_many_reasons(campaigns):
    season, last = campaigns
    viewers = totals([season])[season.pk].viewers
    reached = set(season.progress.filter(seconds__gte=60 * 15).values_list("viewer", flat=True))
    linked = set(GameLink.objects.filter(viewer__in=reached).values_list("viewer", flat=True))
    claimed = set(season.claims.values_list("viewer", flat=True))
    answered = season.claims.exclude(external_status="initiated").values("viewer").distinct().count()
    assert viewers > 150
    assert viewers > len(reached) > len(linked) > len(claimed & linked) > answered > 0
    words = set(Claim.objects.values_list("external_status", flat=True))
    assert words == {"initiated", "granted", "opened", "played"}
    reasons = set(WatchInterval.objects.exclude(reason="").values_list("reason", flat=True))
    assert reasons >= {"wrong_category", "other_stream_active", "stream_offline", "streamer_opted_out"}
    assert WatchHour.objects.filter(campaign=season).values("channel").distinct().count() == 4
    assert fulfilment(campaign=season).whole.arrived.retries
    both = Progress.objects.filter(campaign=season, viewer__progress__campaign=last)
    assert both.count() > 20
    waiting = Delivery.objects.filter(claim__isnull=False, delivered_at=None)
    assert waiting.count() == demo_crowd.STILL_WAITING  # each is a line on the screen of the first start
