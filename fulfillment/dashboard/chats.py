from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy as _

from accounts.admin_base import VerbForm
from accounts.dashboard.kit.access import active_organization, member
from accounts.dashboard.kit.display import badge
from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.dashboard.kit.sites import site
from accounts.dashboard.kit.verbs import Verb
from accounts.domain.permissions import Action
from fulfillment.domain.chat import posting, webhooks
from fulfillment.models import ChatWebhook, ErrorClass


class ChatForm(VerbForm):
    url = forms.CharField(
        label=_("Webhook URL"),
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "The https address of an incoming webhook, as Slack and Discord make one for a channel. Whoever knows it "
            "can post there, so it is shown to nobody again."
        ),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Notices"), widget=forms.CheckboxSelectMultiple, required=False, choices=()
    )

    class Meta:
        model = ChatWebhook
        fields = ("name", "shape", "kinds")
        help_texts = {"shape": _("Other chats often take messages in the shape of Slack's.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kinds" not in self.fields:  # those who may only look have a form without fields
            return
        kinds = webhooks.kinds_for_chats()
        self.fields["kinds"].choices = [(kind.code, kind.label) for kind in kinds]  # type: ignore[attr-defined]
        if self.instance._state.adding:
            self.initial["kinds"] = [kind.code for kind in kinds]
        else:
            self.fields["url"].required = False
            self.fields["url"].label = _("New webhook URL")
            self.fields["url"].help_text = _("Leave it empty to keep the present one, which is not shown.")


def test(model_admin: ChatAdmin, request: HttpRequest, webhook: ChatWebhook) -> None:
    answer = posting.send_test(webhook=webhook, actor=member(request), now=timezone.now())
    if answer.succeeded:
        messages.success(request, _("The chat took the test message. Look for it there."))
    else:
        messages.error(
            request,
            _("The test message did not arrive: %(reason)s.")
            % {"reason": words_of(answer.status, answer.error_class)},
        )


def turn_on(model_admin: ChatAdmin, request: HttpRequest, webhook: ChatWebhook) -> None:
    webhooks.turn_on(webhook=webhook, actor=member(request), now=timezone.now())


def words_of(status: int | None, error_class: str) -> str:
    """What a chat answered. A status says more than that it is none of 2xx."""
    if status is not None and error_class in ("", ErrorClass.STATUS, ErrorClass.REDIRECT):
        return gettext("the answer was %(status)d") % {"status": status}
    return str(ErrorClass(error_class).label)


@admin.register(ChatWebhook, site=site)
class ChatAdmin(OrganizationAdmin):
    see = Action.SEE_SETUP
    change = Action.CHANGE_ENDPOINTS
    route = "chats"
    label = _("Chats")
    noun = _("chat")
    icon = "external"
    order = 75
    lede = _("Drops posts what members get by mail to a channel of your chat, too.")
    empty_text = _(
        "Make an incoming webhook in Slack or Discord, and add its address. Then your team reads in the chat when a "
        "campaign begins or an endpoint fails."
    )
    form = ChatForm
    may_add = may_edit = may_delete = True
    delete_question = _("Nothing more is posted to this chat, and its address is forgotten.")
    list_display = ("name", "host", "shape", "notices", "state", "answer")
    readonly_fields = ("host", "state", "answer")
    verbs = (
        Verb(
            name="test",
            label=_("Send a test message"),
            question=_(
                "Drops posts a message to %(object)s, which everybody there reads, and shows the answer."
            ),
            run=test,
            action=Action.SEND_TEST_EVENTS,
            in_transaction=False,
        ),
        Verb(
            name="turn-on",
            label=_("Turn on"),
            question=_("Drops posts to %(object)s again. What was not posted meanwhile is not posted later."),
            done=_("%(object)s was turned on."),
            run=turn_on,
            why_not=webhooks.why_not_turn_on,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("encrypted_url").select_related("organization")

    def get_fields(self, request: HttpRequest, obj: ChatWebhook | None = None) -> Any:
        if obj is None:
            return ("name", "shape", "url", "kinds")
        if not self.has_change_permission(request, obj):
            return ("name", "shape", "host", "notices", "state", "answer")
        return ("name", "shape", "host", "url", "kinds", "state", "answer")

    def get_readonly_fields(self, request: HttpRequest, obj: ChatWebhook | None = None) -> Any:
        return (*self.readonly_fields, "notices")

    def save_model(self, request: HttpRequest, obj: ChatWebhook, form: Any, change: bool) -> None:
        now, actor = timezone.now(), member(request)
        if change:
            webhooks.alter(webhook=obj, now=now, actor=actor, **form.changes())
        else:
            organization = active_organization(request)
            obj.pk = webhooks.add(organization=organization, now=now, actor=actor, **form.cleaned_data).pk

    def delete_model(self, request: HttpRequest, obj: ChatWebhook) -> None:
        webhooks.delete(webhook=obj, actor=member(request), now=timezone.now())

    @admin.display(description=_("notices"))
    def notices(self, webhook: ChatWebhook) -> str:
        chosen = [str(kind.label) for kind in webhooks.kinds_for_chats() if kind.code in webhook.kinds]
        return ", ".join(chosen)

    @admin.display(description=_("state"))
    def state(self, webhook: ChatWebhook) -> str:
        if webhook.pk is None or webhook._state.adding:
            return ""
        if webhook.off_at is not None:
            return badge(_("Off"), "bad")
        return badge(_("Failing"), "wait") if webhook.failures else badge(_("On"), "good")

    @admin.display(description=_("last answer"))
    def answer(self, webhook: ChatWebhook) -> str:
        if webhook.last_at is None:
            return ""
        return words_of(webhook.last_status, webhook.last_error_class)
