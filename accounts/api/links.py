"""The game account behind a link, named and read by the studio."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.request import Request

from accounts.api.authentication import OrganizationView
from accounts.api.serializers import LinkSerializer
from accounts.domain import links
from accounts.domain.permissions import Action
from accounts.models import OAuthApp
from config.api.envelope import ok, problems_of, text_of
from config.api.fields import EXAMPLE_ID, MAX_ID
from config.api.schema import documented, path_parameter
from config.api.views import parse_id

USER_ID = path_parameter("user_id", "The viewer's user id.", EXAMPLE_ID)


class Conflict(APIException):
    status_code = 409


class LinkView(OrganizationView):
    """The live link of one viewer with the app's organization."""

    action = Action.NAME_GAME_ACCOUNTS

    @documented(
        "Links",
        "link",
        "The game account that a viewer linked",
        LinkSerializer(),
        parameters=[USER_ID],
        refusals=(400, 401, 403, 404, 429),
    )
    def get(self, request: Request, user_id: str) -> HttpResponse:
        try:
            link = links.live_link(viewer_id=_viewer_id(user_id), organization_id=self.organization_id)
        except links.NotLinked:
            raise _not_linked(user_id) from None
        return ok(LinkSerializer(link).data)

    @documented(
        "Links",
        "name_link",
        "Say which game account is behind a link",
        LinkSerializer(),
        parameters=[USER_ID],
        body=LinkSerializer,
        example={"game_account_id": "p-1", "display_name": "Ada"},
        refusals=(400, 401, 403, 404, 409, 415, 429),
    )
    def put(self, request: Request, user_id: str) -> HttpResponse:
        named = LinkSerializer(data=request.data).checked()
        account_id, name = named["game_account_id"], named["game_account_name"]
        app = OAuthApp.objects.select_related("organization").get(pk=self.caller.app_id)
        try:
            link = links.name_game_account(
                viewer_id=_viewer_id(user_id), app=app, account_id=account_id, name=name, now=timezone.now()
            )
        except links.NotLinked:
            raise _not_linked(user_id) from None
        except links.GameAccountTaken:
            raise Conflict(f"The game account {account_id} is linked to another user.") from None
        except ValidationError as error:
            raise ParseError(text_of(problems_of(error))) from None
        return ok(LinkSerializer(link).data)


def _viewer_id(text: str) -> int:
    user_id = parse_id("user_id", text)
    if user_id > MAX_ID:
        raise _not_linked(text)
    return user_id


def _not_linked(user_id: str) -> NotFound:
    return NotFound(f"User {user_id} is not linked with your organization.")
