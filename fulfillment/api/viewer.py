"""What a viewer's player or overlay calls: claiming a reward."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

from accounts.api.authentication import ViewerView
from accounts.models import parse_ulid
from config.envelope import answer, ok
from config.schema import EXAMPLE_ULID, documented
from drops.models import Campaign, Reward
from fulfillment.api.schema import CLAIM_REFUSED, CLAIMED, TO_CLAIM
from fulfillment.domain.claims import ClaimRefused, claim_reward


class ClaimView(ViewerView):
    """Claim a reward that was earned. A repeat is answered as the first time."""

    @documented(
        "Viewers",
        "claim",
        "Claim a reward that was earned",
        CLAIMED,
        body=TO_CLAIM,
        example={"reward_id": EXAMPLE_ULID, "campaign_id": EXAMPLE_ULID},
        refusals=(400, 401, 403, 404, 415, 429),
        failure=CLAIM_REFUSED,
    )
    def post(self, request: Request) -> HttpResponse:
        campaign, reward = _asked_for(request.data)
        try:
            claim = claim_reward(viewer=self.viewer, campaign=campaign, reward=reward, now=timezone.now())
        except ClaimRefused as refused:
            return _refusal(refused)
        return ok({"id": claim.id}, message="Success")


def _asked_for(body: Any) -> tuple[Campaign, Reward]:
    ids = (body.get("campaign_id"), body.get("reward_id")) if isinstance(body, dict) else (None, None)
    campaign_id, reward_id = (parse_ulid(value) if isinstance(value, str) else None for value in ids)
    if not all(isinstance(value, str) for value in ids):
        raise ParseError('The body must be {"reward_id": …, "campaign_id": …}.')
    campaign = (
        Campaign.objects.select_related("organization")
        .filter(id=campaign_id, published_at__isnull=False)
        .first()
    )
    reward = Reward.objects.filter(id=reward_id).first()
    if campaign is None or reward is None:
        raise NotFound("No such campaign." if campaign is None else "No such reward.")
    return campaign, reward


def _refusal(refused: ClaimRefused) -> HttpResponse:
    """The keys that players know: `connect_url` comes with the one refusal that connecting mends."""
    if refused.code == "not_linked":
        body = {"message": refused.message, "error": "INVALID_CLAIM", "connect_url": refused.connect_url}
    else:
        body = {"message": refused.message, "error": refused.code.upper()}
    return answer(body, status=400)
