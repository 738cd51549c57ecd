"""What an access token may do: every address says what it needs, and a viewer's token does what was agreed to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import OAuthApp, Organization, User
from accounts.oauth.scopes import Scopes
from config.api.envelope import API_PREFIXES, ok
from config.api.views import OPEN, WITHOUT_SCOPE, ApiView
from drops.models import Campaign, CampaignReward, Channel, WatchInterval
from fulfillment.models import Claim
from tests import factories
from tests.api import authorize_path, bearer, connect

METHODS = ("get", "post", "put", "patch", "delete")
THE_DOCUMENT_ITSELF = "public/v1/openapi.json"


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern.callback


API_ROUTES = [
    pytest.param(view, id=path)
    for path, view in routes(get_resolver().url_patterns)
    if (f"/{path}".startswith(API_PREFIXES) or hasattr(view, "cls")) and path != THE_DOCUMENT_ITSELF
]


@pytest.mark.parametrize("view", API_ROUTES)
def test_every_address_of_the_apis_says_what_it_needs(view: Any) -> None:
    known = {*WITHOUT_SCOPE, *Scopes().get_all_scopes()}
    offered = [method for method in METHODS if hasattr(view.cls, method)]
    assert offered
    assert {view.cls.need_of(method) for method in offered} <= known


def test_what_says_nothing_is_open_to_nobody() -> None:
    class Forgotten(ApiView):
        def get(self, request: Any) -> Any:
            return ok("secret")

    class Open(Forgotten):
        needs = OPEN

    assert Open.as_view()(RequestFactory().get("/")).status_code == 200
    refused = Forgotten.as_view()(RequestFactory().get("/"))
    assert (refused.status_code, b"secret" in refused.content) == (403, False)


# A viewer's calls, with the scope that each needs from a studio's token.
CALLS = {
    ("get", "/viewer/v1/token"): "drops:watch",
    ("get", "/viewer/v1/history"): "drops:watch",
    ("post", "/api/v2/user/events"): "drops:watch",
    ("post", "/api/v1/drops/claim"): "drops:claim",
    ("get", "/api/v1/drops/progress"): "user:read",
    ("get", "/api/v1/drops/progress/summary"): "user:read",
}


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(factories.NOW, tick=False):
        yield


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    return factories.CampaignFactory(organization=studio, published_at=factories.NOW)


@pytest.fixture
def channel(studio: Organization) -> Channel:
    return factories.ChannelFactory()


@pytest.fixture
def bodies(viewer: User, campaign: Campaign, channel: Channel) -> dict[str, Any]:
    attached = factories.CampaignRewardFactory(campaign=campaign, required_minutes=60)
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
    factories.GameLinkFactory(viewer=viewer, organization=campaign.organization)
    return {
        "/api/v2/user/events": [{"name": "tracking.user.watch.livestream", "channel_id": channel.pk}],
        "/api/v1/drops/claim": {"campaign_id": campaign.pk, "reward_id": attached.reward_id},
    }


def call(client: Client, method: str, path: str, bodies: dict[str, Any]) -> Any:
    body = json.dumps(bodies[path]) if path in bodies else ""
    return client.generic(method.upper(), path, body, content_type="application/json")


@pytest.mark.parametrize(("call_", "scope"), CALLS.items())
def test_a_studios_token_does_what_the_viewer_agreed_to(
    viewer: User, studio_app: OAuthApp, bodies: dict[str, Any], call_: tuple[str, str], scope: str
) -> None:
    others = " ".join({"user:read", "channel:read", "drops:watch", "drops:claim"} - {scope})
    refused = call(bearer(studio_app, user=viewer, scope=others), *call_, bodies)
    assert (refused.status_code, refused.json()["message"]) == (403, f"This needs the scope {scope}.")
    assert not Claim.objects.exists()
    assert not WatchInterval.objects.exists()
    assert call(bearer(studio_app, user=viewer, scope=scope), *call_, bodies).status_code == 200


@pytest.mark.parametrize("call_", CALLS)
def test_the_site_itself_and_the_platforms_own_app_act_for_the_viewer(
    viewer: User, bodies: dict[str, Any], call_: tuple[str, str]
) -> None:
    browser = Client()
    browser.force_login(viewer)
    platform = factories.OAuthAppFactory(organization=None, is_platform=True)
    assert call(browser, *call_, bodies).status_code == 200
    assert call(bearer(platform, user=viewer), *call_, bodies).status_code == 200


@pytest.fixture
def theirs(viewer: User, rival_studio: Organization) -> CampaignReward:
    """A reward of a rival that the viewer has earned and could claim."""
    attached = factories.CampaignRewardFactory(campaign__organization=rival_studio, required_minutes=60)
    factories.ProgressFactory(viewer=viewer, campaign=attached.campaign, seconds=3600)
    factories.GameLinkFactory(viewer=viewer, organization=rival_studio)
    return attached


def test_a_studios_token_sees_progress_in_the_studios_own_campaigns_alone(
    viewer: User, studio_app: OAuthApp, campaign: Campaign, bodies: dict[str, Any], theirs: CampaignReward
) -> None:
    browser = Client()
    browser.force_login(viewer)
    token = bearer(studio_app, user=viewer, scope="user:read")
    for path in ("/api/v1/drops/progress", "/api/v1/drops/progress/summary"):
        assert {row["id"] for row in browser.get(path).json()["data"]} == {campaign.pk, theirs.campaign_id}
        assert [row["id"] for row in token.get(path).json()["data"]] == [campaign.pk]
    query = {"campaign_id": theirs.campaign_id}
    assert token.get("/api/v1/drops/progress/summary", query).json()["data"] == []


def test_a_studios_token_claims_in_the_studios_own_campaigns_alone(
    viewer: User, studio_app: OAuthApp, campaign: Campaign, bodies: dict[str, Any], theirs: CampaignReward
) -> None:
    token = bearer(studio_app, user=viewer, scope="drops:claim")
    claim = "/api/v1/drops/claim"
    for reward_id in (theirs.reward_id, bodies[claim]["reward_id"]):
        body = {"campaign_id": theirs.campaign_id, "reward_id": reward_id}
        refused = call(token, "post", claim, {claim: body})
        assert (refused.status_code, refused.json()["message"]) == (404, "No such campaign.")
    assert not Claim.objects.exists()


def test_a_studios_token_sees_what_a_visit_counted_for_in_the_studios_own_campaigns_alone(
    viewer: User, studio_app: OAuthApp, campaign: Campaign, channel: Channel, theirs: CampaignReward
) -> None:
    browser = Client()
    browser.force_login(viewer)
    category = campaign.category
    Campaign.objects.filter(pk=theirs.campaign_id).update(category=category)
    factories.LivestreamFactory(channel=channel, category=category)
    event = [{"name": "tracking.user.watch.livestream", "channel_id": channel.pk}]
    with time_machine.travel(factories.NOW, tick=False) as clock:
        for _ in range(2):
            assert (
                call(browser, "post", "/api/v2/user/events", {"/api/v2/user/events": event}).status_code
                == 200
            )
            clock.shift(timedelta(seconds=60))

        def counted_for(client: Client) -> set[str]:
            visits = client.get("/viewer/v1/history").json()["data"]["visits"]
            return {entry["id"] for visit in visits for entry in visit["campaigns"]}

        assert counted_for(browser) == {campaign.pk, theirs.campaign_id}
        assert counted_for(bearer(studio_app, user=viewer, scope="drops:watch")) == {campaign.pk}


def test_a_studios_watch_token_shows_progress_in_the_studios_own_campaigns_alone(
    viewer: User, studio_app: OAuthApp, campaign: Campaign, channel: Channel, theirs: CampaignReward
) -> None:
    rivals = theirs.campaign
    Campaign.objects.filter(pk__in=(campaign.pk, rivals.pk)).update(category=campaign.category)
    factories.LivestreamFactory(channel=channel, category=campaign.category)
    browser = Client()
    browser.force_login(viewer)
    platform = factories.OAuthAppFactory(organization=None, is_platform=True)
    clients = {
        "site": browser,
        "platform": bearer(platform, user=viewer, scope="drops:watch"),
        "studio": bearer(studio_app, user=viewer, scope="drops:watch"),
    }
    tokens = {who: client.get("/viewer/v1/token").json()["data"]["token"] for who, client in clients.items()}

    def told(who: str) -> dict[str, Any]:
        return (
            Client()
            .get(
                "/viewer/v1/status",
                {"channel_id": channel.pk},
                headers={"Authorization": f"Bearer {tokens[who]}"},
            )
            .json()["data"]
        )

    def seen(who: str) -> set[str]:
        return {row["id"] for row in told(who)["campaigns"]}

    with time_machine.travel(factories.NOW, tick=False) as clock:
        for _ in range(2):
            beat = {"token": tokens["studio"], "channel_id": channel.pk}
            assert call(Client(), "post", "/viewer/v1/beat", {"/viewer/v1/beat": beat}).status_code == 202
            clock.shift(timedelta(seconds=60))
        assert seen("site") == seen("platform") == {campaign.pk, rivals.pk}
        assert seen("studio") == {campaign.pk}
        Campaign.objects.update(
            ends_at=factories.NOW + timedelta(seconds=90), closes_at=factories.NOW + timedelta(days=1)
        )
        assert rivals.name in told("site")["text"]
        assert campaign.name in told("studio")["text"]
        assert rivals.name not in told("studio")["text"]


def test_viewers_are_asked_for_each_scope_in_words(viewer: User, studio_app: OAuthApp) -> None:
    browser = Client()
    browser.force_login(viewer)
    page = browser.get(authorize_path(studio_app, scope="user:read drops:watch drops:claim")).content.decode()
    assert "Report to Drops what you watch, and see your watch history" in page
    assert "Claim rewards of its campaigns in your name" in page
    tokens = connect(browser, studio_app, scope="user:read drops:watch drops:claim")
    assert tokens["scope"] == "user:read drops:watch drops:claim"
