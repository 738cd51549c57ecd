from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _, ngettext

from accounts.admin_base import VerbForm
from accounts.dashboard.kit.access import active_organization, may, member
from accounts.dashboard.kit.display import badge
from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.dashboard.kit.sites import site
from accounts.dashboard.kit.verbs import Verb
from accounts.domain.permissions import Action
from accounts.requests import PageRequest
from drops.models import PhaseChangeKind
from fulfillment.dashboard.health_charts import health_charts
from fulfillment.dashboard.live import seconds_until
from fulfillment.domain.claims.reconciliation import unacknowledged
from fulfillment.domain.delivery import endpoints, signing
from fulfillment.domain.delivery.exchanges import readable
from fulfillment.domain.delivery.health import (
    HOURS,
    EndpointHealth,
    endpoint_health,
    recent_attempts,
)
from fulfillment.domain.delivery.hours import DAY, answers_by_hour, start_of_hour, together
from fulfillment.domain.delivery.status import endpoint_status
from fulfillment.domain.delivery.words import ENDPOINTS
from fulfillment.models import CAMPAIGN_EVENT, CLAIM_CREATED, WebhookEndpoint

EXAMPLE_URL = "https://hooks.example.com/drops"
LIMITS = format_lazy(
    _("{least} to {most}"), least=WebhookEndpoint.LEAST_HOURS, most=WebhookEndpoint.MOST_HOURS
)

WEEK = 7 * HOURS
PERIODS = ((HOURS, _("24 hours")), (WEEK, _("7 days")))
CHOICES = (
    (CLAIM_CREATED, _("A viewer has claimed a reward.")),
    (f"{CAMPAIGN_EVENT}{PhaseChangeKind.ANNOUNCED}", _("A campaign is announced.")),
    (f"{CAMPAIGN_EVENT}{PhaseChangeKind.STARTED}", _("A campaign starts: watch time counts.")),
    (f"{CAMPAIGN_EVENT}{PhaseChangeKind.LAST_DAY}", _("A campaign ends in 24 hours.")),
    (f"{CAMPAIGN_EVENT}{PhaseChangeKind.ENDED}", _("A campaign ends: the grace period begins.")),
    (f"{CAMPAIGN_EVENT}{PhaseChangeKind.LAST_CHANCE}", _("Claims close in 24 hours.")),
    (f"{CAMPAIGN_EVENT}{PhaseChangeKind.CLOSED}", _("Claims have closed.")),
)
EVENTS = (
    *CHOICES,
    (endpoints.TEST_EVENT, _("A test, when an endpoint is added or changed, or when you send one.")),
)


class WebhookEndpointForm(VerbForm):
    # Declared, because the model's own kind of number begins at 0.
    acknowledge_within_hours = forms.IntegerField(
        label=_("Acknowledged within (hours)"),
        required=False,
        min_value=WebhookEndpoint.LEAST_HOURS,
        max_value=WebhookEndpoint.MOST_HOURS,
        help_text=format_lazy(
            _(
                "{hours} hours. Claims that were delivered and are still “initiated” after this time "
                "are counted here and listed in a CSV file. If empty, no claims are counted."
            ),
            hours=LIMITS,
        ),
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"),
            format_lazy(_("Enter a whole number of hours, {hours}, or leave the field empty."), hours=LIMITS),
        ),
    )

    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=[
            (event, format_lazy("{event}: {words}", event=event, words=words)) for event, words in CHOICES
        ],
        widget=forms.CheckboxSelectMultiple,
        initial=[CLAIM_CREATED],
        help_text=_("What Drops posts to this endpoint. A test event is sent whatever you choose."),
        error_messages={"required": _("Choose at least one event.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "events" in self.fields and not self.instance._state.adding:
            self.initial["events"] = self.instance.events

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "acknowledge_within_hours")
        help_texts = {
            "url": format_lazy(
                _("An https address of your server, such as {url}. Drops posts signed claims to it."),
                url=EXAMPLE_URL,
            )
        }
        error_messages = {
            "url": {"invalid": format_lazy(_("This is not a URL. Enter one such as {url}."), url=EXAMPLE_URL)}
        }


def health_context(endpoint: WebhookEndpoint, now: datetime, hours: int) -> dict[str, Any]:
    by_hour = answers_by_hour(endpoint=endpoint, now=now, hours=hours)
    day = together(answers for hour, answers in by_hour.items() if hour > start_of_hour(now) - DAY)
    health = endpoint_health(endpoint=endpoint, now=now, day=day)
    return {
        "hours": hours,
        "periods": PERIODS,
        "period": together(by_hour.values()),
        "charts": health_charts(by_hour) if any(answers.attempts for answers in by_hour.values()) else (),
        "health": health,
        "fetch_again_after": fetch_again_after(health, now),
        "unacknowledged": unacknowledged(endpoint=endpoint, now=now).count(),
        "attempts": recent_attempts(endpoint=endpoint),
    }


def fetch_again_after(health: EndpointHealth, now: datetime) -> int | None:
    """In how many seconds there is something new to see: soon after the next attempt. None where none is made."""
    at = now if health.in_flight else health.next_attempt_at
    return None if at is None else seconds_until(at, now)


def test(model_admin: WebhookEndpointAdmin, request: HttpRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    attempt = endpoints.send_test_event(endpoint=endpoint, actor=member(request), now=timezone.now())
    context = {
        **site.each_context(request),
        "title": _("Test event"),
        "endpoint": endpoint,
        "attempt": attempt,
        "answer": readable(attempt.response_body),
        "back": model_admin.url_of(endpoint),
        "list_url": model_admin.url("changelist"),
        "model_admin": model_admin,
    }
    return TemplateResponse(request, "dashboard/test_event.html", context)


def hold(model_admin: WebhookEndpointAdmin, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
    endpoints.hold_endpoint(endpoint=endpoint, actor=member(request), now=timezone.now())


def release(model_admin: WebhookEndpointAdmin, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
    count = endpoints.release_endpoint(endpoint=endpoint, actor=member(request), now=timezone.now())
    if endpoint.verified_at:
        released = ngettext(
            "%(endpoint)s was released. %(count)d waiting delivery is being sent.",
            "%(endpoint)s was released. %(count)d waiting deliveries are being sent.",
            count,
        )
    else:
        released = ngettext(
            "%(endpoint)s was released. %(count)d delivery waits until the endpoint has answered a "
            "test event.",
            "%(endpoint)s was released. %(count)d deliveries wait until the endpoint has answered "
            "a test event.",
            count,
        )
    messages.success(request, released % {"endpoint": endpoint, "count": count})


@admin.register(WebhookEndpoint, site=site)
class WebhookEndpointAdmin(OrganizationAdmin):
    see = Action.SEE_SETUP
    change = Action.CHANGE_ENDPOINTS
    route = "webhooks"
    label = _("Webhooks")
    noun = _("webhook endpoint")
    icon = "webhook"
    order = 70
    lede = _(
        "Drops posts each claim to your endpoints immediately, once an endpoint has answered a test event."
    )
    empty_text = _(
        "Add the address of your server. Drops posts every signed claim to it and retries "
        "until the claim arrives."
    )
    form = WebhookEndpointForm
    readonly_fields = ("address", "asked_for")
    may_add = may_edit = may_delete = True
    delete_act = endpoints.DELETE
    delete_question = _(
        "Deliveries that wait for this endpoint are no longer sent. The claims stay in the API and can "
        "be sent to another endpoint."
    )
    list_display = ("address", "state", "failing_since", "created_at")
    sortable_by = ("created_at",)
    sorts = (("created_at", "id"),)
    in_search = True  # by ID alone: an address may hold a secret
    change_form_template = "dashboard/endpoint.html"
    verbs = (
        Verb(
            name="test",
            label=_("Send test event"),
            question=(
                _(
                    "Drops posts a signed test event to %(object)s and shows you the whole exchange. An answer of "
                    "2xx verifies the endpoint."
                )
            ),
            run=test,
            action=Action.SEND_TEST_EVENTS,
            in_transaction=False,
        ),
        Verb(
            name="hold",
            label=_("Hold"),
            question=_(
                "Nothing more is sent to %(object)s until you release it. Claims wait and nothing is lost."
            ),
            done=_("%(object)s was held."),
            run=hold,
            why_not=endpoints.why_not_hold,
        ),
        Verb(
            name="release",
            label=_("Release"),
            question=_("All claims that wait for %(object)s are sent now."),
            run=release,
            why_not=endpoints.why_not_release,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(deleted_at__isnull=True).select_related("organization")

    def get_fields(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        """The whole URL, in whose query a secret may be, is for those who may change it."""
        if may(request, Action.CHANGE_ENDPOINTS):
            return ("url", "events", "acknowledge_within_hours")
        return ("address", "asked_for", "acknowledge_within_hours")

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        now, actor = timezone.now(), member(request)
        if change:
            endpoints.change_endpoint(endpoint=obj, now=now, actor=actor, **form.changes())
        else:
            organization = active_organization(request)
            obj.pk = endpoints.create_endpoint(
                organization=organization, now=now, actor=actor, **form.cleaned_data
            ).pk

    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        endpoints.delete_endpoint(endpoint=obj, actor=member(request), now=timezone.now())

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("obj") is not None:
            hours = WEEK if request.GET.get("hours") == str(WEEK) else HOURS
            context |= {"endpoint": kwargs["obj"], **health_context(kwargs["obj"], timezone.now(), hours)}
            if cast("PageRequest", request).htmx:  # the part that changes, fetched again
                return render(request, "dashboard/endpoint_health.html", context)
        context["events"] = EVENTS
        try:
            context["public_key"] = signing.public_key_pem(timezone.now())
        except signing.NoSigningKey:
            context["public_key"] = ""
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("URL"))
    def address(self, endpoint: WebhookEndpoint) -> str:
        return str(endpoint)

    @admin.display(description=_("Events"))
    def asked_for(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events)

    @admin.display(description=_("state"))
    def state(self, endpoint: WebhookEndpoint) -> str:
        words = ENDPOINTS[endpoint_status(endpoint, timezone.now())]
        return badge(str(words.label), words.tone)
