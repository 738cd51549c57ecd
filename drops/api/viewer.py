"""What players, overlays and viewers' tools read: campaigns and who streams for them. Open to all."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from accounts.models import parse_ulid
from config.api.envelope import answer, ok
from config.api.schema import EXAMPLE_ID, choice, documented, number, parameter, path_parameter
from config.api.views import MAX_ID, ApiView, Query
from config.media import media_url
from drops.api.schema import CAMPAIGN_LIVESTREAMS, CAMPAIGNS, CHANNEL, LIVESTREAMS
from drops.api.shapes import listed_on_air, on_air
from drops.domain.campaigns.participation import livestreams_for
from drops.domain.campaigns.reading import listed_campaigns, visible_campaigns
from drops.domain.catalogue.livestreams import livestreams_on_air
from drops.models import (
    AllowedChannel,
    Campaign,
    CampaignPhase,
    CampaignReward,
    Category,
    Channel,
    Livestream,
)

STATUS = {
    CampaignPhase.ANNOUNCED: "upcoming",
    CampaignPhase.LIVE: "active",
    CampaignPhase.GRACE: "expired",
    CampaignPhase.CLOSED: "expired",
}
WATCH_RULE = {"id": 1, "name": "Watch to redeem"}
SORTS = {
    "viewer_count_desc": "-viewer_count",
    "viewer_count_asc": "viewer_count",
    "viewer_count": "-viewer_count",
    "started_at": "-started_at",
}
MAX_LIVESTREAMS = 100


class CampaignsView(ApiView):
    """Every campaign that is public, newest first; closed ones for 30 days."""

    @documented("Viewers", "public_campaigns", "Every public campaign, newest first", CAMPAIGNS, refusals=())
    def get(self, request: Request) -> HttpResponse:
        now = timezone.now()
        campaigns = (
            listed_campaigns(now=now, viewer=None)
            .select_related("organization", "category")
            .prefetch_related(
                Prefetch("campaign_rewards", CampaignReward.objects.select_related("reward")),
                Prefetch("allowed_channels", AllowedChannel.objects.select_related("channel__owner")),
            )
            .order_by("-pk")
        )
        return ok(
            [campaign_shape(campaign, STATUS[campaign.phase(now)]) for campaign in campaigns],
            message="Success",
        )


def campaign_shape(campaign: Campaign, status: str) -> dict[str, Any]:
    organization = campaign.organization
    shape = {
        "id": campaign.pk,
        "name": campaign.name,
        "status": status,
        "starts_at": campaign.starts_at,
        "ends_at": campaign.ends_at,
        "created_at": campaign.created_at,
        "updated_at": campaign.updated_at,
        "connect_url": organization.connect_url,
        "url": campaign.info_url,
        "category": category_shape(campaign.category) if campaign.category else None,
        "organization": {
            "id": organization.pk,
            "name": organization.name,
            "logo_url": media_url(organization.logo),
            "url": organization.url,
            "restricted": False,
            "email_notification": False,
        },
        "channels": [_channel_shape(allowed.channel) for allowed in campaign.allowed_channels.all()],
        "rewards": [_reward_shape(attached) for attached in campaign.campaign_rewards.all()],
        "rule": WATCH_RULE,
    }
    if shape["category"] is None:
        del shape["category"]
    return shape


def category_shape(category: Category) -> dict[str, Any]:
    return {
        "id": category.pk,
        "name": category.name,
        "slug": category.slug,
        "image_url": media_url(category.image),
    }


def _channel_shape(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.pk,
        "slug": channel.slug,
        "description": channel.description,
        "banner_picture_url": media_url(channel.banner),
        "user": {
            "id": channel.owner_id,
            "username": channel.owner.username,
            "profile_picture": media_url(channel.owner.profile_picture),
        },
    }


def _reward_shape(attached: CampaignReward) -> dict[str, Any]:
    reward = attached.reward
    return {
        "id": reward.pk,
        "name": reward.name,
        "image_url": media_url(reward.image),
        "required_units": attached.required_minutes,
        "category_id": reward.category_id,
        "organization_id": reward.organization_id,
    }


class CampaignLivestreamsView(ApiView):
    """The streams on air that count for a campaign, most watched first."""

    @documented(
        "Viewers",
        "campaign_livestreams",
        "The streams on air that count for a campaign",
        CAMPAIGN_LIVESTREAMS,
        parameters=[path_parameter("campaign_id", "The campaign's id.")],
        refusals=(404,),
    )
    def get(self, request: Request, campaign_id: str) -> HttpResponse:
        campaign = (
            visible_campaigns(now=timezone.now(), viewer=None).filter(pk=parse_ulid(campaign_id)).first()
        )
        if campaign is None:
            raise NotFound("No such campaign.")
        return ok(_listed(livestreams_for(campaign)[:MAX_LIVESTREAMS]), message="Success")


class LivestreamsView(ApiView):
    """What is on air, of one category or of all."""

    @documented(
        "Viewers",
        "livestreams",
        "What is on air",
        LIVESTREAMS,
        parameters=[
            parameter("category_id", number(), "Of this category alone.", example=EXAMPLE_ID),
            parameter(
                "limit", number(24, minimum=1, maximum=MAX_LIVESTREAMS, default=24), "How many at most."
            ),
            parameter("sort", choice(*SORTS), "In which order.", example="viewer_count_desc"),
        ],
        refusals=(400,),
    )
    def get(self, request: Request) -> HttpResponse:
        query = Query(request.query_params)
        category_id = query.user_id("category_id")
        limit = query.integer("limit", default=24, least=1, most=MAX_LIVESTREAMS)
        sort = query.choice("sort", among=tuple(SORTS), default="viewer_count_desc")
        livestreams = livestreams_on_air().order_by(SORTS[sort], "-started_at", "pk")
        if category_id is not None:
            livestreams = (
                livestreams.filter(category=category_id) if category_id <= MAX_ID else livestreams.none()
            )
        return ok({"livestreams": _listed(livestreams[:limit])}, message="Success")


def _listed(livestreams: QuerySet[Livestream]) -> list[dict[str, Any]]:
    return [
        listed_on_air(livestream) for livestream in livestreams.select_related("channel__owner", "category")
    ]


class ChannelView(ApiView):
    """One channel by slug, without envelope: as players know it."""

    @documented(
        "Viewers",
        "channel",
        "One channel, and what is on air there",
        CHANNEL,
        parameters=[path_parameter("slug", "The channel's slug.", "streamer")],
        refusals=(404,),
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        # A NUL, which PostgreSQL would not even compare, is in no slug.
        channels = Channel.objects.filter(slug=slug.lower().replace("\x00", " "))
        channel = channels.filter(owner__deleted_at__isnull=True).first()
        if channel is None:
            raise NotFound("No such channel.")
        livestreams = livestreams_on_air().filter(channel=channel)
        livestream = livestreams.select_related("category").first()
        return answer(
            {"id": channel.pk, "slug": channel.slug, "livestream": on_air(livestream) if livestream else None}
        )
