"""Sending many claims again, and the list of those that the studio never answered for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit.access import active_organization, member, recheck
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from accounts.models import Organization, parse_ulid
from config.api.fields import MAX_ID
from drops.models import Campaign
from fulfillment.dashboard.filters import MOMENT
from fulfillment.dashboard.sending import tell
from fulfillment.domain.claims.reading import ClaimFilter
from fulfillment.domain.claims.reconciliation import unacknowledged_csv
from fulfillment.domain.delivery import resending
from fulfillment.domain.delivery.reading import Arrival
from fulfillment.domain.delivery.status import endpoint_status
from fulfillment.models import Delivery, WebhookEndpoint

if TYPE_CHECKING:
    from fulfillment.dashboard.deliveries import DeliveryAdmin

# A page of the list has 50.
MOST_CHOSEN = 100


class CampaignChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Campaign) -> str:
        return obj.dated_name


class ResendForm(forms.Form):
    arrival = forms.ChoiceField(
        label=_("Which claims"), choices=Arrival.choices, initial=Arrival.UNDELIVERED.value
    )
    campaign = CampaignChoice(
        label=_("Campaign"), queryset=Campaign.objects.none(), required=False, empty_label=_("All")
    )
    viewer = forms.IntegerField(
        label=_("Viewer"),
        required=False,
        min_value=1,
        max_value=MAX_ID,
        help_text=_("A user ID. If empty, all viewers."),
    )
    external_status = forms.CharField(
        label=_("Status"),
        required=False,
        max_length=64,
        help_text=_("The status that your server set. If empty, any status."),
    )
    since = forms.DateTimeField(
        label=_("Claimed since"), required=False, widget=MOMENT, help_text=_("In UTC.")
    )
    until = forms.DateTimeField(
        label=_("Claimed before"), required=False, widget=MOMENT, help_text=_("In UTC.")
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["campaign"]
        field.queryset = Campaign.objects.filter(organization=organization, published_at__isnull=False)

    def wanted(self) -> ClaimFilter:
        fields = self.cleaned_data
        return ClaimFilter(
            campaign_id=fields["campaign"].pk if fields["campaign"] else None,
            viewer_id=fields["viewer"],
            external_status=fields["external_status"],
            since=fields["since"],
            until=fields["until"],
        )


@site.page("webhooks/<path:object_id>/resend/", name="endpoint_resend", action=Action.RESEND_MANY)
def endpoint_resend(request: HttpRequest, object_id: str) -> HttpResponse:
    """First how many claims it would be, then the sending."""
    model_admin = site.admin_of(WebhookEndpoint)
    endpoint: WebhookEndpoint = model_admin.object_or_404(request, unquote(object_id))
    form = ResendForm(request.POST or None, organization=active_organization(request))
    back = model_admin.url("change", quote(endpoint.pk))
    now, count, part_until = timezone.now(), None, None
    if request.method == "POST" and form.is_valid():
        try:
            count = _resend(request, endpoint, form, now=now, dry_run="send" not in request.POST)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            if count > resending.MOST_AT_ONCE:
                arrival = Arrival(form.cleaned_data["arrival"])
                part_until = resending.a_part_of(endpoint, form.wanted(), arrival)
            if "send" in request.POST:
                tell(request, count=count, endpoint=endpoint, now=now)
                return redirect(reverse("dashboard:fulfillment_delivery_changelist"))
    context = {
        **site.each_context(request),
        "title": _("Send claims again"),
        "endpoint": endpoint,
        "form": form,
        "count": count,
        "most": resending.MOST_AT_ONCE,
        "part_until": part_until,
        "endpoint_status": endpoint_status(endpoint, now),
        "back": back,
        "list_url": model_admin.url("changelist"),
    }
    return render(request, "dashboard/resend.html", context)


@site.page("deliveries/resend/", name="deliveries_resend", action=Action.RESEND_MANY)
def deliveries_resend(request: HttpRequest) -> HttpResponse:
    """How many of the deliveries that the list shows, or of those that were chosen in it, are sent again; then the
    sending."""
    model_admin = cast("DeliveryAdmin", site.admin_of(Delivery))
    list_url = model_admin.url("changelist")
    query = request.GET.copy()
    chosen = [ulid for each in query.pop("id", [])[:MOST_CHOSEN] if (ulid := parse_ulid(str(each)))]
    back = f"{list_url}?{query.urlencode()}" if query else list_url
    if chosen:
        deliveries, is_filtered = model_admin.get_queryset(request).filter(pk__in=chosen), True
    else:
        request.GET = cast("Any", query)
        try:
            changelist = model_admin.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect(back)  # the list says what is wrong with the address
        deliveries = changelist.queryset
        is_filtered = bool(changelist.has_active_filters or changelist.query)
    now = timezone.now()
    if request.method == "POST":
        which = {"id": ", ".join(chosen)} if chosen else {str(key): str(query[key]) for key in query}
        try:
            with transaction.atomic():
                recheck(request, Action.RESEND_MANY)
                sent = resending.resend_deliveries(
                    organization=active_organization(request),
                    deliveries=deliveries,
                    which=which,
                    actor=member(request),
                    now=now,
                )
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
        else:
            for endpoint, count in sent.items():
                tell(request, count=count, endpoint=endpoint, now=now)
            if not sent:
                messages.warning(request, _("No delivery that can be sent again matches. Nothing was sent."))
        return redirect(back)
    context = {
        **site.each_context(request),
        "title": _("Send deliveries again"),
        "count": resending.count_to_resend(deliveries),
        "most": resending.MOST_AT_ONCE,
        "is_chosen": bool(chosen),
        "is_filtered": is_filtered,
        "back": back,
        "list_url": list_url,
    }
    return render(request, "dashboard/resend_deliveries.html", context)


@transaction.atomic
def _resend(
    request: HttpRequest, endpoint: WebhookEndpoint, form: ResendForm, *, now: datetime, dry_run: bool
) -> int:
    recheck(request, Action.RESEND_MANY)
    return resending.resend_filtered(
        endpoint=endpoint,
        which=form.wanted(),
        arrival=Arrival(form.cleaned_data["arrival"]),
        actor=member(request),
        now=now,
        dry_run=dry_run,
    )


@site.page("claims/unacknowledged.csv", name="unacknowledged", action=Action.SEE_SETUP)
def unacknowledged(request: HttpRequest) -> StreamingHttpResponse:
    """Claims that were delivered and are “initiated” still, longer than the endpoint allows."""
    lines = unacknowledged_csv(organization=active_organization(request), now=timezone.now())
    return StreamingHttpResponse(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="unacknowledged-claims.csv"'},
    )
