"""The rewards of a campaign are put in order by buttons, without a script too."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from drops.models import Campaign, Category
from tests import factories
from tests.dashboard import form_data, send_form, words

ROW = "campaign_rewards-{}-{}"


@pytest.fixture
def draft(studio: Organization, category: Category) -> Campaign:
    draft = factories.CampaignFactory(organization=studio, category=category, published_at=None)
    for place, name in enumerate(("Cape", "Hat", "Boots"), start=1):
        reward = factories.RewardFactory(organization=studio, category=category, name=name)
        factories.CampaignRewardFactory(
            campaign=draft, reward=reward, required_minutes=60 * place, position=place
        )
    return draft


def edit(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/change/"


def drawn(page: Any) -> list[str]:
    rows = page.context["inline_admin_formsets"][0].formset.in_order
    return [str(row.instance.reward) for row in rows if row.instance.reward_id]


def test_a_button_moves_a_row_and_saves_nothing_yet(owner_client: Client, draft: Campaign) -> None:
    page = send_form(owner_client, edit(draft), name="Kept", move="2:up")
    assert "The order is changed in the form. Save it to keep it." in words(page)
    assert drawn(page) == ["Cape", "Boots", "Hat"]
    assert page.context["adminform"].form["name"].value() == "Kept"
    stored = draft.campaign_rewards.values_list("reward__name", flat=True)
    assert list(stored) == ["Cape", "Hat", "Boots"]

    formset = page.context["inline_admin_formsets"][0].formset
    data, _ = form_data(owner_client, edit(draft))
    moved = {form["position"].html_name: form["position"].value() for form in formset.forms[:3]}
    assert owner_client.post(edit(draft), data | moved, follow=True).redirect_chain
    assert list(stored.all()) == ["Cape", "Boots", "Hat"]
    minutes = draft.campaign_rewards.values_list("required_minutes", flat=True)
    assert list(minutes) == [60, 180, 120]


@pytest.mark.parametrize(
    "move", ["0:up", "2:down", "99:up", "nonsense", "", ":", "-1:up", "1:sideways", "²:up", "9" * 50 + ":up"]
)
def test_a_button_that_leads_nowhere_does_no_harm(owner_client: Client, draft: Campaign, move: str) -> None:
    page = send_form(owner_client, edit(draft), move=move)
    assert page.status_code == 200
    assert sorted(drawn(page)) == ["Boots", "Cape", "Hat"]


def test_a_tampered_count_of_rows_is_answered(owner_client: Client, draft: Campaign) -> None:
    for count in ("", "x", "-5", "9" * 40):
        page = send_form(owner_client, edit(draft), move="1:up", **{"campaign_rewards-TOTAL_FORMS": count})
        assert page.status_code == 200


def test_each_reward_has_its_image_beside_its_name(owner_client: Client, draft: Campaign) -> None:
    first = draft.campaign_rewards.get(position=1).reward
    first.image = "rewards/cape.webp"
    first.save()
    page = words(owner_client.get(edit(draft)))
    assert 'data-image="/media/rewards/cape.webp"' in page
    assert 'height="44" src="/media/rewards/cape.webp"' in page


def test_thirteen_rewards_zero_minutes_and_one_twice_keep_all_that_was_typed(
    owner_client: Client, studio: Organization, draft: Campaign, category: Category
) -> None:
    rows: dict[str, Any] = {"campaign_rewards-TOTAL_FORMS": 13}
    for at in range(3, 13):
        reward = factories.RewardFactory(organization=studio, category=category)
        rows |= {ROW.format(at, "reward"): reward.pk, ROW.format(at, "required_minutes"): 10 * at}
    page = send_form(owner_client, edit(draft), **rows)
    assert "A campaign can have at most 12 rewards." in words(page)
    formset = page.context["inline_admin_formsets"][0].formset
    assert [form["required_minutes"].value() for form in formset.forms[3:13]] == [
        str(10 * at) for at in range(3, 13)
    ]
    page = send_form(owner_client, edit(draft), **{ROW.format(1, "required_minutes"): 0})
    formset = page.context["inline_admin_formsets"][0].formset
    assert [list(form.errors) for form in formset.forms[:3]] == [[], ["required_minutes"], []]
