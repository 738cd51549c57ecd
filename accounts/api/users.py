"""Users as partners see them."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from accounts.api.authentication import TokenView
from accounts.api.serializers import UserSerializer, UsersQuery
from accounts.models import User
from config.api.envelope import ok
from config.api.fields import MAX_ID
from config.api.schema import documented
from config.api.views import AUTHENTICATED


class UsersView(TokenView):
    """Users by id; without an id the one whose token it is."""

    needs = AUTHENTICATED

    @documented(
        "Users",
        "users",
        "Users by id; without an id the token's own",
        UserSerializer(many=True),
        parameters=[UsersQuery],
    )
    def get(self, request: Request) -> HttpResponse:
        caller = self.caller
        ids = list(dict.fromkeys(UsersQuery.read(request.query_params)["id"]))
        if not ids:
            if caller.user_id is None:
                raise ParseError("id: is required, since an app access token is nobody's own.")
            ids = [caller.user_id]
        found = User.objects.filter(is_active=True, deleted_at__isnull=True).in_bulk(
            [user_id for user_id in ids if user_id <= MAX_ID]
        )
        users = [found[user_id] for user_id in ids if user_id in found]
        may_see_email_of = caller.user_id if "user:read" in caller.scopes else None
        return ok(UserSerializer(users, many=True, context={"may_see_email_of": may_see_email_of}).data)
