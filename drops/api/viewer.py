"""What players, overlays and viewers' tools read: campaigns and who streams for them. Open to all."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from config.api.envelope import answer, ok
from config.api.schema import documented, path_parameter
from config.api.views import OPEN, ApiView, get_or_404
from drops.api.serializers.viewers import (
    SORTS,
    ChannelSerializer,
    ListedCampaign,
    ListedCampaignSerializer,
    ListedOnAirSerializer,
    LivestreamsQuery,
    LivestreamsSerializer,
    VideoSerializer,
    VideosQuery,
)
from drops.domain.campaigns.participation import livestreams_for
from drops.domain.campaigns.reading import listed_campaigns, visible_campaigns
from drops.domain.catalogue.categories import category_by_id
from drops.domain.catalogue.channels import channel_by_name
from drops.domain.catalogue.livestreams import livestreams_of, livestreams_on_air
from drops.models import (
    AllowedChannel,
    CampaignPhase,
    CampaignReward,
    Channel,
    Livestream,
)

STATUS = {
    CampaignPhase.ANNOUNCED: "upcoming",
    CampaignPhase.LIVE: "active",
    CampaignPhase.GRACE: "expired",
    CampaignPhase.CLOSED: "expired",
}
MAX_LIVESTREAMS = 100


class CampaignsView(ApiView):
    """Every campaign that is public, newest first; closed ones for 30 days."""

    needs = OPEN

    @documented(
        "Viewers",
        "public_campaigns",
        "Every public campaign, newest first",
        ListedCampaignSerializer(many=True),
        message="Success",
        refusals=(),
    )
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
        listed = [ListedCampaign(campaign, STATUS[campaign.phase(now)]) for campaign in campaigns]
        return ok(ListedCampaignSerializer(listed, many=True).data, message="Success")


class CampaignLivestreamsView(ApiView):
    """The streams on air that count for a campaign, most watched first."""

    needs = OPEN

    @documented(
        "Viewers",
        "campaign_livestreams",
        "The streams on air that count for a campaign",
        ListedOnAirSerializer(many=True),
        message="Success",
        parameters=[path_parameter("campaign_id", "The campaign's id.")],
        refusals=(404,),
    )
    def get(self, request: Request, campaign_id: str) -> HttpResponse:
        visible = visible_campaigns(now=timezone.now(), viewer=None)
        campaign = get_or_404(visible, campaign_id, "campaign")
        return ok(_listed(livestreams_for(campaign)[:MAX_LIVESTREAMS]), message="Success")


class LivestreamsView(ApiView):
    """What is on air, of one category or of all."""

    needs = OPEN

    @documented(
        "Viewers",
        "livestreams",
        "What is on air",
        LivestreamsSerializer(),
        message="Success",
        parameters=[LivestreamsQuery],
        refusals=(400,),
    )
    def get(self, request: Request) -> HttpResponse:
        query = LivestreamsQuery.read(request.query_params)
        category_id = query["category_id"]
        livestreams = livestreams_on_air().order_by(SORTS[query["sort"]], "-started_at", "pk")
        if category_id is not None:
            category = category_by_id(category_id)
            livestreams = livestreams.filter(category=category) if category else livestreams.none()
        return ok({"livestreams": _listed(livestreams[: query["limit"]])}, message="Success")


def _listed(livestreams: QuerySet[Livestream]) -> Any:
    return ListedOnAirSerializer(livestreams.select_related("channel__owner", "category"), many=True).data


class ChannelView(ApiView):
    """One channel by slug, without envelope: as players know it."""

    needs = OPEN

    @documented(
        "Viewers",
        "channel",
        "One channel, and what is on air there",
        ChannelSerializer,
        parameters=[path_parameter("slug", "The channel's slug.", "streamer")],
        refusals=(404,),
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        channel = _present_channel(slug)
        livestreams = livestreams_on_air().filter(channel=channel)
        livestream = livestreams.select_related("category").first()
        return answer(ChannelSerializer({"channel": channel, "livestream": livestream}).data)


class VideosView(ApiView):
    """A channel's streams without envelope: the one on air first, then the last ones."""

    needs = OPEN

    @documented(
        "Viewers",
        "channel_videos",
        "A channel's streams, the one on air first",
        VideoSerializer(many=True),
        bare=True,
        parameters=[path_parameter("slug", "The channel's slug.", "streamer"), VideosQuery],
        refusals=(400, 404),
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        query = VideosQuery.read(request.query_params)
        first = (query["page"] - 1) * query["limit"]
        streams = livestreams_of(_present_channel(slug)).select_related("category")
        return answer(VideoSerializer(streams[first : first + query["limit"]], many=True).data)


def _present_channel(slug: str) -> Channel:
    channel = channel_by_name(slug)
    if channel is None or channel.owner.deleted_at is not None:
        raise NotFound("No such channel.")
    return channel
