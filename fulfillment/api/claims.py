"""The claims API: a partner reads its claims and says what became of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

from accounts.api.authentication import OrganizationView
from accounts.models import OAuthApp, parse_ulid
from config.api.envelope import ok
from config.api.schema import (
    EXAMPLE_ID,
    EXAMPLE_TIME,
    EXAMPLE_ULID,
    documented,
    moment,
    number,
    page_parameters,
    parameter,
    text,
)
from config.api.views import MAX_ID, Query
from fulfillment.api.schema import CLAIMS, STATUSES
from fulfillment.domain.claims.pages import ClaimFilter, ClaimPage, claims_page
from fulfillment.domain.claims.statuses import UnknownClaims, set_statuses

MAX_STATUS_LENGTH = 64
MAX_PATCHED = 100


class ClaimsView(OrganizationView):
    """The claims of the app's organization."""

    @documented(
        "Claims",
        "claims",
        "Your claims, oldest first",
        CLAIMS,
        parameters=[
            parameter("campaign_id", text(), "Of this campaign.", example=EXAMPLE_ULID),
            parameter("user_id", number(), "Of this viewer.", example=EXAMPLE_ID),
            parameter("claim_id", text(), "This one.", example=EXAMPLE_ULID),
            parameter(
                "external_status", text("initiated", maxLength=64), "In this status.", example="initiated"
            ),
            parameter("updated_since", moment(), "Changed at this moment or later.", example=EXAMPLE_TIME),
            *page_parameters(most=1000),
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        query = Query(request.query_params)
        limit = query.integer("limit", default=10, least=1, most=1000)
        after = query.ulid("cursor")
        wanted = _filter(query)
        page = (
            ClaimPage([], "")
            if wanted is None
            else claims_page(organization_id=self.organization_id, wanted=wanted, after=after, limit=limit)
        )
        return ok({"claims": page.claims, "cursor": page.cursor})

    @documented(
        "Claims",
        "set_claim_statuses",
        "Say what became of claims: all of them or none",
        None,
        status=204,
        body=STATUSES,
        example={"claims": [{"claim_id": EXAMPLE_ULID, "external_status": "sent"}]},
        refusals=(400, 401, 403, 404, 415, 429),
    )
    def patch(self, request: Request) -> HttpResponse:
        statuses = _statuses(request.data)
        app = OAuthApp.objects.select_related("organization").get(pk=self.caller.app_id)
        try:
            set_statuses(app=app, statuses=statuses, now=timezone.now())
        except UnknownClaims as error:
            raise NotFound(str(error)) from None
        return HttpResponse(status=204)


def _filter(query: Query) -> ClaimFilter | None:
    """The filter that was asked for; None if nothing can match it: an id that no claim could have."""
    user_id = query.user_id("user_id")
    status = query.text("external_status", max_length=MAX_STATUS_LENGTH)
    updated_since = query.moment("updated_since")
    ids = {}
    for name in ("campaign_id", "claim_id"):
        if value := query.text(name, max_length=255):
            ids[name] = parse_ulid(value)
    if None in ids.values() or (user_id or 0) > MAX_ID:
        return None
    return ClaimFilter(user_id=user_id, external_status=status, updated_since=updated_since, **ids)


def _statuses(body: Any) -> dict[str, str]:
    """`{"claims": [{"claim_id", "external_status"}, …]}` as a mapping, or the first thing wrong with it."""
    if not isinstance(body, dict) or set(body) != {"claims"} or not isinstance(body["claims"], list):
        raise ParseError('The body must be {"claims": [{"claim_id": …, "external_status": …}, …]}.')
    items = body["claims"]
    if not 1 <= len(items) <= MAX_PATCHED:
        raise ParseError(f"claims: must have 1 to {MAX_PATCHED} items, not {len(items)}.")
    statuses: dict[str, str] = {}
    for position, item in enumerate(items):
        where = f"claims[{position}]"
        if not isinstance(item, dict) or set(item) != {"claim_id", "external_status"}:
            raise ParseError(f"{where}: must have exactly the keys claim_id and external_status.")
        claim_id, status = item["claim_id"], item["external_status"]
        if not isinstance(claim_id, str):
            raise ParseError(f"{where}.claim_id: must be a string.")
        if not isinstance(status, str) or not 1 <= len(status) <= MAX_STATUS_LENGTH:
            raise ParseError(
                f"{where}.external_status: must be a text of 1 to {MAX_STATUS_LENGTH} characters."
            )
        ulid = parse_ulid(claim_id)
        if ulid is None:
            raise NotFound(f"No such claim: {claim_id[:40]}.")
        if ulid in statuses:
            raise ParseError(f"{where}.claim_id: {ulid} is named twice.")
        statuses[ulid] = status
    return statuses
