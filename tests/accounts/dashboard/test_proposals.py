"""The two-owner rule on the dashboard: a button asks the other owners, and one of them answers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client

from accounts.domain import two_owners
from accounts.models import (
    MemberRole,
    Membership,
    OAuthApp,
    Organization,
    Proposal,
    ProposalState,
    User,
)
from accounts.tasks import note_expired_proposals
from drops.models import Campaign
from fulfillment.models import WebhookEndpoint
from tests import factories
from tests.dashboard import form_data, press, send_form, sign_in, words
from tests.factories import NOW
from tests.html import assert_well_made
from tests.mails import recipients, send_notices


@pytest.fixture(autouse=True)
def _rule(studio: Organization, owner: User, second_owner: User) -> None:
    two_owners.turn_on(organization=studio, now=NOW, actor=owner)


@pytest.fixture
def other_client(owner_client: Client, second_owner: User) -> Client:
    """The browser of the second owner, at NOW like the first one's."""
    return sign_in(Client(), second_owner)


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    return factories.CampaignFactory(organization=studio, name="Storm season")


def ask(client: Client, url: str) -> Proposal:
    page = client.get(url)
    assert_well_made(page)
    assert "Ask the other owners" in words(page)
    assert "The other owners were asked" in words(press(client, url))
    return Proposal.objects.first()  # type: ignore[return-value]


def test_a_withdrawal_is_asked_for_and_agreed_to(
    owner_client: Client, other_client: Client, campaign: Campaign
) -> None:
    proposal = ask(owner_client, f"/dashboard/campaigns/{campaign.pk}/withdraw/")
    campaign.refresh_from_db()
    assert campaign.withdrawn_at is None
    assert "1 proposal waits for your answer" in words(other_client.get("/dashboard/"))
    assert "waits for your answer" not in words(owner_client.get("/dashboard/"))
    url = f"/dashboard/proposals/{proposal.pk}"
    shown = words(other_client.get(f"{url}/agree/"))
    assert "Withdraw the campaign: Storm season" in shown
    assert "“Storm season” stops. Viewers earn nothing more" in shown
    assert "0 viewers have watched for the campaign." in shown
    page = press(other_client, f"{url}/agree/")
    assert "You agreed, and it was done." in words(page)
    assert_well_made(page)
    campaign.refresh_from_db()
    assert campaign.withdrawn_at == NOW
    assert "waits for your answer" not in words(other_client.get("/dashboard/"))
    history = words(owner_client.get(f"/dashboard/campaigns/{campaign.pk}/history/"))
    for line in (
        "<strong>Proposed to the other owners</strong> by owner",
        "<strong>Proposal agreed to</strong> by second_owner",
        "<strong>Campaign withdrawn</strong> by owner",
    ):
        assert line in history


def test_buttons_are_for_whoever_may_press_them(
    owner_client: Client, other_client: Client, campaign: Campaign
) -> None:
    url = f"/dashboard/proposals/{ask(owner_client, f'/dashboard/campaigns/{campaign.pk}/withdraw/').pk}"

    def offered(client: Client) -> set[str]:
        return set(re.findall(rf'href="{url}/([a-z-]+)/"', client.get(f"{url}/change/").content.decode()))

    assert offered(owner_client) == {"take-back"}
    assert offered(other_client) == {"agree", "refuse"}
    assert "proposed this yourself" in words(press(owner_client, f"{url}/agree/"))
    assert "Only the person who proposed it" in words(press(other_client, f"{url}/take-back/"))
    assert "You took it back" in words(press(owner_client, f"{url}/take-back/"))
    assert offered(owner_client) == offered(other_client) == set()
    assert Proposal.objects.get().state == ProposalState.TAKEN_BACK


def test_a_refusal_changes_nothing(owner_client: Client, other_client: Client, campaign: Campaign) -> None:
    proposal = ask(owner_client, f"/dashboard/campaigns/{campaign.pk}/withdraw/")
    assert "You refused it" in words(press(other_client, f"/dashboard/proposals/{proposal.pk}/refuse/"))
    campaign.refresh_from_db()
    assert campaign.withdrawn_at is None
    assert "Refused" in words(owner_client.get("/dashboard/proposals/"))


@pytest.mark.parametrize("verb", ["rotate", "replace-secret"])
def test_the_owner_who_agrees_sees_the_secret_once(
    owner_client: Client, other_client: Client, studio_app: OAuthApp, verb: str
) -> None:
    url = f"/dashboard/apps/{studio_app.pk}/{verb}/"
    assert "shown once, to the owner who agrees" in words(owner_client.get(url))
    proposal = ask(owner_client, url)
    page = press(other_client, f"/dashboard/proposals/{proposal.pk}/agree/")
    secret = re.findall(r'id="client-secret">([^<]+)<', page.content.decode())[0]
    assert "no-store" in page.headers["Cache-Control"]
    for client in (owner_client, other_client):
        for address in ("proposals/", f"proposals/{proposal.pk}/change/", "audit-log/", ""):
            assert secret not in words(client.get(f"/dashboard/{address}"))
    studio_app.refresh_from_db()
    lasts = timedelta(hours=24 if verb == "rotate" else 0)
    assert studio_app.previous_secret_expires_at == NOW + lasts


def test_an_endpoint_an_app_and_an_owner_go_at_the_second_yes(
    owner_client: Client, other_client: Client, studio: Organization, studio_app: OAuthApp
) -> None:
    endpoint = factories.WebhookEndpointFactory(organization=studio, url="https://a.example/?key=zzsecret")
    third = factories.MembershipFactory(organization=studio, user__username="third_owner")
    for url in (
        f"/dashboard/webhooks/{endpoint.pk}/delete/",
        f"/dashboard/apps/{studio_app.pk}/delete/",
        f"/dashboard/members/{third.pk}/delete/",
    ):
        proposal = ask(owner_client, url)
        page = words(other_client.get(f"/dashboard/proposals/{proposal.pk}/change/"))
        assert "zzsecret" not in page
        assert "You agreed" in words(press(other_client, f"/dashboard/proposals/{proposal.pk}/agree/"))
    assert WebhookEndpoint.objects.get().deleted_at is not None
    assert OAuthApp.objects.get().deleted_at is not None
    assert not Membership.objects.filter(pk=third.pk).exists()


def test_a_new_owner_is_asked_for_by_the_form(
    owner_client: Client, other_client: Client, studio: Organization, member: User
) -> None:
    theirs = studio.memberships.get(user=member)
    page = send_form(owner_client, f"/dashboard/members/{theirs.pk}/change/", role="owner")
    assert "The other owners were asked" in words(page)
    theirs.refresh_from_db()
    assert theirs.role == MemberRole.MEMBER
    proposal = Proposal.objects.get()
    assert "Role: Owner" in words(other_client.get(f"/dashboard/proposals/{proposal.pk}/agree/"))
    press(other_client, f"/dashboard/proposals/{proposal.pk}/agree/")
    theirs.refresh_from_db()
    assert theirs.role == MemberRole.OWNER
    page = send_form(owner_client, "/dashboard/invitations/add/", invited="somebody", role="owner")
    assert "Invite the person in another role first" in words(page)


def test_what_was_proposed_already_is_not_proposed_again(
    owner_client: Client, other_client: Client, studio: Organization, campaign: Campaign
) -> None:
    url = f"/dashboard/campaigns/{campaign.pk}/withdraw/"
    proposal = ask(owner_client, url)
    assert "owner has proposed this already" in words(press(other_client, url))
    manager = factories.MembershipFactory(organization=studio, role=MemberRole.MANAGER).user
    way = f"/dashboard/proposals/{proposal.pk}/change/"
    for client, sees_it in ((owner_client, True), (other_client, True), (sign_in(Client(), manager), False)):
        page = client.get(url)
        assert_well_made(page)
        assert "<strong>owner proposed this</strong> on" in words(page)
        assert "Ask the other owners" not in words(page)
        assert (way in words(page)) == sees_it
    press(owner_client, f"/dashboard/proposals/{proposal.pk}/take-back/")
    assert "Ask the other owners" in words(other_client.get(url))


def test_pages_of_deletion_and_of_the_rule_name_the_proposal_too(
    owner_client: Client, studio: Organization, studio_app: OAuthApp
) -> None:
    delete = f"/dashboard/apps/{studio_app.pk}/delete/"
    ask(owner_client, delete)
    turn(owner_client, on=False)
    for url in (delete, "/dashboard/settings/two-owners/"):
        page = owner_client.get(url)
        assert_well_made(page)
        assert "<strong>owner proposed this</strong> on" in words(page)
        assert "Ask the other owners" not in words(page)


def test_a_proposal_that_expired_says_so(
    owner_client: Client, other_client: Client, campaign: Campaign
) -> None:
    proposal = ask(owner_client, f"/dashboard/campaigns/{campaign.pk}/withdraw/")
    url = f"/dashboard/proposals/{proposal.pk}"
    with time_machine.travel(proposal.expires_at, tick=False):
        client = sign_in(Client(), proposal.organization.memberships.last().user)
        assert "Expired" in words(client.get(f"{url}/change/"))
        assert f"{url}/agree/" not in words(client.get(f"{url}/change/"))
        assert "The proposal has expired" in words(press(client, f"{url}/agree/"))
        assert "waits for your answer" not in words(client.get("/dashboard/"))


def test_others_see_their_own_proposals_alone(
    owner_client: Client, studio: Organization, campaign: Campaign, studio_app: OAuthApp
) -> None:
    ask(owner_client, f"/dashboard/apps/{studio_app.pk}/rotate/")
    manager = factories.MembershipFactory(
        organization=studio, user__username="manager", role=MemberRole.MANAGER
    ).user
    theirs = sign_in(Client(), manager)
    proposal = ask(theirs, f"/dashboard/campaigns/{campaign.pk}/withdraw/")
    page = theirs.get("/dashboard/proposals/")
    assert list(page.context["cl"].result_list) == [proposal]
    assert owner_client.get("/dashboard/proposals/").context["cl"].result_count == 2
    other = Proposal.objects.exclude(pk=proposal.pk).get()
    assert theirs.get(f"/dashboard/proposals/{other.pk}/change/").status_code == 404
    assert theirs.get(f"/dashboard/proposals/{proposal.pk}/agree/").status_code == 403


# The rule in the settings


def turn(client: Client, on: bool) -> Any:
    data, _ = form_data(client, "/dashboard/settings/")
    name = "on" if on else "off"
    return client.post("/dashboard/settings/two-owners/", {**data, name: "yes"}, follow=True)


def test_the_rule_is_turned_off_by_two_and_on_by_one(
    owner_client: Client, other_client: Client, studio: Organization
) -> None:
    page = owner_client.get("/dashboard/settings/two-owners/")
    assert_well_made(page)
    assert "Ask the other owners" in words(page)
    assert "The other owners were asked" in words(turn(owner_client, on=False))
    studio.refresh_from_db()
    assert studio.two_owners_since == NOW
    press(other_client, f"/dashboard/proposals/{Proposal.objects.get().pk}/agree/")
    studio.refresh_from_db()
    assert studio.two_owners_since is None
    page = owner_client.get("/dashboard/settings/two-owners/")
    assert_well_made(page)
    assert "Turn on the two-owner rule?" in words(page)
    assert "The two-owner rule is on." in words(turn(owner_client, on=True))


def test_a_page_that_is_out_of_date_turns_nothing_the_other_way(
    owner_client: Client, studio: Organization
) -> None:
    turn(owner_client, on=True)
    assert not Proposal.objects.exists()
    studio.refresh_from_db()
    assert studio.two_owners_since == NOW


def test_an_only_owner_reads_that_the_rule_rests_and_why_it_cannot_be_turned_on(
    owner_client: Client, studio: Organization, second_owner: User, campaign: Campaign
) -> None:
    studio.memberships.get(user=second_owner).delete()
    assert "The two-owner rule rests" in words(owner_client.get("/dashboard/"))
    press(owner_client, f"/dashboard/campaigns/{campaign.pk}/withdraw/")
    campaign.refresh_from_db()
    assert campaign.withdrawn_at == NOW
    assert "The two-owner rule is off." in words(turn(owner_client, on=False))
    assert "needs two owners" in words(turn(owner_client, on=True))
    assert "rule rests" not in words(owner_client.get("/dashboard/"))


# Mail


def test_the_other_owners_are_told_once_and_whoever_asked_is_told_the_answer(
    owner_client: Client, other_client: Client, studio: Organization, campaign: Campaign, member: User
) -> None:
    factories.MembershipFactory(organization=studio, user__username="third_owner")
    proposal = ask(owner_client, f"/dashboard/campaigns/{campaign.pk}/withdraw/")
    told = send_notices()
    message = told[0]
    assert recipients(told) == ["second_owner@example.com", "third_owner@example.com"]
    assert message.subject == "Northlight Games needs the yes of a second owner: Withdraw the campaign"
    assert "owner proposed this." in message.body
    assert "Withdraw the campaign: Storm season" in message.body
    assert f"/dashboard/proposals/{proposal.pk}/change/" in message.body
    assert "until 27 November 2026, 12:00 UTC" in message.body
    press(other_client, f"/dashboard/proposals/{proposal.pk}/refuse/")
    (answer,) = send_notices()
    assert answer.to == ["owner@example.com"]
    assert answer.subject == "Refused for Northlight Games: Withdraw the campaign"
    assert "second_owner refused what you proposed. Nothing was changed:" in answer.body


def test_nobody_is_told_of_what_they_took_back_themselves(owner_client: Client, campaign: Campaign) -> None:
    proposal = ask(owner_client, f"/dashboard/campaigns/{campaign.pk}/withdraw/")
    press(owner_client, f"/dashboard/proposals/{proposal.pk}/take-back/")
    assert send_notices() == []


def test_whoever_asked_is_told_that_nobody_answered(owner_client: Client, campaign: Campaign) -> None:
    proposal = ask(owner_client, f"/dashboard/campaigns/{campaign.pk}/withdraw/")
    send_notices()
    with time_machine.travel(proposal.expires_at, tick=False):
        for _twice in range(2):
            note_expired_proposals()
    (message,) = send_notices(proposal.expires_at)
    assert message.to == ["owner@example.com"]
    assert "Nobody answered what you proposed within 7 days" in message.body


def test_where_the_secret_is_stands_in_the_mail_and_the_secret_does_not(
    owner_client: Client, other_client: Client, studio_app: OAuthApp
) -> None:
    proposal = ask(owner_client, f"/dashboard/apps/{studio_app.pk}/rotate/")
    send_notices()
    page = press(other_client, f"/dashboard/proposals/{proposal.pk}/agree/").content.decode()
    secret = re.findall(r'id="client-secret">([^<]+)<', page)[0]
    send_notices()
    assert "The new client secret was shown to second_owner, once. Ask them for it." in mail.outbox[1].body
    assert not any(secret in str(message.message()) for message in mail.outbox)
