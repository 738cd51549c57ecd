"""Users as partners see them."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from accounts.api.authentication import TokenView
from accounts.api.schema import USERS
from accounts.domain.tokens import Caller
from accounts.models import User
from config.api.envelope import ok
from config.api.schema import EXAMPLE_ID, documented, number, parameter
from config.api.views import MAX_ID, Query
from config.media import media_url

MAX_IDS = 50


class UsersView(TokenView):
    """Users by id; without an id the one whose token it is."""

    @documented(
        "Users",
        "users",
        "Users by id; without an id the token's own",
        USERS,
        parameters=[
            parameter("id", number(), f"A user's id, up to {MAX_IDS}.", example=[EXAMPLE_ID], many=True)
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        caller = self.caller
        ids = Query(request.query_params).user_ids("id", most=MAX_IDS)
        if not ids:
            if caller.user_id is None:
                raise ParseError("id: is needed, since an app access token is nobody's own.")
            ids = [caller.user_id]
        found = User.objects.filter(is_active=True, deleted_at__isnull=True).in_bulk(
            [user_id for user_id in ids if user_id <= MAX_ID]
        )
        return ok([_user(found[user_id], caller) for user_id in ids if user_id in found])


def _user(user: User, caller: Caller) -> dict[str, object]:
    own = user.pk == caller.user_id and "user:read" in caller.scopes
    return {
        "user_id": user.pk,
        "name": user.username,
        "email": user.email if own else "",
        "profile_picture": media_url(user.profile_picture),
    }
