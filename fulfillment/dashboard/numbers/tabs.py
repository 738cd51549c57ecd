"""The frame of the pages with a campaign's numbers: who may see them, and the way from one to the next.

A page is a module of this package that registers itself, an entry of TABS, and a template that extends
`dashboard/numbers/base.html`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django.contrib.admin.utils import quote, unquote
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _, gettext_lazy

from accounts.dashboard.kit.sites import View, site
from accounts.domain.permissions import Action
from accounts.requests import PageRequest
from drops.models import Campaign, CampaignReward

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_stubs_ext import StrOrPromise


class Tab(NamedTuple):
    """`name`: of the page's address."""

    name: str
    label: StrOrPromise


TABS = [
    Tab("campaign_numbers", gettext_lazy("Funnel")),
    Tab("campaign_stops", gettext_lazy("Where viewers stop")),
    Tab("campaign_over_time", gettext_lazy("Over time")),
    Tab("campaign_channels_numbers", gettext_lazy("Channels")),
    Tab("campaign_uncounted", gettext_lazy("Uncounted time")),
    Tab("campaign_statuses", gettext_lazy("What became of claims")),
    Tab("campaign_fulfilment", gettext_lazy("Fulfilment")),
    Tab("campaign_comparison", gettext_lazy("Comparison")),
    Tab("campaign_files", gettext_lazy("Files and API")),
]


def numbers_page(name: str, route: str = "") -> Callable[[View], View]:
    """Register a view as the page `name` at numbers/`route`, for members who may see figures."""
    return site.page(f"campaigns/<path:object_id>/numbers/{route}", name=name, action=Action.SEE_FIGURES)


def campaign_of(request: HttpRequest, object_id: str) -> Campaign:
    """The campaign that the address is about; 404 for a stranger's."""
    campaign: Campaign = site.admin_of(Campaign).object_or_404(request, unquote(object_id))
    return campaign


def chosen_reward(request: HttpRequest, attached: Sequence[CampaignReward]) -> CampaignReward | None:
    """The attached reward that `?reward=` names; None if it names none of these."""
    return next((each for each in attached if each.reward_id == request.GET.get("reward")), None)


def show(
    request: HttpRequest,
    campaign: Campaign,
    name: str,
    template: str,
    context: Mapping[str, Any],
    part: str = "",
) -> HttpResponse:
    """The page `name` of TABS, of a template in dashboard/numbers/. `part`: what HTMX gets of it."""
    if part and cast("PageRequest", request).htmx:
        template = part
    return render(
        request,
        f"dashboard/numbers/{template}",
        {
            **site.each_context(request),
            "title": _("Numbers of %(campaign)s") % {"campaign": campaign},
            "campaign": campaign,
            "list_url": site.admin_of(Campaign).url("changelist"),
            "overview_url": reverse("dashboard:campaign_overview", args=[quote(campaign.pk)]),
            "tabs": [
                (tab.label, reverse(f"dashboard:{tab.name}", args=[quote(campaign.pk)]), tab.name == name)
                for tab in TABS
            ],
            **context,
        },
    )
