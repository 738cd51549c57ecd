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
    fields = body if isinstance(body, dict) else {}
    campaign_id, reward_id = fields.get("campaign_id"), fields.get("reward_id")
    if not isinstance(campaign_id, str) or not isinstance(reward_id, str):
        raise ParseError('The body must be {"reward_id": …, "campaign_id": …}.')
    published = Campaign.objects.select_related("organization").filter(published_at__isnull=False)
    campaign = published.filter(id=parse_ulid(campaign_id)).first()
    if campaign is None:
        raise NotFound("No such campaign.")
    reward = Reward.objects.filter(id=parse_ulid(reward_id)).first()
    if reward is None:
        raise NotFound("No such reward.")
    return campaign, reward


def _refusal(refused: ClaimRefused) -> HttpResponse:
    """The keys that players know: `connect_url` comes with the one refusal that connecting mends."""
    if refused.code == "not_linked":
        body = {"message": refused.message, "error": "INVALID_CLAIM", "connect_url": refused.connect_url}
    else:
        body = {"message": refused.message, "error": refused.code.upper()}
    return answer(body, status=400)
