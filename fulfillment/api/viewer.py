"""What a viewer's player or overlay calls: claiming a reward."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from accounts.api.authentication import ViewerView
from accounts.models import parse_ulid
from accounts.oauth.scopes import DROPS_CLAIM
from config.api.envelope import answer, ok
from config.api.fields import EXAMPLE_ULID
from config.api.schema import FailureSerializer, documented
from fulfillment.api.serializers import ClaimedSerializer, ClaimRefusedSerializer, ToClaimSerializer
from fulfillment.domain.claims.claiming import ClaimRefused, NothingToClaim, claim_reward


class ClaimView(ViewerView):
    """Claim a reward that was earned. A repeat is answered as the first time."""

    needs = DROPS_CLAIM

    @documented(
        "Viewers",
        "claim",
        "Claim a reward that was earned",
        ClaimedSerializer(),
        message="Success",
        body=ToClaimSerializer,
        example={"reward_id": EXAMPLE_ULID, "campaign_id": EXAMPLE_ULID},
        refusals=(400, 401, 403, 404, 415, 429),
        failure=PolymorphicProxySerializer(
            "ClaimFailure", [ClaimRefusedSerializer, FailureSerializer], resource_type_field_name=None
        ),
    )
    def post(self, request: Request) -> HttpResponse:
        campaign_id, reward_id = _asked_for(request.data)
        try:
            claim = claim_reward(
                viewer=self.viewer,
                campaign_id=campaign_id,
                reward_id=reward_id,
                now=timezone.now(),
                organization_id=self.organization_id,
            )
        except NothingToClaim as error:
            raise NotFound(str(error)) from None
        except ClaimRefused as refused:
            return _refusal(refused)
        return ok({"id": claim.id}, message="Success")


def _asked_for(body: Any) -> tuple[str, str]:
    wanted = ToClaimSerializer(data=body).checked()
    campaign_id, reward_id = parse_ulid(wanted["campaign_id"]), parse_ulid(wanted["reward_id"])
    if campaign_id is None:
        raise NotFound("No such campaign.")
    if reward_id is None:
        raise NotFound("No such reward.")
    return campaign_id, reward_id


def _refusal(refused: ClaimRefused) -> HttpResponse:
    """The keys that players know: `connect_url` comes with the one refusal that connecting mends."""
    about_the_link = refused.code in ("not_linked", "game_account_has_claimed")
    body = {"message": refused.message, "error": "INVALID_CLAIM" if about_the_link else refused.code.upper()}
    if refused.code == "not_linked":
        body["connect_url"] = refused.connect_url
    return answer(body, status=400)
