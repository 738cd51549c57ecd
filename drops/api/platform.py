"""What the streaming platform itself tells: users, channels, livestreams, and who is watching."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound, ValidationError as BadId
from rest_framework.request import Request

from accounts.api.authentication import TokenView
from accounts.api.idempotency import Unprocessable, once
from accounts.domain import permissions
from accounts.domain.permissions import PLATFORM, Action
from accounts.domain.platform_users import PlatformUser, upsert_users
from accounts.domain.tokens import Caller
from accounts.models import OAuthApp
from config.api.envelope import ok
from config.api.fields import EXAMPLE_ID, EXAMPLE_TIME, Nothing
from config.api.schema import documented, header_parameter, path_parameter
from config.api.views import parse_id
from drops.api.serializers.platform import (
    AudiencesSerializer,
    CreditedSerializer,
    KnownChannelsSerializer,
    KnownUsersSerializer,
    LivestreamSerializer,
    PlatformChannelsSerializer,
    PlatformUsersSerializer,
)
from drops.domain.catalogue import livestreams
from drops.domain.catalogue.categories import category_by_id
from drops.domain.watch.audiences import PlatformChannel, credit_audiences, upsert_channels
from drops.models import Channel

TAG = "Platform"
REFUSALS = (400, 401, 403, 415, 422, 429)
CHANNEL_ID = path_parameter("channel_id", "A channel's id.", "1234")
IDEMPOTENCY_KEY = header_parameter(
    "Idempotency-Key", "A call with a key that was used is answered as the first one, and does nothing."
)


class PlatformView(TokenView):
    """For an app's own token, of one of the platform's own apps, with the scope `platform`."""

    needs = PLATFORM

    def check_caller(self, caller: Caller) -> None:
        permissions.require_platform_app(caller, Action.REPORT_STREAMS)

    def app(self) -> OAuthApp:
        return OAuthApp.objects.get(pk=self.caller.app_id)


class UsersView(PlatformView):
    """The platform's users, by its own ids for them."""

    @documented(
        TAG,
        "upsert_users",
        "Make or rename users",
        KnownUsersSerializer(),
        body=PlatformUsersSerializer,
        example={"users": [{"platform_id": "u-81", "username": "mira"}]},
        refusals=REFUSALS,
    )
    def put(self, request: Request) -> HttpResponse:
        users = PlatformUsersSerializer(data=request.data).checked()["users"]
        try:
            ids = upsert_users(
                users=[PlatformUser(**user) for user in users], now=timezone.now(), actor=self.app()
            )
        except ValidationError as error:
            raise Unprocessable(" ".join(error.messages)) from None
        return ok({"users": [{"platform_id": key, "user_id": user_id} for key, user_id in ids.items()]})


class ChannelsView(PlatformView):
    """The channels of users."""

    @documented(
        TAG,
        "upsert_channels",
        "Open or describe channels",
        KnownChannelsSerializer(),
        body=PlatformChannelsSerializer,
        example={"channels": [{"user_id": 1234, "slug": "mira"}]},
        refusals=REFUSALS,
    )
    def put(self, request: Request) -> HttpResponse:
        channels = PlatformChannelsSerializer(data=request.data).checked()["channels"]
        try:
            ids = upsert_channels(
                channels=[PlatformChannel(**channel) for channel in channels],
                now=timezone.now(),
                actor=self.app(),
            )
        except ValidationError as error:
            raise Unprocessable(" ".join(error.messages)) from None
        return ok(
            {"channels": [{"user_id": key, "channel_id": channel_id} for key, channel_id in ids.items()]}
        )


class LivestreamView(PlatformView):
    """What a channel streams now."""

    @documented(
        TAG,
        "start_livestream",
        "Say that a channel is live, and in which category",
        LivestreamSerializer(),
        body=LivestreamSerializer,
        example={"category_id": 1234, "title": "Ranked all night"},
        parameters=[CHANNEL_ID],
        refusals=(*REFUSALS, 404),
    )
    def put(self, request: Request, channel_id: str) -> HttpResponse:
        """Starts a livestream, or changes the one that runs. The same call twice changes nothing."""
        channel = channel_or_404(channel_id)
        wanted = LivestreamSerializer(data=request.data).checked()
        category = None
        if wanted["category_id"] is not None:
            category = category_by_id(wanted["category_id"])
            if category is None:
                raise Unprocessable(f"category_id: There is no category {wanted['category_id']}.")
        livestream = livestreams.go_live(
            channel=channel,
            category=category,
            title=wanted["title"],
            now=timezone.now(),
            actor=self.app(),
        )
        return ok(LivestreamSerializer(livestream).data)

    @documented(
        TAG,
        "end_livestream",
        "Say that a channel is no longer live",
        Nothing(),
        parameters=[CHANNEL_ID],
        refusals=(401, 403, 404, 429),
    )
    def delete(self, request: Request, channel_id: str) -> HttpResponse:
        livestream = channel_or_404(channel_id).livestreams.filter(ended_at=None).first()
        if livestream is not None:
            livestreams.end_livestream(livestream=livestream, now=timezone.now(), actor=self.app())
        return ok(None)


class AudiencesView(PlatformView):
    """Who is watching, all at once."""

    @documented(
        TAG,
        "report_audiences",
        "Credit everybody who watches now",
        CreditedSerializer(),
        body=AudiencesSerializer,
        example={"at": EXAMPLE_TIME, "audiences": [{"channel_id": EXAMPLE_ID, "user_ids": [EXAMPLE_ID]}]},
        parameters=[IDEMPOTENCY_KEY],
        refusals=REFUSALS,
    )
    def post(self, request: Request) -> HttpResponse:
        """Up to 10,000 viewers, as often as you like, about once a minute. All of it counts, or none."""
        reported = AudiencesSerializer(data=request.data).checked()
        now = timezone.now()

        def act() -> HttpResponse:
            try:
                result = credit_audiences(**reported, now=now)
            except ValidationError as error:
                raise Unprocessable(" ".join(error.messages)) from None
            return ok(CreditedSerializer(result).data)

        return once(request, caller=self.caller, now=now, act=act)


def channel_or_404(channel_id: str) -> Channel:
    try:
        channel = Channel.objects.filter(pk=parse_id("channel_id", channel_id)).first()
    except BadId:
        channel = None
    if channel is None:
        raise NotFound(f"There is no channel {channel_id[:40]}.")
    return channel
