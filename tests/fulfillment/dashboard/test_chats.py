"""Owners and developers add their chats, test them, and see the last answer; the address is shown to nobody."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.models import Organization, User
from fulfillment.domain.chat import webhooks
from fulfillment.models import ChatWebhook
from tests.dashboard import form_data, words
from tests.factories import NOW
from tests.fulfillment.receiver import Receiver

pytestmark = pytest.mark.django_db
LIST = "/dashboard/chats/"
ADD = f"{LIST}add/"


def page_of(chat: ChatWebhook, verb: str = "change") -> str:
    return f"{LIST}{chat.pk}/{verb}/"


@pytest.fixture
def chat(studio: Organization, owner: User, receiver: Receiver) -> ChatWebhook:
    return webhooks.add(
        organization=studio,
        name="#drops",
        shape="discord",
        url=f"{receiver.url}/zzsecret",
        kinds=["campaign_begins"],
        now=NOW,
        actor=owner,
    )


def test_an_owner_adds_a_chat_and_its_address_is_never_shown(
    owner_client: Client, studio: Organization, receiver: Receiver
) -> None:
    fields = form_data(owner_client, ADD)[0] | {
        "name": "#ops",
        "shape": "slack",
        "url": f"{receiver.url}/zzsecret",
    }
    assert sorted(fields["kinds"]) == ["campaign_begins", "campaign_ends", "endpoint_trouble", "first_day"]
    created = owner_client.post(ADD, fields, follow=True)
    chat = ChatWebhook.objects.get()
    assert (chat.organization, chat.host) == (studio, "127.0.0.1")
    for shown in (created, owner_client.get(LIST), owner_client.get(page_of(chat))):
        assert "127.0.0.1" in words(shown)
        assert "zzsecret" not in shown.content.decode()


@pytest.mark.parametrize("url", ["", "no url", "https://10.0.0.1/", "https://hooks.example.com/" + "x" * 600])
def test_a_wrong_address_is_said_at_its_field_and_kept(owner_client: Client, url: str) -> None:
    fields = form_data(owner_client, ADD)[0] | {"name": "#ops", "shape": "slack", "url": url}
    refused = owner_client.post(ADD, fields)
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors.keys() == {"url"}
    assert refused.context["adminform"].form["url"].value() == url
    assert not ChatWebhook.objects.exists()


def test_saving_without_an_address_keeps_the_present_one(
    owner_client: Client, chat: ChatWebhook, receiver: Receiver
) -> None:
    fields = form_data(owner_client, page_of(chat))[0]
    assert fields["url"] == ""
    fields["kinds"] = ["campaign_ends", "first_day"]
    assert owner_client.post(page_of(chat), fields).status_code == 302
    changed = ChatWebhook.objects.get()
    assert changed.kinds == ["campaign_ends", "first_day"]
    assert webhooks.url_of(changed) == f"{receiver.url}/zzsecret"


def press(client: Client, chat: ChatWebhook, verb: str) -> str:
    """The button of the page that asks."""
    assert client.get(page_of(chat, verb)).status_code == 200
    fields = {FORM_FIELD: chat.organization_id, "post": "yes"}
    return words(client.post(page_of(chat, verb), fields, follow=True))


def test_a_test_message_and_the_last_answer(
    owner_client: Client, chat: ChatWebhook, receiver: Receiver
) -> None:
    receiver.answers(410)
    said = press(owner_client, chat, "test")
    assert "The test message did not arrive: the answer was 410." in said
    receiver.answers(204)
    said = press(owner_client, chat, "test")
    assert "The chat took the test message." in said
    assert "the answer was 204" in said


def test_a_chat_that_is_off_is_turned_on_again(owner_client: Client, chat: ChatWebhook) -> None:
    assert f"{chat.pk}/turn-on/" not in owner_client.get(page_of(chat)).content.decode()
    webhooks.turn_off(chat, now=NOW)
    page = owner_client.get(page_of(chat))
    assert f"{chat.pk}/turn-on/" in page.content.decode()
    assert "Off" in words(page)
    press(owner_client, chat, "turn-on")
    chat.refresh_from_db()
    assert chat.off_at is None


def test_a_chat_is_deleted(owner_client: Client, chat: ChatWebhook) -> None:
    press(owner_client, chat, "delete")
    assert not ChatWebhook.objects.exists()
