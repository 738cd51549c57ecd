"""Every page of the dashboard, visited and sent to in every role, does what the one table of rights says."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from accounts.dashboard import site
from accounts.dashboard.kit.access import FORM_FIELD
from accounts.domain.permissions import ROLES, Action
from accounts.models import AuditEvent, GameLink, MemberRole, OAuthApp, Organization, Proposal
from fulfillment.models import Attempt, Claim, Delivery, WebhookEndpoint
from tests import factories
from tests.dashboard import sign_in
from tests.factories import NOW
from tests.isolation.pages import Address, addresses
from tests.isolation.world import Belongings

ADDRESSES = addresses()
PAGES = {page.name: page for page in site.pages}
# What is sent to a page needs more than looking at it.
SENT_TO_PAGES = {
    "settings": Action.CHANGE_SETTINGS,
    "application": Action.CHANGE_SETTINGS,
    "notices": Action.SEE_FIGURES,
    "campaign_forecast": Action.SEND_TEST_EVENTS,
    "campaign_rehearsal": Action.REHEARSE,
}


class Needs(NamedTuple):
    """What a role needs to see an address and to send something to it. None: it is open to no role."""

    get: Action | None
    post: Action | None


def needs(address: Address) -> Needs:
    if page := PAGES.get(address.name):
        assert page.action
        return Needs(page.action, SENT_TO_PAGES.get(address.name, page.action))
    admin = next(each for each in site.admins() if each.route == address.route.split("/")[0])
    view = address.name.removeprefix(f"{admin.opts.app_label}_{admin.opts.model_name}_")
    verbs = {verb.name: admin.action_of(verb) for verb in admin.verbs}
    match view:
        case "changelist" | "export":
            return Needs(admin.see, admin.see)
        case "history":
            seen = admin.see_history or admin.see
            return Needs(seen, seen)
        case "change":
            return Needs(admin.see, admin.change if admin.may_edit else None)
        case "add" | "delete":
            action = admin.change if getattr(admin, f"may_{view}") else None
            return Needs(action, action)
    return Needs(verbs[view], verbs[view])


@pytest.fixture(params=MemberRole)
def role(request: pytest.FixtureRequest) -> MemberRole:
    return MemberRole(request.param)


@pytest.fixture
def as_role(own: Belongings, role: MemberRole, client: Client) -> Client:
    membership = factories.MembershipFactory(
        organization=own.organization, user__username=f"own_as_{role}", role=role
    )
    # Those who are no owners see the proposals that they made themselves, and no others.
    Proposal.objects.filter(pk=own.proposal.pk).update(asked_by=membership.user)
    return sign_in(client, membership.user)


@pytest.fixture
def secrets(own: Belongings) -> dict[str, set[Action]]:
    """Texts that stand in what belongs to `own`, each with the rights of which one is enough to read it."""
    viewer = factories.UserFactory(pk=918273645, username="zzwatcher")
    Claim.objects.filter(pk=own.claim.pk).update(viewer=viewer, game_account_id="zzgame")
    factories.ProgressFactory(viewer=viewer, campaign=own.campaign, seconds=600)
    GameLink.objects.create(
        viewer=viewer,
        organization=own.organization,
        app=own.app,
        game_account_id="zzgame",
        game_account_name="zzplayer",
        linked_at=NOW,
    )
    # Nothing listens there: what the button sends is refused at once.
    url = "https://127.0.0.1:9/zzpath"
    WebhookEndpoint.objects.filter(pk=own.endpoint.pk).update(
        url=f"{url}?key=zzquery", failing_since=NOW - timedelta(hours=2)
    )
    Delivery.objects.filter(pk=own.delivery.pk).update(body=b'{"user_id":918273645,"sent":"zzsent"}')
    Attempt.objects.filter(delivery=own.delivery).update(
        url=url,
        error="zzerror",
        request_headers={"X-Drops": "zzheader"},
        response_headers={"X-Game": "zzheader"},
        response_body=b"zzanswer",
    )
    OAuthApp.objects.filter(pk=own.app.pk).update(client_id="zzclient")
    Organization.objects.filter(pk=own.organization.pk).update(contact_email="zzcontact@own.example.com")
    own.invitation.invited = "zzinvited@own.example.com"
    own.invitation.save()
    own.colleague.user.username = "zzcolleague"
    own.colleague.user.save()
    Proposal.objects.create(
        organization=own.organization,
        act="member.remove",
        target_type="accounts.membership",
        target_id=own.colleague.pk,
        target_name="zzproposed",
        asked_by=own.owner,
        asked_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )
    for target, action in ((own.claim, "claims.resent"), (viewer, "link.created")):
        AuditEvent.objects.create(
            at=NOW,
            organization=own.organization,
            actor=viewer,
            action=action,
            target_type=target._meta.label_lower,
            target_id=str(target.pk),
            data={"endpoints": [url], "user_id": viewer.pk},
        )
    about_viewers = {Action.SEE_CLAIMS, Action.LOOK_UP_VIEWERS}
    return {
        "918273645": about_viewers,
        "zzwatcher": {Action.SEE_MEMBERS, Action.SEE_SETUP},  # as who did something, in the trail
        "zzgame": about_viewers,
        "zzplayer": {Action.LOOK_UP_VIEWERS},
        "zzsent": {Action.SEE_CLAIMS},
        "zzpath": {Action.SEE_SETUP},
        "zzquery": {Action.CHANGE_ENDPOINTS},
        "zzerror": {Action.SEE_SETUP},
        "zzheader": {Action.SEE_SETUP},
        "zzanswer": {Action.SEE_SETUP},
        "zzclient": {Action.SEE_SETUP},
        "zzcontact": {Action.SEE_SETUP},
        "zzinvited": {Action.SEE_MEMBERS},
        "zzcolleague": {Action.SEE_MEMBERS},
        "zzproposed": {Action.ANSWER_PROPOSALS},
    }


def queries(own: Belongings) -> list[str]:
    """What searches and filters might find."""
    return [
        "viewers/?user_id=918273645",
        "viewers/?q=zzwatcher",
        "viewers/?q=zzgame",
        "claims/?q=918273645",
        f"claims/?q={own.claim.pk}",
        f"deliveries/?q={own.delivery.pk}",
        f"deliveries/?endpoint__id__exact={own.endpoint.pk}",
        "campaigns/?q=zz",
        "rewards/?q=zz",
    ]


def text_of(response: Any) -> str:
    return response.getvalue().decode()


def send(client: Client, own: Belongings, url: str) -> Any:
    """What is sent is answered, and undone."""
    with transaction.atomic():
        response = client.post(url, {FORM_FIELD: own.organization.pk, "post": "yes", "name": "changed"})
        transaction.set_rollback(True)
    return response


def test_a_role_does_and_reads_what_the_table_says_and_nothing_else(
    as_role: Client, own: Belongings, role: MemberRole, secrets: dict[str, set[Action]]
) -> None:
    """Each address refuses who has no right to it; what may not be read is in no answer, and what may is."""
    rights, read = ROLES[role], ""
    draft = factories.CampaignFactory(organization=own.organization, published_at=None)
    for address in ADDRESSES:
        needed, url = needs(address), address.of(own)
        if address.name == "drops_campaign_delete":
            url = url.replace(own.campaign.pk, draft.pk)  # the other is published: nobody deletes it
        got, sent = as_role.get(url), send(as_role, own, url)
        assert (got.status_code != 403) == (needed.get in rights), address
        assert (sent.status_code != 403) == (needed.post in rights), address
        for response in (got, sent):
            assert response.status_code in (200, 302, 403), address
            assert not response.headers.get("Location", "").startswith("/accounts/"), address
            read += text_of(response)
    for query in queries(own):
        read += text_of(as_role.get(f"/dashboard/{query}"))
    for text, enough in secrets.items():
        assert (text in read) == bool(enough & rights), text


def test_what_is_offered_may_be_opened(
    as_role: Client, own: Belongings, role: MemberRole, secrets: object
) -> None:
    """No link on a page that a role may see leads it to a refusal."""
    seen, left = set(), ["/dashboard/"]
    while left:
        url = left.pop()
        response = as_role.get(url, follow=True)
        assert response.status_code == 200, (role, url)
        for found in re.findall(r'(?:href|hx-get)="(/dashboard/[^"]*)"', text_of(response)):
            bare = found.replace("&amp;", "&")
            if bare not in seen and not bare.startswith("/dashboard/register"):
                seen.add(bare)
                left.append(bare)
    labels = {str(item.label) for item in as_role.get("/dashboard/").context["navigation_items"]}
    assert labels == {section for section, roles in documented().items() if roles[role]}


def documented() -> dict[str, dict[MemberRole, str]]:
    """The table of docs/dashboard.md: what each role does in each section."""
    text = (Path(settings.BASE_DIR) / "docs/dashboard.md").read_text()
    head, _line, *rows = re.findall(
        r"^\| (.*) \|$", text.split("## Roles", 1)[1].split("\n## ")[0], re.MULTILINE
    )
    roles = {role.value: role for role in MemberRole}
    columns = [roles[name.strip()] for name in head.split("|")[1:]]
    table = {}
    for row in rows:
        section, *cells = (cell.strip() for cell in row.split("|"))
        table[section] = dict(zip(columns, cells, strict=True))
    return table


def test_the_documents_show_the_table() -> None:
    words = {Action.RESEND: "sends again", Action.ANSWER_PROPOSALS: "answers"}
    sections: dict[str, dict[MemberRole, str]] = {}
    for entry in (*site.admins(), *(page for page in site.pages if page.label)):
        if isinstance(entry, tuple):
            see, change = entry.action, SENT_TO_PAGES.get(entry.name)
        else:
            may_change = entry.may_add or entry.may_edit or entry.may_delete or entry.verbs
            see, change = entry.see, entry.change if may_change else None
        sections[str(entry.label)] = {
            role: (words.get(change, "changes") if change in rights else "sees" if see in rights else "")
            for role, rights in ROLES.items()
        }
    assert documented() == sections


def test_a_member_of_before_looks_at_everything_and_changes_nothing() -> None:
    """What the role allowed when it was still given."""
    assert ROLES[MemberRole.MEMBER] == {
        Action.SEE_FIGURES,
        Action.SEE_CAMPAIGNS,
        Action.SEE_CLAIMS,
        Action.SEE_SETUP,
        Action.SEE_MEMBERS,
        Action.LOOK_UP_VIEWERS,
        Action.TEST,
    }
