"""The claims API: a partner reads its claims and says what became of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

from accounts.api.authentication import OrganizationView
from accounts.domain import permissions
from accounts.domain.permissions import Action
from accounts.models import OAuthApp, parse_ulid
from config.api.envelope import ok
from config.api.fields import EXAMPLE_ULID, MAX_ID
from config.api.schema import documented
from fulfillment.api.serializers import ClaimsPageSerializer, ClaimsQuery, StatusesSerializer
from fulfillment.domain.claims.reading import ClaimFilter, ClaimPage, claims_page
from fulfillment.domain.claims.statuses import UnknownClaims, set_statuses


class ClaimsView(OrganizationView):
    """The claims of the app's organization."""

    action = Action.SEE_CLAIMS

    @documented(
        "Claims",
        "claims",
        "Your claims, oldest first",
        ClaimsPageSerializer(),
        parameters=[ClaimsQuery],
    )
    def get(self, request: Request) -> HttpResponse:
        query = ClaimsQuery.read(request.query_params)
        wanted = _filter(query)
        page = (
            ClaimPage([], "")
            if wanted is None
            else claims_page(
                organization_id=self.organization_id,
                wanted=wanted,
                after=query["cursor"],
                limit=query["limit"],
            )
        )
        return ok({"claims": page.claims, "cursor": page.cursor})

    @documented(
        "Claims",
        "set_claim_statuses",
        "Say what became of claims: all of them or none",
        None,
        status=204,
        body=StatusesSerializer,
        example={"claims": [{"claim_id": EXAMPLE_ULID, "external_status": "sent"}]},
        refusals=(400, 401, 403, 404, 415, 429),
    )
    def patch(self, request: Request) -> HttpResponse:
        permissions.require_app(self.caller, Action.ACKNOWLEDGE_CLAIMS)
        statuses = _statuses(request.data)
        app = OAuthApp.objects.select_related("organization").get(pk=self.caller.app_id)
        try:
            set_statuses(app=app, statuses=statuses, now=timezone.now())
        except UnknownClaims as error:
            raise NotFound(str(error)) from None
        return HttpResponse(status=204)


def _filter(query: dict[str, Any]) -> ClaimFilter | None:
    """The filter that was asked for; None if nothing can match it: an id that no claim could have."""
    ids = {name: parse_ulid(query[name]) for name in ("campaign_id", "claim_id") if query[name]}
    user_id = query["user_id"]
    if None in ids.values() or (user_id or 0) > MAX_ID:
        return None
    return ClaimFilter(
        viewer_id=user_id,
        external_status=query["external_status"],
        updated_since=query["updated_since"],
        campaign_id=ids.get("campaign_id"),
        claim_id=ids.get("claim_id"),
    )


def _statuses(body: Any) -> dict[str, str]:
    """What is wanted by claim. ValidationError; NotFound for an id that no claim could have."""
    statuses: dict[str, str] = {}
    for position, item in enumerate(StatusesSerializer(data=body).checked()["claims"]):
        ulid = parse_ulid(item["claim_id"])
        if ulid is None:
            raise NotFound(f"No such claim: {item['claim_id'][:40]}.")
        if ulid in statuses:
            raise ParseError(f"claims[{position}].claim_id: {ulid} is named twice.")
        statuses[ulid] = item["external_status"]
    return statuses
