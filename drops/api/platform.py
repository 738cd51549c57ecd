"""What the streaming platform itself tells: users, channels, livestreams, and who is watching."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound, ParseError, PermissionDenied
from rest_framework.request import Request

from accounts.api.authentication import TokenView
from accounts.api.idempotency import Unprocessable, once
from accounts.domain.platform_users import PlatformUser, upsert_users
from accounts.domain.tokens import Caller
from accounts.models import OAuthApp
from accounts.oauth.scopes import PLATFORM
from config.api.body import Reader, moment, read_fields, text, whole_number
from config.api.envelope import ok, text_of
from config.api.schema import (
    EXAMPLE_ID,
    EXAMPLE_TIME,
    array,
    documented,
    enveloped,
    header_parameter,
    moment as moment_schema,
    nullable,
    number,
    path_parameter,
    record,
    text as text_schema,
)
from config.api.views import MAX_ID, parse_id
from drops.domain.catalogue import livestreams
from drops.domain.watch.audiences import PlatformChannel, credit_audiences, upsert_channels
from drops.models import Category, Channel, Livestream

MAX_VIEWERS = 10_000
MAX_RECORDS = 1_000
TAG = "Platform"
REFUSALS = (400, 401, 403, 415, 422, 429)
CHANNEL_ID = path_parameter("channel_id", "A channel's id.", "1234")
IDEMPOTENCY_KEY = header_parameter(
    "Idempotency-Key", "A call with a key that was used is answered as the first one, and does nothing."
)
LIVESTREAM = record(
    id=number(), channel_id=number(), category_id=nullable(number()), title=text_schema("Ranked all night"),
    started_at=moment_schema(),
)  # fmt: skip


class PlatformView(TokenView):
    """For an app's own token, of one of the platform's own apps, with the scope `platform`."""

    def check_caller(self, caller: Caller) -> None:
        if caller.user_id is not None or not caller.is_platform or PLATFORM not in caller.scopes:
            raise PermissionDenied(f"This needs an app token of the platform with the scope {PLATFORM}.")

    def app(self) -> OAuthApp:
        return OAuthApp.objects.get(pk=self.caller.app_id)


def fields_of(body: Any, readers: dict[str, Reader], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The checked fields of a JSON object; ParseError with everything that is wrong."""
    values, problems = read_fields(body, readers)
    for name in readers:
        if name not in values and name not in problems and name not in optional:
            problems[name] = ["is needed."]
    if problems:
        raise ParseError(text_of(problems))
    return values


def records_of(
    body: Any, name: str, readers: dict[str, Reader], *, optional: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The checked objects of `{name: [...]}`."""
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_RECORDS:
        raise ParseError(f"{name}: must be a list of 1 to {MAX_RECORDS} objects.")
    return [fields_of(entry, readers, optional=optional) for entry in found]


class UsersView(PlatformView):
    """The platform's users, by its own ids for them."""

    @documented(
        TAG,
        "upsert_users",
        "Make or rename users",
        enveloped(record(users=array(record(platform_id=text_schema(), user_id=number())))),
        body=record(
            users=array(
                record(
                    platform_id=text_schema("u-81", maxLength=191),
                    username=text_schema("mira", maxLength=25),
                    email=text_schema("mira@example.com", maxLength=254),
                    optional=("email",),
                )
            )
        ),
        example={"users": [{"platform_id": "u-81", "username": "mira"}]},
        refusals=REFUSALS,
    )
    def put(self, request: Request) -> HttpResponse:
        readers = {
            "platform_id": text(max_length=191),
            "username": text(max_length=25),
            "email": text(max_length=254),
        }
        users = [
            PlatformUser(**({"email": ""} | fields))
            for fields in records_of(request.data, "users", readers, optional=("email",))
        ]
        try:
            ids = upsert_users(users=users, now=timezone.now(), actor=self.app())
        except ValidationError as error:
            raise Unprocessable(" ".join(error.messages)) from None
        return ok({"users": [{"platform_id": key, "user_id": user_id} for key, user_id in ids.items()]})


class ChannelsView(PlatformView):
    """The channels of users."""

    @documented(
        TAG,
        "upsert_channels",
        "Open or describe channels",
        enveloped(record(channels=array(record(user_id=number(), channel_id=number())))),
        body=record(
            channels=array(
                record(
                    user_id=number(),
                    slug=text_schema("mira", maxLength=50),
                    description=text_schema(maxLength=2000),
                    optional=("description",),
                )
            )
        ),
        example={"channels": [{"user_id": 1234, "slug": "mira"}]},
        refusals=REFUSALS,
    )
    def put(self, request: Request) -> HttpResponse:
        readers = {
            "user_id": whole_number(least=1, most=MAX_ID),
            "slug": text(max_length=50),
            "description": text(max_length=2000),
        }
        channels = [
            PlatformChannel(**({"description": ""} | fields))
            for fields in records_of(request.data, "channels", readers, optional=("description",))
        ]
        try:
            ids = upsert_channels(channels=channels, now=timezone.now(), actor=self.app())
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
        enveloped(LIVESTREAM),
        body=record(category_id=nullable(number()), title=text_schema("Ranked all night", maxLength=200)),
        example={"category_id": 1234, "title": "Ranked all night"},
        parameters=[CHANNEL_ID],
        refusals=(*REFUSALS, 404),
    )
    def put(self, request: Request, channel_id: str) -> HttpResponse:
        """Starts a livestream, or changes the one that runs. The same call twice changes nothing."""
        channel = channel_or_404(channel_id)
        wanted = fields_of(
            request.data,
            {
                "category_id": lambda value: (
                    None if value is None else whole_number(least=1, most=MAX_ID)(value)
                ),
                "title": text(max_length=200),
            },
        )
        category = None
        if wanted["category_id"] is not None:
            category = Category.objects.filter(pk=wanted["category_id"]).first()
            if category is None:
                raise Unprocessable(f"category_id: there is no category {wanted['category_id']}.")
        return ok(
            describe(
                livestreams.go_live(
                    channel=channel,
                    category=category,
                    title=wanted["title"],
                    now=timezone.now(),
                    actor=self.app(),
                )
            )
        )

    @documented(
        TAG,
        "end_livestream",
        "Say that a channel is no longer live",
        enveloped({"type": "null"}),
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
        enveloped(
            record(
                credited_seconds=number(),
                unknown_user_ids=array(number()),
                unknown_channel_ids=array(number()),
            )
        ),
        body=record(
            at=moment_schema(),
            audiences=array(record(channel_id=number(), user_ids=array(number()))),
        ),
        example={"at": EXAMPLE_TIME, "audiences": [{"channel_id": EXAMPLE_ID, "user_ids": [EXAMPLE_ID]}]},
        parameters=[IDEMPOTENCY_KEY],
        refusals=REFUSALS,
    )
    def post(self, request: Request) -> HttpResponse:
        """Up to 10,000 viewers, as often as you like, about once a minute. All of it counts, or none."""
        fields = fields_of(request.data, {"at": moment, "audiences": audiences})
        now = timezone.now()

        def act() -> HttpResponse:
            try:
                result = credit_audiences(**fields, now=now)
            except ValidationError as error:
                raise Unprocessable(" ".join(error.messages)) from None
            return ok(
                {
                    "credited_seconds": result.seconds,
                    "unknown_user_ids": sorted(result.unknown_viewers),
                    "unknown_channel_ids": sorted(result.unknown_channels),
                }
            )

        return once(request, caller=self.caller, now=now, act=act)


def audiences(value: Any) -> dict[int, list[int]]:
    """Viewers by channel. Each id is looked at once: there are up to ten thousand."""
    if not isinstance(value, list):
        raise ValueError('must be a list of {"channel_id", "user_ids"}.')
    found: dict[int, list[int]] = {}
    for entry in value:
        if not isinstance(entry, dict) or entry.keys() != {"channel_id", "user_ids"}:
            raise ValueError("each must be an object with channel_id and user_ids, and nothing else.")
        channel_id, user_ids = entry["channel_id"], entry["user_ids"]
        if not isinstance(user_ids, list) or not all(is_id(value) for value in (channel_id, *user_ids)):
            raise ValueError(f"channel_id and user_ids must be whole numbers from 1 to {MAX_ID}.")
        found.setdefault(channel_id, []).extend(user_ids)
    if sum(map(len, found.values())) > MAX_VIEWERS:
        raise ValueError(f"at most {MAX_VIEWERS} viewers in a call.")
    return found


def is_id(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_ID


def channel_or_404(channel_id: str) -> Channel:
    try:
        channel = Channel.objects.filter(pk=parse_id("channel_id", channel_id)).first()
    except ParseError:
        channel = None
    if channel is None:
        raise NotFound(f"There is no channel {channel_id[:40]}.")
    return channel


def describe(livestream: Livestream) -> dict[str, Any]:
    return {
        "id": livestream.pk,
        "channel_id": livestream.channel_id,
        "category_id": livestream.category_id,
        "title": livestream.title,
        "started_at": livestream.started_at,
    }
