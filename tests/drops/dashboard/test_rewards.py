from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.fields.files import FieldFile
from django.test import Client
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from accounts.models import MemberRole, Organization, ReplacedFile, User
from drops.models import Category, Reward
from tests import factories
from tests.dashboard import form_data, press, send_form, sign_in, words


def test_a_reward_is_made_with_a_picture(
    owner_client: Client, studio: Organization, category: Category, picture: Any
) -> None:
    page = send_form(
        owner_client,
        "/dashboard/rewards/add/",
        name="Storm cape",
        category=category.pk,
        external_id="cape-1",
        new_image=picture,
    )
    assert "“Storm cape” was created" in words(page)
    reward = studio.rewards.get()
    assert reward.image.url in words(page)
    assert reward.external_id == "cape-1"


def banner() -> SimpleUploadedFile:
    """Three times as wide as high: red, green, blue."""
    image = Image.new("RGB", (1200, 400), "green")
    image.paste("red", (0, 0, 400, 400))
    image.paste("blue", (800, 0, 1200, 400))
    data = BytesIO()
    image.save(data, "PNG")
    return SimpleUploadedFile("banner.png", data.getvalue(), "image/png")


def kept(file: FieldFile) -> Image.Image:
    with file.open() as stored:
        return Image.open(BytesIO(stored.read()))


@pytest.mark.parametrize(
    ("square", "colour"),
    [
        ("", (0, 128, 0)),  # without JavaScript
        ("0,5000,10000", (255, 0, 0)),
        ("10000,0,7000", (0, 0, 255)),
        ("5000,5000,0", (0, 128, 0)),
    ],
)
def test_the_square_that_was_chosen_is_kept_in_two_sizes(
    owner_client: Client,
    studio: Organization,
    category: Category,
    square: str,
    colour: tuple[int, int, int],
) -> None:
    given = {"name": "Cape", "category": category.pk, "new_image": banner(), "new_image-square": square}
    send_form(owner_client, "/dashboard/rewards/add/", **given)
    reward = studio.rewards.get()
    for file, side in ((reward.image, 400), (reward.small_image, 128)):
        image = kept(file)
        assert image.format == "WEBP"
        assert image.width == image.height
        assert image.width <= side
        assert image.convert("RGB").getpixel((20, 20)) == pytest.approx(colour, abs=12)
    page = words(owner_client.get("/dashboard/rewards/"))
    assert f'srcset="{reward.small_image.url} 128w, {reward.image.url} 512w" sizes="3.5rem"' in page


@pytest.mark.parametrize(
    "square",
    [
        "nonsense",
        "1,2",
        "1,2,3,4",
        "-1,0,10000",
        "0,0,10001",
        "99999,0,10000",
        "0,0,1e3",
        "\u0661,\u0661,\u0661",
    ],
)
def test_a_square_that_is_none_is_said_at_the_picture(
    owner_client: Client, studio: Organization, category: Category, square: str
) -> None:
    given = {"name": "Cape", "category": category.pk, "new_image": banner(), "new_image-square": square}
    page = send_form(owner_client, "/dashboard/rewards/add/", **given)
    assert page.context["adminform"].form.errors == {"new_image": ["Choose the part of the picture again."]}
    assert not Reward.objects.exists()


def test_a_form_that_is_refused_after_all_cuts_the_same_square(
    owner_client: Client, studio: Organization, category: Category
) -> None:
    campaign = factories.CampaignFactory(organization=studio, category=category)
    attached = factories.CampaignRewardFactory(campaign=campaign)
    form = f"/dashboard/rewards/{attached.reward_id}/change/"
    given = {"new_image": banner(), "new_image-square": "0,0,10000"}
    assert "Viewers were promised" in words(send_form(owner_client, form, **given))
    given["new_image"] = banner()
    send_form(owner_client, form, confirmed="on", **given)
    assert kept(studio.rewards.get().image).convert("RGB").getpixel((20, 20)) == pytest.approx(
        (255, 0, 0), abs=12
    )


def test_a_picture_that_was_replaced_still_answers(
    owner_client: Client, studio: Organization, category: Category, picture: Any
) -> None:
    given = {"name": "Cape", "category": category.pk, "new_image": picture}
    send_form(owner_client, "/dashboard/rewards/add/", **given)
    before = studio.rewards.get()
    send_form(owner_client, f"/dashboard/rewards/{before.pk}/change/", new_image=banner())
    after = studio.rewards.get()
    assert after.image.name != before.image.name
    assert after.image_hash != before.image_hash
    for reward in (before, after):
        assert default_storage.exists(reward.image.name)
        assert default_storage.exists(reward.small_image.name)
    named = set(ReplacedFile.objects.values_list("name", flat=True))
    assert named == {before.image.name, before.small_image.name}


def test_rewards_and_campaigns_are_prepared_for_a_game_that_is_asked_for(
    owner_client: Client, studio: Organization, rival_studio: Organization
) -> None:
    wanted = factories.CategoryFactory(name="Skyforge Rally", slug="skyforge-rally")
    factories.CategoryFactory(name="Harbor Lights", organization=rival_studio)
    Organization.objects.filter(pk=studio.pk).update(
        approved_at=None, requested_categories="Skyforge rally\nHarbor Lights"
    )
    for page in ("rewards", "campaigns"):
        _, choices = form_data(owner_client, f"/dashboard/{page}/add/")
        assert list(choices["category"].queryset) == [wanted], page
    page = send_form(owner_client, "/dashboard/rewards/add/", name="Cape", category=wanted.pk)
    assert "“Cape” was created" in words(page)


def test_what_is_wrong_is_said_at_the_field(
    owner_client: Client, studio: Organization, category: Category
) -> None:
    bad: list[tuple[str, Any]] = [
        ("name", ""),
        ("name", "x" * 101),
        ("name", "a\0b"),
        ("category", ""),
        ("category", "999999"),
        ("category", "nonsense"),
        ("external_id", "x" * 256),
        ("new_image", SimpleUploadedFile("cape.png", b"nothing")),
        ("new_image", SimpleUploadedFile("cape.png", b"")),
    ]
    for field, value in bad:
        given = {"name": "Cape", "category": category.pk, field: value}
        page = send_form(owner_client, "/dashboard/rewards/add/", **given)
        assert page.status_code == 200
        assert list(page.context["adminform"].form.errors) == [field], (field, value)
        assert "Nothing was saved" in words(page)
    assert not Reward.objects.exists()


def test_without_a_game_the_form_says_who_assigns_one(owner_client: Client, studio: Organization) -> None:
    url = "/dashboard/rewards/add/"
    until = "Until then you cannot create a reward."
    page = words(owner_client.get(url))
    assert until in page
    assert "Ask the platform's operators for it." in page
    Organization.objects.filter(pk=studio.pk).update(approved_at=None)
    page = words(owner_client.get(url))
    assert until in page
    assert 'Name your games in the <a href="/dashboard/settings/">settings</a>.' in page
    manager = factories.MembershipFactory(organization=studio, role=MemberRole.MANAGER).user
    page = words(sign_in(Client(), manager).get(url))
    assert until in page
    assert "An owner names your games in the settings." in page
    Organization.objects.filter(pk=studio.pk).update(approved_at=factories.NOW)
    factories.CategoryFactory(organization=studio)
    assert until not in words(owner_client.get(url))


def test_whoever_may_only_look_sees_no_field_to_upload_into(
    client: Client, member: User, studio: Organization
) -> None:
    sign_in(client, member)
    campaign = factories.CampaignFactory(organization=studio)
    reward = factories.CampaignRewardFactory(campaign=campaign).reward
    app = factories.OAuthAppFactory(organization=studio)
    for url, said in ((f"rewards/{reward.pk}", "External ID"), (f"apps/{app.pk}", "Redirect URIs")):
        page = words(client.get(f"/dashboard/{url}/change/"))
        assert f"<dt>{said}" in page
        assert "<dt>New " not in page
        assert "<dt>Confirmed" not in page


def test_a_picture_stays_until_there_is_another(
    owner_client: Client, studio: Organization, category: Category, picture: Any
) -> None:
    url = "/dashboard/rewards/add/"
    send_form(owner_client, url, name="Cape", category=category.pk, new_image=picture)
    reward = studio.rewards.get()
    page = send_form(owner_client, f"/dashboard/rewards/{reward.pk}/change/", name="Red cape")
    assert "was saved" in words(page)
    assert studio.rewards.get().image.name == reward.image.name


def test_rewards_are_archived_and_restored_and_never_deleted(
    owner_client: Client, studio: Organization, category: Category
) -> None:
    reward = factories.RewardFactory(organization=studio, category=category, name="Old hat")
    assert press(owner_client, f"/dashboard/rewards/{reward.pk}/delete/").status_code == 403
    assert "Old hat” was archived" in words(press(owner_client, f"/dashboard/rewards/{reward.pk}/archive/"))
    assert list(owner_client.get("/dashboard/rewards/").context["cl"].result_list) == []
    archived = owner_client.get("/dashboard/rewards/", {"archived": "yes"})
    assert list(archived.context["cl"].result_list) == [reward]
    assert "back in use" in words(press(owner_client, f"/dashboard/rewards/{reward.pk}/restore/"))


def test_a_reward_that_is_handed_out_is_not_archived(owner_client: Client, studio: Organization) -> None:
    attached = factories.CampaignRewardFactory(
        campaign=factories.CampaignFactory(organization=studio, name="Winter cup")
    )
    page = press(owner_client, f"/dashboard/rewards/{attached.reward_id}/archive/")
    assert "once these campaigns have closed: Winter cup" in words(page)
    assert studio.rewards.get().archived_at is None


def test_the_history_of_a_reward_is_its_audit_trail(owner_client: Client, category: Category) -> None:
    send_form(owner_client, "/dashboard/rewards/add/", name="Cape", category=category.pk)
    reward = Reward.objects.get()
    page = words(owner_client.get(f"/dashboard/rewards/{reward.pk}/history/"))
    assert "Reward created" in page
    assert "by owner" in page


def test_what_viewers_were_promised_stays_or_changes_with_their_owners_word(
    owner_client: Client, studio: Organization, category: Category, picture: Any
) -> None:
    campaign = factories.CampaignFactory(organization=studio, category=category, name="Aurora Season")
    attached = factories.CampaignRewardFactory(
        campaign=campaign, reward__name="Livery", reward__external_id="livery"
    )
    form = f"/dashboard/rewards/{attached.reward_id}/change/"

    page = send_form(owner_client, form, name="Something else", new_image=picture, external_id="other")
    assert words(page).count("Viewers were promised this reward in Aurora Season.") == 2  # name and picture
    reward = studio.rewards.get()
    assert (reward.name, reward.external_id) == ("Livery", "livery")

    send_form(owner_client, form, name="Aurora livery", external_id="other", confirmed="on")
    reward.refresh_from_db()
    assert (reward.name, reward.external_id) == ("Aurora livery", "livery")


def test_a_reward_that_nobody_was_promised_changes_freely(
    owner_client: Client, studio: Organization, category: Category
) -> None:
    attached = factories.CampaignRewardFactory(
        campaign=factories.CampaignFactory(organization=studio, category=category, published_at=None),
        reward__external_id="livery",
    )
    send_form(owner_client, f"/dashboard/rewards/{attached.reward_id}/change/", name="Hat", external_id="hat")
    attached.reward.refresh_from_db()
    assert (attached.reward.name, attached.reward.external_id) == ("Hat", "hat")


def test_an_external_id_that_is_missing_can_be_added_while_the_campaign_runs(
    owner_client: Client, studio: Organization, category: Category
) -> None:
    campaign = factories.CampaignFactory(organization=studio, category=category)
    attached = factories.CampaignRewardFactory(campaign=campaign, reward__external_id="")
    send_form(owner_client, f"/dashboard/rewards/{attached.reward_id}/change/", external_id="hat")
    attached.reward.refresh_from_db()
    assert attached.reward.external_id == "hat"


def test_an_external_id_that_another_reward_has_is_a_warning(
    owner_client: Client, studio: Organization, category: Category
) -> None:
    given = {"category": category.pk, "external_id": "cape-1"}
    page = send_form(owner_client, "/dashboard/rewards/add/", name="Storm cape", **given)
    assert "same external ID" not in words(page)
    page = send_form(owner_client, "/dashboard/rewards/add/", name="Red cape", **given)
    assert "“Storm cape” has the same external ID: cape-1." in words(page)
    assert studio.rewards.filter(external_id="cape-1").count() == 2
    red = studio.rewards.get(name="Red cape")
    page = send_form(owner_client, f"/dashboard/rewards/{red.pk}/change/", external_id="cape-2")
    assert "same external ID" not in words(page)


def test_the_page_of_a_reward_names_the_campaigns_that_have_it(
    owner_client: Client, studio: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    reward = factories.RewardFactory(organization=studio)
    url = f"/dashboard/rewards/{reward.pk}/change/"
    assert "No campaign has this reward yet." in words(owner_client.get(url))
    for count in (1, 3):
        while reward.campaign_rewards.count() < count:
            campaign = factories.CampaignFactory(organization=studio, category=reward.category)
            factories.CampaignRewardFactory(campaign=campaign, reward=reward, required_minutes=1234)
        with django_assert_num_queries(10):
            page = owner_client.get(url)
        assert len(page.context["used_in"]) == count
    assert f'href="/dashboard/campaigns/{campaign.pk}/overview/"' in words(page)
    assert "1,234" in words(page)
    assert "Live" in words(page)
