"""Names keep no line breaks, wherever they are written."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.domain import apps, organizations
from accounts.models import OAuthApp, Organization, User
from config.one_line import one_line
from drops.models import Campaign, Category, Reward
from tests import factories
from tests.api import bearer
from tests.dashboard import send_form

BREAKS = [
    "a\nb",
    "a\r\nBcc: x@example.com",
    "a\rb",
    "a\x0bb",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "a\tb",
    "a\x1bb",
]


@pytest.mark.parametrize("text", BREAKS)
def test_a_break_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="Use one line"):
        one_line(text)


@pytest.mark.parametrize("text", ["", "Skyforge Rally", "Ångström's 東京 🎮", "a\u00a0b", "e\u0301"])
def test_words_are_fine(text: str) -> None:
    one_line(text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "model", [Organization, OAuthApp, Reward, Campaign, Category], ids=lambda model: model.__name__
)
def test_every_name_is_one_line(model: type) -> None:
    made = {
        Organization: factories.OrganizationFactory,
        OAuthApp: factories.OAuthAppFactory,
        Reward: factories.RewardFactory,
        Campaign: factories.CampaignFactory,
        Category: factories.CategoryFactory,
    }[model]()
    made.full_clean()
    made.name = "Storm\r\nBcc: everybody@example.com"
    with pytest.raises(ValidationError) as refusal:
        made.full_clean()
    assert set(refusal.value.message_dict) == {"name"}


def test_forms_the_api_and_the_domain_say_so(
    owner_client: Client,
    studio: Organization,
    studio_app: OAuthApp,
    owner: User,
    category: Category,
    now: datetime,
) -> None:
    page = send_form(owner_client, "/dashboard/rewards/add/", name="a\nb", category=category.pk)
    assert list(page.context["adminform"].form.errors) == ["name"]
    answer = bearer(studio_app, scope="drops:write").post(
        "/public/v1/drops/rewards", {"name": "a\nb", "category_id": category.pk}, "application/json"
    )
    assert answer.status_code == 422
    assert "name: Use one line" in answer.json()["message"]
    with pytest.raises(ValidationError):
        organizations.change_organization(organization=studio, name="a\nb", now=now, actor=owner)
    with pytest.raises(ValidationError):
        apps.create_app(organization=studio, name="a\nb", redirect_uris=[], now=now, actor=owner)
