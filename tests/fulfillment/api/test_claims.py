import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, OAuthApp, Organization, User, new_ulid
from fulfillment.models import Claim, ClaimStatusChange
from tests import factories
from tests.api import bearer

CLAIMS = "/public/v1/drops/claims"
KEYS = {
    "claim_id",
    "user_id",
    "campaign_id",
    "reward_id",
    "external_id",
    "external_status",
    "created_at",
    "updated_at",
}


@pytest.fixture
def claims(studio: Organization, rival_studio: Organization) -> list[Claim]:
    """Five of the studio, in the order of their ids, and one of its rival between them."""
    campaign = factories.CampaignFactory(organization=studio)
    made = factories.ClaimFactory.create_batch(3, campaign=campaign)
    factories.ClaimFactory(campaign__organization=rival_studio)
    return [*made, *factories.ClaimFactory.create_batch(2, campaign__organization=studio)]


@pytest.fixture
def api(studio_app: OAuthApp) -> Client:
    return bearer(studio_app)


def ids(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [claim["claim_id"] for claim in response.json()["data"]["claims"]]


def test_a_claim_has_the_documented_keys_and_types(api: Client, claims: list[Claim]) -> None:
    body = api.get(CLAIMS).json()
    assert body.keys() == {"data", "message"}
    assert body["message"] == "OK"
    assert body["data"].keys() == {"claims", "cursor"}
    first, claim = claims[0], body["data"]["claims"][0]
    assert claim == {
        "claim_id": first.id,
        "user_id": first.viewer_id,
        "campaign_id": first.campaign_id,
        "reward_id": first.reward_id,
        "external_id": first.external_id,
        "external_status": "initiated",
        "created_at": "2026-11-20T12:00:00Z",
        "updated_at": "2026-11-20T12:00:00Z",
        "test": False,
    }
    assert type(claim["user_id"]) is int


def test_an_app_sees_its_organizations_claims_oldest_first(api: Client, claims: list[Claim]) -> None:
    response = api.get(CLAIMS)
    assert ids(response) == [claim.id for claim in claims]
    assert response.json()["data"]["cursor"] == ""


def test_pages_follow_the_cursor(api: Client, claims: list[Claim]) -> None:
    seen, cursor = [], ""
    for size in (2, 2, 1):
        response = api.get(CLAIMS, {"limit": 2, "cursor": cursor})
        assert len(ids(response)) == size
        seen += ids(response)
        cursor = response.json()["data"]["cursor"]
        assert cursor == ("" if size == 1 else seen[-1])
    assert seen == [claim.id for claim in claims]


def test_a_full_last_page_has_no_cursor(api: Client, claims: list[Claim]) -> None:
    assert api.get(CLAIMS, {"limit": 5}).json()["data"]["cursor"] == ""


def test_the_last_id_seen_is_where_to_go_on_later(api: Client, studio: Organization, claims) -> None:
    assert ids(api.get(CLAIMS, {"cursor": claims[-1].id})) == []
    later = factories.ClaimFactory(campaign=claims[0].campaign)
    assert ids(api.get(CLAIMS, {"cursor": claims[-1].id})) == [later.id]


def test_ten_at_a_time_unless_asked_and_a_thousand_at_most(api: Client, claims: list[Claim]) -> None:
    factories.ClaimFactory.create_batch(7, campaign=claims[0].campaign, reward=claims[0].reward)
    assert len(ids(api.get(CLAIMS))) == 10
    assert len(ids(api.get(CLAIMS, {"limit": 1000}))) == 12


def test_filters_narrow_alone_and_together(api: Client, claims: list[Claim]) -> None:
    one, two = claims[0], claims[1]
    Claim.objects.filter(pk=two.pk).update(
        external_status="sent", updated_at=factories.NOW + timedelta(hours=1)
    )
    everything = {claim.id for claim in claims}
    assert ids(api.get(CLAIMS, {"claim_id": one.id})) == [one.id]
    assert ids(api.get(CLAIMS, {"claim_id": one.id.lower()})) == [one.id]
    assert ids(api.get(CLAIMS, {"user_id": one.viewer_id})) == [one.id]
    assert ids(api.get(CLAIMS, {"campaign_id": one.campaign_id})) == [claim.id for claim in claims[:3]]
    assert ids(api.get(CLAIMS, {"external_status": "sent"})) == [two.id]
    assert set(ids(api.get(CLAIMS, {"external_status": "initiated"}))) == everything - {two.id}
    assert ids(api.get(CLAIMS, {"updated_since": "2026-11-20T13:00:00Z"})) == [two.id]
    assert ids(api.get(CLAIMS, {"updated_since": "2026-11-20T14:00:00+01:00"})) == [two.id]
    assert ids(api.get(f"{CLAIMS}?updated_since=2026-11-20T14:00:00+01:00")) == [two.id]
    both = {"campaign_id": one.campaign_id, "external_status": "sent"}
    assert ids(api.get(CLAIMS, both)) == [two.id]
    assert ids(api.get(CLAIMS, both | {"user_id": one.viewer_id})) == []


def test_empty_parameters_are_as_none(api: Client, claims: list[Claim]) -> None:
    empty = dict.fromkeys(
        ("campaign_id", "user_id", "claim_id", "external_status", "limit", "cursor", "updated_since"), ""
    )
    assert len(ids(api.get(CLAIMS, empty))) == 5


@pytest.mark.parametrize(
    "parameters",
    [
        {"campaign_id": "01JAXK8N4QWRTY5PM7ZEBVJDS8S"},  # the guide's own example: 27 characters
        {"campaign_id": "nonsense"},
        {"claim_id": "x"},
        {"claim_id": "8ZZZZZZZZZZZZZZZZZZZZZZZZZ"},
        {"user_id": "9223372036854775808"},
        {"user_id": "18446744073709551615"},
        {"user_id": "0"},
        {"campaign_id": "01JAXK8N4QWRTY5PM7ZEBVJDS8"},
    ],
)
def test_an_id_that_nothing_can_have_matches_nothing(
    api: Client, claims: list[Claim], parameters: dict[str, str]
) -> None:
    assert api.get(CLAIMS, parameters).json() == {"data": {"claims": [], "cursor": ""}, "message": "OK"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("limit", value) for value in ("0", "1001", "-1", "x", "1.0", "1e2", "٣", "9" * 30, "\x00")],
        *[("cursor", value) for value in ("x", "01JAXK8N4QWRTY5PM7ZEBVJDS8S", "\x00" * 26, "🙂" * 26)],
        *[("user_id", value) for value in ("x", "-1", "1.5", "18446744073709551616", "9" * 99, "\x00")],
        *[
            ("updated_since", value)
            for value in ("x", "2026-11-20", "2026-11-20T12:00:00", "2026-13-01T00:00:00Z")
        ],
        ("external_status", "\x00"),
        ("external_status", "x" * 65),
        ("campaign_id", "\x00"),
        ("claim_id", "x" * 256),
    ],
)
def test_what_is_no_value_of_a_parameter_is_told_which_and_why(
    api: Client, claims: list[Claim], name: str, value: str
) -> None:
    response = api.get(CLAIMS, {name: value})
    assert response.status_code == 400
    assert response.json()["data"] is None
    assert response.json()["message"].startswith(f"{name}: must be ")


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic eDp5"}]
)
def test_without_a_live_token_it_is_401(db: None, headers: dict[str, str]) -> None:
    response = Client(headers=headers).get(CLAIMS)
    assert response.status_code == 401
    assert response.json().keys() == {"data", "message"}
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_users_token_and_the_platforms_are_403(studio_app: OAuthApp, viewer: User) -> None:
    platform = factories.OAuthAppFactory(organization=None, is_platform=True)
    for client in (bearer(studio_app, user=viewer, scope="user:read"), bearer(platform, scope="platform")):
        assert client.get(CLAIMS).status_code == 403


def patch(client: Client, body: object):
    return client.patch(CLAIMS, body, content_type="application/json")


def items(*pairs: tuple[str, str]) -> dict[str, object]:
    return {"claims": [{"claim_id": claim_id, "external_status": status} for claim_id, status in pairs]}


def test_patch_sets_the_status_with_its_history(
    api: Client, claims: list[Claim], studio_app: OAuthApp
) -> None:
    later = factories.NOW + timedelta(days=1)
    one, two = claims[:2]
    with time_machine.travel(factories.NOW, tick=False) as clock:
        clock.move_to(later)
        response = patch(api, items((one.id, "sent"), (two.id, "failed")))
    assert (response.status_code, response.content) == (204, b"")
    one.refresh_from_db()
    assert (one.external_status, one.updated_at) == ("sent", later)
    change = ClaimStatusChange.objects.get(claim=two)
    assert (change.old, change.new, change.at) == ("initiated", "failed", later)
    event = AuditEvent.objects.get(action="claims.status_changed")
    assert event.actor_app == studio_app
    assert event.data["changes"] == [
        {"claim_id": one.id, "old": "initiated", "new": "sent"},
        {"claim_id": two.id, "old": "initiated", "new": "failed"},
    ]


def test_patch_a_second_time_changes_nothing(api: Client, claims: list[Claim]) -> None:
    patch(api, items((claims[0].id, "sent")))
    claims[0].refresh_from_db()
    before = claims[0].updated_at
    assert patch(api, items((claims[0].id, "sent"))).status_code == 204
    claims[0].refresh_from_db()
    assert claims[0].updated_at == before
    assert ClaimStatusChange.objects.count() == AuditEvent.objects.count() == 1


def test_an_unknown_and_a_foreign_claim_are_the_same_404_and_nothing_is_changed(
    api: Client, claims: list[Claim], rival_studio: Organization
) -> None:
    foreign = Claim.objects.get(organization=rival_studio)
    for claim_id in (foreign.id, new_ulid(), "no-ulid"):
        response = patch(api, items((claims[0].id, "sent"), (claim_id, "sent")))
        assert response.status_code == 404
        assert response.json() == {"data": None, "message": f"No such claim: {claim_id}."}
    assert set(Claim.objects.values_list("external_status", flat=True)) == {"initiated"}
    assert not ClaimStatusChange.objects.exists()


ULID_TEXT = "01JAXK8N4QWRTY5PM7ZEBVJDS8"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"claims": {}},
        {"claims": []},
        {"claims": [1]},
        {"claims": None, "x": 1},
        {"claims": [{"claim_id": ULID_TEXT}]},
        {"claims": [{"claim_id": ULID_TEXT, "external_status": "x", "extra": 1}]},
        {"claims": [{"claim_id": 1, "external_status": "x"}]},
        items((ULID_TEXT, "")),
        items((ULID_TEXT, "x" * 65)),
        {"claims": [{"claim_id": ULID_TEXT, "external_status": None}]},
        items((ULID_TEXT, "x"), (ULID_TEXT.lower(), "y")),
        items(*[(ULID_TEXT, "x")] * 101),
        "text",
        None,
    ],
)
def test_a_body_that_is_not_as_documented_is_400(api: Client, claims: list[Claim], body: object) -> None:
    response = patch(api, json.dumps(body))
    assert response.status_code == 400, response.content
    assert response.json()["data"] is None


@pytest.mark.parametrize(
    ("raw", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"claims": NaN}', "application/json", 400),
        (b'{"claims":[{"claim_id":"x","external_status":"a\\u0000b"}]}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b" " * 10_000_000, "application/json", 400),
        (b"{}", "application/json; charset=utf-8", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "multipart/form-data", 415),
        (b"a=b", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_that_is_no_json_is_told_so_in_json(
    api: Client, raw: bytes, content_type: str, status: int
) -> None:
    response = api.patch(CLAIMS, raw, content_type=content_type)
    assert response.status_code == status, response.content
    assert response.json()["data"] is None


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_other_methods_are_405_in_json(api: Client, method: str) -> None:
    response = getattr(api, method)(CLAIMS)
    assert response.status_code == 405
    assert response.json().keys() == {"data", "message"}


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "nonsense", ""])
def test_the_answer_is_json_whatever_is_accepted(api: Client, accept: str) -> None:
    response = api.get(CLAIMS, {"format": "xml"}, headers={"accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("path", [f"{CLAIMS}/", "/public/v1/nothing", "/public/", "/api/v1/nothing"])
def test_unknown_addresses_are_404_in_json_and_slashes_are_not_added(api: Client, path: str) -> None:
    response = api.get(path)
    assert (response.status_code, response.json()) == (404, {"data": None, "message": "Not found"})


def test_times_have_a_zone_and_fractions_only_where_there_are_some(api: Client, studio: Organization) -> None:
    factories.ClaimFactory(
        campaign__organization=studio, created_at=datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
    )
    claim = api.get(CLAIMS).json()["data"]["claims"][0]
    assert claim["created_at"] == "2026-01-02T03:04:05.678900Z"


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_the_page(api: Client, studio: Organization, count: int) -> None:
    factories.ClaimFactory.create_batch(count, campaign=factories.CampaignFactory(organization=studio))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(ids(api.get(CLAIMS))) == count
    assert len(queries) == 2  # the token, the claims
