from __future__ import annotations

from django.test import Client

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.models import MemberRole, Organization, User
from tests import factories
from tests.dashboard import press, send_form, sign_in, words


def test_a_colleague_is_invited_and_the_invitation_taken_back(
    owner_client: Client, studio: Organization, stranger: User
) -> None:
    url = "/dashboard/invitations/add/"
    said = set()
    for name in ("Stranger", "nobody_here"):
        page = words(send_form(owner_client, url, invited=name, role="support"))
        said.add(page.split("was created")[0].rsplit(">", 1)[-1].replace(name, "X"))
        assert "already" in words(send_form(owner_client, url, invited=name, role="owner"))
    assert len(said) == 1
    assert not studio.memberships.filter(user=stranger).exists()
    invitation = studio.invitations.get(invited="stranger")
    press(owner_client, f"/dashboard/invitations/{invitation.pk}/delete/")
    assert not studio.invitations.filter(pk=invitation.pk).exists()


def test_the_organization_that_was_used_last_is_opened(
    owner_client: Client, owner: User, studio: Organization, rival_studio: Organization
) -> None:
    """One that comes first by name, and that somebody else made the person a member of, is not."""
    Organization.objects.filter(pk=rival_studio.pk).update(name="A Northlight Games")
    factories.MembershipFactory(organization=rival_studio, user=owner)
    assert owner_client.get("/dashboard/").context["organization"] == studio
    owner_client.post("/dashboard/switch/", {"organization": rival_studio.slug})
    assert sign_in(Client(), owner).get("/dashboard/").context["organization"] == rival_studio


def test_the_role_of_before_is_offered_to_who_has_it_alone(
    owner_client: Client, studio: Organization, member: User, second_owner: User
) -> None:
    def offered(url: str) -> list[str]:
        return [
            value for value, _words in owner_client.get(url).context["adminform"].form["role"].field.choices
        ]

    given = ["owner", "manager", "developer", "support", "analyst"]
    assert offered("/dashboard/invitations/add/") == ["", *given]
    theirs, of_before = (studio.memberships.get(user=user) for user in (second_owner, member))
    assert offered(f"/dashboard/members/{theirs.pk}/change/") == given
    url = f"/dashboard/members/{of_before.pk}/change/"
    assert offered(url) == [*given, "member"]
    assert "was saved" in words(send_form(owner_client, url))
    send_form(owner_client, url, role="developer")
    assert studio.memberships.get(user=member).role == MemberRole.DEVELOPER


def test_a_new_role_counts_at_once(owner_client: Client, studio: Organization, second_owner: User) -> None:
    theirs = sign_in(Client(), second_owner)
    assert theirs.get("/dashboard/claims/").status_code == 200
    membership = studio.memberships.get(user=second_owner)
    send_form(owner_client, f"/dashboard/members/{membership.pk}/change/", role="analyst")
    assert theirs.get("/dashboard/claims/").status_code == 403
    assert theirs.get("/dashboard/campaigns/").status_code == 200


def test_nobody_removes_or_demotes_themselves(
    owner_client: Client, studio: Organization, owner: User
) -> None:
    mine = studio.memberships.get(user=owner)
    change, remove = (f"/dashboard/members/{mine.pk}/{verb}/" for verb in ("change", "delete"))
    page = words(owner_client.get(change))
    assert 'name="role"' not in page
    assert remove not in page
    form = {FORM_FIELD: studio.pk, "post": "yes", "role": "support"}
    assert [owner_client.post(url, form).status_code for url in (change, remove)] == [403, 403]
    assert studio.memberships.get(user=owner).role == MemberRole.OWNER


def test_another_owner_is_removed(owner_client: Client, studio: Organization, second_owner: User) -> None:
    other = studio.memberships.get(user=second_owner)
    remove = f"/dashboard/members/{other.pk}/delete/"
    assert f'href="{remove}">Remove…<' in words(owner_client.get(f"/dashboard/members/{other.pk}/change/"))
    assert press(owner_client, remove).status_code == 200
    assert not studio.memberships.filter(user=second_owner).exists()


def test_a_removed_member_is_out_at_once(
    owner_client: Client, studio: Organization, second_owner: User
) -> None:
    theirs = Client()
    sign_in(theirs, second_owner)
    assert theirs.get("/dashboard/").status_code == 200
    press(owner_client, f"/dashboard/members/{studio.memberships.get(user=second_owner).pk}/delete/")
    assert theirs.get("/dashboard/").headers["Location"] == "/dashboard/register/"
