"""Watch reports of viewers' players, and what became of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import iri_to_uri
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound, ParseError
from rest_framework.request import Request

from accounts.api.authentication import ViewerView, bearer_token
from accounts.models import User
from accounts.oauth.scopes import DROPS_WATCH
from accounts.requests import sender
from config.api.envelope import answer, failure, ok
from config.api.fields import EXAMPLE_ID, MAX_EXACT, MAX_ID, Nothing
from config.api.schema import documented
from config.api.views import OPEN, PLAYER, ApiView
from drops.api.serializers.watching import (
    BeatSerializer,
    EventSerializer,
    HistoryQuery,
    HistorySerializer,
    WatchStatusQuery,
    WatchStatusSerializer,
    WatchTokenSerializer,
)
from drops.domain.watch import counts, history
from drops.domain.watch.beat import UnknownChannel, beat as accept_beat, channel_exists
from drops.domain.watch.beats import BeatKind
from drops.domain.watch.networks import network_of
from drops.domain.watch.status import status_of
from drops.domain.watch.stream import BeatsRefused
from drops.domain.watch.tokens import LIFETIME, TokenRefused, WatchToken, issue_watch_token, read_watch_token
from drops.models import Channel

KINDS = {
    "watch": BeatKind.WATCH,
    "start": BeatKind.START,
    "goodbye": BeatKind.GOODBYE,
    "switch": BeatKind.SWITCH,
}
TAG = "Watching"
WATCH_EVENT = "tracking.user.watch.livestream"
MAX_EVENTS = 100
DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)
CHALLENGE = 'Bearer error="invalid_token"'


class BadBeat(Exception):
    """`str()` says what is wrong and what would be right."""


def _accept(request: HttpRequest, viewer_id: int, beat: dict[str, Any]) -> HttpResponse | None:
    """Take a checked beat in; the answer if it could not be."""
    try:
        accept_beat(viewer_id=viewer_id, network=network_of(sender(request)), now=timezone.now(), **beat)
    except UnknownChannel:
        counts.REFUSED.labels("unknown_channel").inc()
        return failure(404, f"channel_id: there is no channel {beat['channel_id']}.")
    except BeatsRefused as refused:
        counts.REFUSED.labels(refused.reason).inc()
        response = failure(429, "Too much at once. Try again in a moment: the time until then is kept.")
        response.headers["Retry-After"] = str(refused.retry_after)
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        return response
    return None


def beats_first(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: takes beats before the rest of the middleware, which has nothing to add to them.

    They are by far most of the requests, each carries its own proof, and none has a session, a page
    or a line in the log.
    """
    path = reverse("watch_beat")

    def middleware(request: HttpRequest) -> HttpResponse:
        return beat(request) if request.path == path else get_response(request)

    return middleware


def beat(request: HttpRequest) -> HttpResponse:
    """POST /viewer/v1/beat: `{"token", "channel_id", "event", "player"}` of the player script.

    The token may also come as `Authorization: Bearer`. It is in no cookie, so any page may call this
    from any origin, and no other site can call it in a viewer's name.
    """
    return preflight() if request.method == "OPTIONS" else open_to_all(_beat(request))


def _beat(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        response = failure(405, "Use POST.")
        response.headers["Allow"] = "POST, OPTIONS"
        return response
    if request.content_type != "application/json":
        return failure(415, "Send JSON, with Content-Type: application/json.")
    try:
        body = orjson.loads(request.body)
        fields = read_beat(body)
    except RequestDataTooBig:
        return failure(413, "The body is too large.")
    except orjson.JSONDecodeError as error:
        counts.REFUSED.labels("malformed").inc()
        return failure(400, f"The body is not JSON: {error}.")
    except BadBeat as error:
        counts.REFUSED.labels("malformed").inc()
        return failure(400, str(error))
    token = body.get("token") or bearer_token(request)
    try:
        viewer_id = read_watch_token(token if isinstance(token, str) else "", now=timezone.now()).viewer_id
    except TokenRefused as refused:
        counts.REFUSED.labels("token").inc()
        return unauthorized(str(refused))
    return _accept(request, viewer_id, fields) or answer({"data": None, "message": "Accepted"}, status=202)


def read_beat(body: Any) -> dict[str, Any]:
    """The arguments of `drops.domain.watch.beat.beat` in a JSON body. BadBeat."""
    if not isinstance(body, dict):
        raise BadBeat("The body must be an object with token, channel_id and event.")
    event = body.get("event", "watch")
    if not isinstance(event, str) or event not in KINDS:
        raise BadBeat(f"event: must be one of {', '.join(KINDS)}.")
    return {
        "channel_id": whole_number(body, "channel_id", least=1),
        "kind": KINDS[event],
        # A player of ours says "start" first.
        "between": event == "watch",
        "player": whole_number({"player": 0} | body, "player", least=0, most=MAX_EXACT),
    }


def whole_number(body: dict[str, Any], name: str, *, least: int, most: int = MAX_ID) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadBeat(f"{name}: must be a whole number from {least} to {most}.")
    return value


def unauthorized(reason: str) -> HttpResponse:
    response = failure(401, reason)
    response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def open_to_all(response: HttpResponse) -> HttpResponse:
    """Pages of any origin may read it: what counts is the token, and no cookie is looked at."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "no-store"
    return response


def preflight() -> HttpResponse:
    """What a browser asks before a page of another origin may call."""
    response = open_to_all(HttpResponse(status=204))
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    response.headers["Access-Control-Max-Age"] = "86400"
    return response


class WatchTokenAuthentication(BaseAuthentication):
    """`request.auth` is the WatchToken."""

    def authenticate(self, request: Request) -> tuple[None, WatchToken]:
        try:
            return None, read_watch_token(bearer_token(request) or "", now=timezone.now())
        except TokenRefused as refused:
            raise AuthenticationFailed(str(refused)) from None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class WatchTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = WatchTokenAuthentication
    name = "watch"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A watch token: `GET /viewer/v1/token`.",
        }


class PlayerView(ApiView):
    """For players on pages of any origin, which send a watch token and no cookie."""

    needs = PLAYER
    authentication_classes = [WatchTokenAuthentication]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return preflight()
        return open_to_all(cast("HttpResponse", super().dispatch(request, *args, **kwargs)))


class BeatView(PlayerView):
    """Where `beats_first` does not stand before it."""

    authentication_classes = []

    @documented(
        TAG,
        "watch_beat",
        "Say that the viewer watches, once a minute",
        Nothing(),
        message="Accepted",
        status=202,
        body=BeatSerializer,
        example={"channel_id": EXAMPLE_ID, "event": "start"},
        refusals=(400, 401, 404, 413, 415, 429),
        security=[{"watch": []}],
    )
    def post(self, request: Request) -> HttpResponse:
        return _beat(request._request)


class StatusView(PlayerView):
    """What watching a channel counts for now: of a studio's token, the studio's own campaigns alone."""

    @documented(
        TAG,
        "watch_status",
        "What watching a channel counts for now",
        WatchStatusSerializer(),
        parameters=[WatchStatusQuery],
        refusals=(400, 401, 404),
    )
    def get(self, request: Request) -> HttpResponse:
        token = cast("WatchToken", request.auth)
        channel_id = WatchStatusQuery.read(request.query_params)["channel_id"]
        channel = Channel.objects.filter(pk=channel_id).first()
        viewer = User.objects.filter(pk=token.viewer_id, is_active=True).first()
        if channel is None:
            raise NotFound(f"channel_id: there is no channel {channel_id}.")
        if viewer is None:
            raise AuthenticationFailed("The viewer of this token is gone.")
        status = status_of(
            viewer=viewer, channel=channel, now=timezone.now(), organization_id=token.organization_id
        )
        return ok(WatchStatusSerializer(status).data)


class Token(ViewerView):
    """GET /viewer/v1/token: a watch token of the viewer, for five minutes."""

    needs = DROPS_WATCH

    @documented(
        TAG, "watch_token", "A watch token of the viewer", WatchTokenSerializer(), refusals=(401, 403, 429)
    )
    def get(self, request: Request) -> HttpResponse:
        token = issue_watch_token(
            viewer_id=self.viewer.pk, now=timezone.now(), organization_id=self.organization_id
        )
        response = ok({"token": token, "expires_in": int(LIFETIME.total_seconds())})
        response.headers["Cache-Control"] = "no-store"
        return response


class ConnectView(ApiView):
    """Where there is no proxy that knows better: most clients of WebSockets go where a redirect sends them."""

    needs = OPEN

    @documented(
        TAG,
        "watch_connect",
        "The viewer WebSocket: a redirect to the process that serves it",
        None,
        status=307,
        refusals=(404,),
    )
    def get(self, request: Request) -> HttpResponse:
        if settings.SOCKET_URL.partition("://")[2] in ("", settings.SITE_URL.partition("://")[2]):
            raise NotFound("There is no viewer WebSocket here: no proxy gives this address to its process.")
        query = request._request.META.get("QUERY_STRING", "")
        address = f"{settings.SOCKET_URL}{request.path}?{query}"
        return HttpResponse(
            status=307, headers={"Location": iri_to_uri(address), "Cache-Control": "no-store"}
        )


class History(ViewerView):
    """GET /viewer/v1/history: the viewer's own visits, the latest first, and what they counted for."""

    needs = DROPS_WATCH

    @documented(
        TAG,
        "watch_history",
        "The viewer's visits, the latest first, and what they counted for",
        HistorySerializer(),
        parameters=[HistoryQuery],
    )
    def get(self, request: Request) -> HttpResponse:
        query = HistoryQuery.read(request.query_params)
        limit = query["limit"]
        visits = list(history.visits_of(viewer=self.viewer, before=query["before"])[: limit + 1])
        before = visits[limit - 1].started_at if len(visits) > limit else None
        context = {"organization_id": self.organization_id}
        return ok(HistorySerializer({"visits": visits[:limit], "before": before}, context=context).data)


class Events(ViewerView):
    """POST /api/v2/user/events: watch reports of clients that were written for Kick."""

    needs = DROPS_WATCH

    @documented(
        "Viewers",
        "watch_events",
        "Report that the viewer watches, once a minute",
        Nothing(),
        body=EventSerializer(many=True),
        example={"name": WATCH_EVENT, "channel_id": EXAMPLE_ID, "livestream_id": EXAMPLE_ID},
        refusals=(400, 401, 403, 404, 415, 429),
    )
    def post(self, request: Request) -> HttpResponse:
        beats = read_events(request.data)
        for fields in beats:
            if (refused := _accept(request._request, self.viewer.pk, fields)) is not None:
                return refused
        return ok(None)


def read_events(body: Any) -> list[dict[str, Any]]:
    """The watch reports among the events; other events are none of ours and are passed over."""
    if not isinstance(body, list):
        raise ParseError(
            f'The body must be an array of events: [{{"name": "{WATCH_EVENT}", "channel_id": 1}}].'
        )
    if len(body) > MAX_EVENTS:
        raise ParseError(f"At most {MAX_EVENTS} events at a time, not {len(body)}.")
    beats = {}
    for event in body:
        if not isinstance(event, dict) or not isinstance(event.get("name"), str):
            raise ParseError("Each event must be an object with a name.")
        if event["name"] != WATCH_EVENT:
            continue
        ids = {name: digits_as_number(event.get(name, 0)) for name in ("channel_id", "livestream_id")}
        try:
            channel_id = whole_number(ids, "channel_id", least=1)
            livestream_id = whole_number(ids, "livestream_id", least=0)
        except BadBeat as error:
            raise ParseError(str(error)) from None
        if not channel_exists(channel_id):
            raise Http404
        beats[channel_id] = {"channel_id": channel_id, "livestream_id": livestream_id}
    return list(beats.values())


def digits_as_number(value: Any) -> Any:
    """Clients in the field send ids as numbers or as strings."""
    return int(value) if isinstance(value, str) and DIGITS.fullmatch(value) else value
