"""One search for everything that the organization has."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from config.ulid import ULIDField, parse_ulid

MOST_OF_A_KIND = 5
LONGEST = 100


class Found(NamedTuple):
    """Objects of one kind with the addresses of their pages; `all_url` lists them, "" where these are all."""

    label: str
    icon: str
    objects: list[tuple[str, str]]
    all_url: str


@site.page("search/", name="search", action=Action.SEE_FIGURES)
def search(request: HttpRequest) -> HttpResponse:
    """What `?q=` finds in each list that the person may see. The one object of an ID is opened at once."""
    term = request.GET.get("q", "").strip().replace("\0", "")[:LONGEST]
    admins = sorted(site.admins(), key=lambda each: each.order) if term else []
    found = [each for model_admin in admins if (each := _in(model_admin, request, term)).objects]
    if parse_ulid(term) and len(found) == 1 and len(found[0].objects) == 1:
        return redirect(found[0].objects[0][1])
    context = {**site.each_context(request), "title": _("Search"), "term": term, "found": found}
    return render(request, "dashboard/search.html", context)


def _in(model_admin: OrganizationAdmin, request: HttpRequest, term: str) -> Found:
    rows: list[Model] = []
    if model_admin.in_search and model_admin.has_view_permission(request):
        rows = list(_rows(model_admin, request, term))
    everything = f"{model_admin.url('changelist')}?{urlencode({'q': term})}"
    return Found(
        str(model_admin.label),
        model_admin.icon,
        [(str(row), model_admin.url_of(row)) for row in rows[:MOST_OF_A_KIND]],
        everything if len(rows) > MOST_OF_A_KIND else "",
    )


def _rows(model_admin: OrganizationAdmin, request: HttpRequest, term: str) -> Any:
    queryset = model_admin.get_queryset(request)
    ulid = parse_ulid(term) if isinstance(model_admin.opts.pk, ULIDField) else None
    if ulid and (by_id := queryset.filter(pk=ulid)[:1]):
        return by_id
    if not model_admin.search_fields:  # Django's search would find everything
        return ()
    return model_admin.get_search_results(request, queryset, term)[0].order_by("-pk")[: MOST_OF_A_KIND + 1]
