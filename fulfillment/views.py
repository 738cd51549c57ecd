"""Home and the inventory: what there is to do, what was earned, claiming it, and whether it arrived."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import dateformat, timezone
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import reswap, retarget, trigger_client_event

from accounts.models import parse_ulid
from accounts.requests import SignedInRequest, viewer_of, zone_of
from config import charts, zones
from config.charts import Axis, Chart, Series
from config.rounding import minutes_that_add_up
from drops.domain.campaigns import promises as promise_log
from drops.models import SMALLEST_GROUP, Campaign, Channel, Reason, Reward
from drops.views.landing import landing
from drops.views.streaming import own_channel
from fulfillment.domain import promises as promise_words
from fulfillment.domain.analytics.over_time import days_of
from fulfillment.domain.analytics.streamers import brought_to, uncounted_by_day
from fulfillment.domain.claims import claiming, claiming_all
from fulfillment.domain.claims.inventory import claims_of, inventory as inventory_of
from fulfillment.domain.delivery.signing import NoSigningKey
from fulfillment.domain.delivery.status import claim_status
from fulfillment.domain.delivery.words import to_viewer
from fulfillment.domain.home import home as home_of
from fulfillment.domain.promises import SignedLog, signed_log

CLAIMS_A_PAGE = 24
CAMPAIGNS_SHOWN = 50
UNCOUNTED_DAYS = 30


def home(request: HttpRequest) -> HttpResponse:
    """What there is to do for who is signed in, and what Drops is for who is not."""
    viewer = viewer_of(request)
    if viewer is None:
        return landing(request)
    now = timezone.now()
    return render(request, "fulfillment/home.html", {"now": now, "home": home_of(viewer=viewer, now=now)})


@login_required
def inventory(request: SignedInRequest) -> HttpResponse:
    return render(request, "fulfillment/inventory.html", _inventory(request, now=timezone.now()))


def _inventory(request: SignedInRequest, *, now: datetime) -> dict[str, Any]:
    page = Paginator(claims_of(request.user), CLAIMS_A_PAGE).get_page(request.GET.get("page"))
    return {"now": now, "inventory": inventory_of(viewer=request.user, now=now), "page_obj": page}


@login_required
def claim(request: SignedInRequest) -> HttpResponse:
    """Claims on POST. A GET comes from the sign-in on the way, and goes back to where the button is.

    With HTMX the answer is the whole inventory, on the watch page the claimed reward, or the reward with what
    refused it. site.js says what has been claimed.
    """
    if request.method != "POST":
        return redirect("fulfillment:inventory")
    now = timezone.now()
    campaign_id, reward_id = _posted_id(request, "campaign"), _posted_id(request, "reward")
    try:
        new_claim = claiming.claim_reward(
            viewer=request.user, campaign_id=campaign_id, reward_id=reward_id, now=now
        )
    except claiming.NothingToClaim as error:
        raise Http404(str(error)) from None
    except claiming.ClaimRefused as refused:
        if request.htmx:
            context = {
                "refused": refused,
                "campaign": Campaign.objects.get(pk=campaign_id),
                "reward": Reward.objects.get(pk=reward_id),
            }
            answer = render(request, "fulfillment/parts/refused.html", context)
            return reswap(retarget(answer, "closest li"), "outerHTML")
        messages.error(request, refused.message)
        return redirect("fulfillment:inventory")
    where = to_viewer(new_claim, claim_status(new_claim.deliveries.select_related("endpoint")))
    said = _("Claimed: %(reward)s. %(where)s") % {"reward": new_claim.reward, "where": where["meaning"]}
    if request.htmx:
        if request.htmx.target == "inventory":
            context = _inventory(request, now=now) | {"new_claim_id": new_claim.pk}
            answer = render(request, "fulfillment/parts/inventory.html", context)
        else:
            answer = _claimed_item(request, new_claim.pk, new_claim_id=new_claim.pk)
        return trigger_client_event(answer, "drops:said", {"text": said}, after="settle")
    messages.success(request, said)
    return redirect("fulfillment:inventory")


@login_required
def claim_all(request: SignedInRequest) -> HttpResponse:
    """Claims on POST what can be claimed; like `claim`."""
    if request.method != "POST":
        return redirect("fulfillment:inventory")
    now = timezone.now()
    claims = claiming_all.claim_all(viewer=request.user, now=now)
    said = ngettext("%(count)d reward claimed.", "%(count)d rewards claimed.", len(claims))
    said %= {"count": len(claims)}
    if request.htmx:
        context = _inventory(request, now=now) | {"new_claim_id": claims[-1].pk if claims else None}
        answer = render(request, "fulfillment/parts/inventory.html", context)
        return trigger_client_event(answer, "drops:said", {"text": said}, after="settle")
    messages.success(request, said)
    return redirect("fulfillment:inventory")


@login_required
@vary_on_headers("HX-Request")
def claimed(request: SignedInRequest, claim_id: str) -> HttpResponse:
    """Where one claim is now: a part of the inventory or the watch page, fetched again until it has arrived."""
    if not request.htmx:
        return redirect(reverse("fulfillment:inventory") + f"#claim-{claim_id}")
    return _claimed_item(request, claim_id)


def _claimed_item(request: SignedInRequest, claim_id: str, **context: Any) -> HttpResponse:
    claim = get_object_or_404(claims_of(request.user), pk=claim_id)
    is_on_watch_page = (request.htmx.target or "").startswith("drop-")
    part = "claimed_here" if is_on_watch_page else "claimed"
    return render(request, f"fulfillment/parts/{part}.html", {"claim": claim, **context})


def _posted_id(request: SignedInRequest, name: str) -> str:
    ulid = parse_ulid(request.POST.get(name, ""))
    if ulid is None:
        raise Http404
    return ulid


PROMISES_A_PAGE = 50


def promises(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """What the campaign promised, and when that changed, the newest entry first."""
    campaign = get_object_or_404(promise_log.public_campaigns(), pk=campaign_id)
    page = Paginator(campaign.promises.order_by("-number"), PROMISES_A_PAGE).get_page(request.GET.get("page"))
    entries = promise_log.entries_of(page.object_list)
    # The entry before the last one of the page is on the next page.
    older = campaign.promises.filter(number=entries[-1]["number"] - 1) if entries else ()
    told = [*entries, *promise_log.entries_of(older)]
    changes: list[list[promise_words.Told]] = [
        [promise_words.told(each) for each in promise_log.differences(was["promise"], entry["promise"])]
        for entry, was in pairwise(told)
    ]
    changes += [[]] * (len(entries) - len(changes))  # the log's first entry has none before it
    context = {
        "campaign": campaign,
        "page_obj": page,
        "entries": [
            {**entry, "moment": promise.at, "changes": changed}
            for promise, entry, changed in zip(page.object_list, entries, changes, strict=True)
        ],
        "newest": entries[0] if entries else None,
    }
    return render(request, "fulfillment/promises.html", context)


def promises_json(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The log as canonical JSON. The header has its signature, a JWS without the payload."""
    log = _signed(request, campaign_id)
    headers = {"Drops-Promises-Signature": log.detached}
    return HttpResponse(log.body, content_type="application/json", headers=headers)


def promises_jws(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The same in one file with its signature."""
    headers = {"Content-Disposition": f'attachment; filename="promises-{campaign_id}.jws"'}
    return HttpResponse(_signed(request, campaign_id).jws, content_type="application/jose", headers=headers)


def _signed(request: HttpRequest, campaign_id: str) -> SignedLog:
    """404 without a public log, or without a signing key."""
    campaign = get_object_or_404(promise_log.public_campaigns(), pk=campaign_id)
    before = request.GET.get("before", "")
    number = int(before) if re.fullmatch(r"[0-9]{1,9}", before, re.ASCII) else None
    try:
        return signed_log(campaign, now=timezone.now(), before=number)
    except NoSigningKey:
        raise Http404 from None


@login_required
def channel_numbers(request: SignedInRequest) -> HttpResponse:
    """What campaigns brought to one's own channel, and what its viewers could not count; 404 for who has none."""
    channel, now, zone = own_channel(request.user), timezone.now(), zone_of(request)
    context = {
        "now": now,
        "zone": zone,
        "channel": channel,
        "brought": brought_to(channel, limit=CAMPAIGNS_SHOWN),
        "uncounted": _uncounted(channel, now, zone),
        "smallest_group": SMALLEST_GROUP,
    }
    return render(request, "fulfillment/channel_numbers.html", context)


def _uncounted(channel: Channel, now: datetime, zone: tzinfo) -> Chart | None:
    """Minutes of the last days that counted for no campaign; None where there are none."""
    days = days_of(now - (UNCOUNTED_DAYS - 1) * timedelta(days=1), now, zone)
    by_day = uncounted_by_day(channel, since=days[0][0], zone=zone)
    totals: Counter[Reason] = Counter()
    for of_day in by_day.values():
        totals.update(of_day)
    if not totals:
        return None
    local = [start.astimezone(zone) for start, _end in days]
    tones = ("bad", "wait", "info", "live", "good", "muted")
    return charts.bars(
        title=_("Minutes that counted for no campaign, by day"),
        axis=Axis(
            head=_("Day (%(zone)s)") % {"zone": zones.name_of(zone)},
            labels=[dateformat.format(day, "D j M") for day in local],
            short=[dateformat.format(day, "j M") for day in local],
        ),
        series=[
            Series(
                reason.label,
                tones[min(number, len(tones) - 1)],
                minutes_that_add_up(by_day.get(day.date(), {}).get(reason, 0) for day in local),
            )
            for number, (reason, _seconds) in enumerate(totals.most_common())
        ],
    )
