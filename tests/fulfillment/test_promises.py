"""The promise log is public, signed, and shows when something of it is missing; nothing unannounced is in it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import OAuthApp, Organization, User
from drops.domain.campaigns.lifecycle import amend_campaign, withdraw_campaign
from drops.domain.campaigns.promises import begin_logs
from drops.models import Campaign, Category
from fulfillment.models import SigningKey
from tests import factories
from tests.dashboard import words
from tests.factories import NOW
from tests.html import assert_well_made

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = re.findall(
    r"^```python\n(.*?)^```$", (ROOT / "docs/promises.md").read_text(), re.MULTILINE | re.DOTALL
)[0]


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def campaign(studio: Organization, category: Category, studio_app: OAuthApp) -> Campaign:
    factories.make_signing_key()
    made: Campaign = factories.CampaignFactory(organization=studio, category=category, name="Störm season")
    factories.CampaignRewardFactory(campaign=made, reward__name="Cape")
    begin_logs(now=NOW)
    return made


def url(campaign: Campaign, more: str = "/promises/") -> str:
    return f"/campaigns/{campaign.pk}{more}"


def verified(client: Client, signed: str) -> dict[str, Any]:
    keys = {each["kid"]: jwt.PyJWK(each) for each in client.get("/.well-known/jwks.json").json()["keys"]}
    key = keys[jwt.get_unverified_header(signed)["kid"]]
    log: dict[str, Any] = json.loads(jwt.PyJWS().decode(signed, key, algorithms=["RS256"]))
    return log


def test_both_files_are_signed_with_the_key_of_the_webhooks(
    client: Client, campaign: Campaign, owner: User
) -> None:
    amend_campaign(campaign=campaign, changes={"grace_days": 9}, now=NOW, actor=owner)
    answer = client.get(url(campaign, "/promises.json"))
    header, payload, signature = answer.headers["Drops-Promises-Signature"].split(".")
    assert payload == ""
    payload = base64.urlsafe_b64encode(answer.content).rstrip(b"=").decode()
    log = verified(client, f"{header}.{payload}.{signature}")
    assert (
        log == answer.json() == verified(client, client.get(url(campaign, "/promises.jws")).content.decode())
    )
    assert [entry["event"] for entry in log["entries"]] == ["began", "changed"]
    assert log["entries"][1]["previous"] == log["entries"][0]["hash"]
    assert (log["organization"], log["as_of"]) == (campaign.organization.name, "2026-11-20T12:00:00Z")


def test_what_was_changed_on_the_way_is_not_ours(client: Client, campaign: Campaign) -> None:
    answer = client.get(url(campaign, "/promises.json"))
    header, _payload, signature = answer.headers["Drops-Promises-Signature"].split(".")
    forged = base64.urlsafe_b64encode(answer.content.replace(b"Cape", b"Hat!")).rstrip(b"=").decode()
    with pytest.raises(jwt.InvalidSignatureError):
        verified(client, f"{header}.{forged}.{signature}")


def check(site: str, campaign: Campaign) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, site, campaign.pk], capture_output=True, check=False, text=True
    )


@pytest.mark.django_db(transaction=True)
def test_the_documented_program_checks_a_log_and_finds_what_is_wrong(
    live_server: Any, campaign: Campaign, owner: User
) -> None:
    for days in (7, 8, 9):
        amend_campaign(campaign=campaign, changes={"grace_days": days}, now=NOW, actor=owner)
    done = check(live_server.url, campaign)
    assert done.stdout == "4 entries, 2026-11-20T12:00:00Z Störm season\n", done.stderr

    changed = campaign.promises.get(number=4)
    changed.text = changed.text.replace("Cape", "Hat")
    changed.save()
    assert "An entry was changed." in check(live_server.url, campaign).stderr
    campaign.promises.filter(number__in=(3, 4)).delete()
    assert check(live_server.url, campaign).returncode == 0
    amend_campaign(campaign=campaign, changes={"grace_days": 10}, now=NOW, actor=owner)
    campaign.promises.filter(number=2).delete()
    assert "An entry is missing." in check(live_server.url, campaign).stderr


def test_the_page_tells_each_change(client: Client, campaign: Campaign, owner: User) -> None:
    changes = {
        "ends_at": campaign.ends_at + timedelta(days=1),
        "channels": [factories.ChannelFactory(slug="streamer")],
    }
    amend_campaign(campaign=campaign, changes=changes, now=NOW, actor=owner)
    page = client.get(url(campaign))
    assert_well_made(page)
    told = words(page)
    assert "End: " in told
    assert "27 Nov 2026, 12:00 UTC" in told
    assert "Channels: every channel → 1 channel: streamer" in told
    assert f'href="/campaigns/{campaign.pk}/promises/"' in words(client.get(f"/campaigns/{campaign.pk}/"))
    assert owner.username not in told


def test_a_page_costs_the_same_with_more_entries(
    client: Client, campaign: Campaign, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for days in (4, 5, 6):
        amend_campaign(campaign=campaign, changes={"grace_days": days}, now=NOW, actor=owner)
        for more, queries in (("/promises/", 4), ("/promises.json", 2), ("/promises.jws", 2)):
            client.get(url(campaign, more))
            with django_assert_num_queries(queries):
                assert client.get(url(campaign, more)).status_code == 200


def test_what_is_not_announced_to_everybody_has_no_page(
    client: Client, owner_client: Client, studio: Organization, campaign: Campaign
) -> None:
    draft = factories.CampaignFactory(organization=studio, published_at=None)
    soon = factories.CampaignFactory(organization=studio, starts_at=NOW + timedelta(days=5))
    tested = factories.CampaignFactory(organization=studio, test_mode=True)
    begin_logs(now=NOW)
    for browser in (client, owner_client):
        for hidden in (draft, soon, tested):
            for more in ("/promises/", "/promises.json", "/promises.jws"):
                assert browser.get(url(hidden, more)).status_code == 404
    Organization.objects.filter(pk=studio.pk).update(suspended_at=NOW)
    assert client.get(url(campaign)).status_code == 404


def test_a_withdrawn_campaign_keeps_its_page(client: Client, campaign: Campaign, owner: User) -> None:
    withdraw_campaign(campaign=campaign, now=NOW, actor=owner)
    assert "Withdrawn" in words(client.get(url(campaign)))


@pytest.mark.parametrize("before", ["", "0", "1", "2", "-1", "x", "9" * 40, "\u0661", "2&before=x"])
def test_older_entries_are_found_and_nonsense_is_not_minded(
    client: Client, campaign: Campaign, before: str
) -> None:
    answer = client.get(url(campaign, f"/promises.json?before={before}"))
    assert answer.status_code == 200
    assert len(answer.json()["entries"]) == (0 if before in ("0", "1") else 1)


def test_without_a_key_nothing_is_signed(client: Client, campaign: Campaign) -> None:
    SigningKey.objects.all().delete()
    from config import memory

    memory.forget()
    assert client.get(url(campaign, "/promises.json")).status_code == 404
    assert client.get(url(campaign)).status_code == 200
