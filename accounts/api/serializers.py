"""What the APIs say of users and links."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from config.api.fields import (
    EXAMPLE_ID,
    MAX_UINT64,
    List,
    Moment,
    Number,
    Picture,
    Query,
    Serializer,
    Text,
)

MAX_IDS = 50


class UsersQuery(Query):
    id = List(
        Number(most=MAX_UINT64, example=EXAMPLE_ID), most=MAX_IDS, help_text=f"A user's id, up to {MAX_IDS}."
    )


class UserSerializer(Serializer):
    """The context says in `may_see_email_of` whose address the caller may see."""

    user_id = Number(source="pk", example=EXAMPLE_ID)
    name = Text(source="username", example="viewer")
    email = Text(help_text="Of the token's own user, with the scope user:read; else empty.")
    profile_picture = Picture()

    def to_representation(self, user: User) -> dict[str, Any]:
        shown = super().to_representation(user)
        return shown if user.pk == self.context["may_see_email_of"] else shown | {"email": ""}


class LinkSerializer(Serializer):
    user_id = Number(source="viewer_id", example=EXAMPLE_ID, read_only=True)
    game_account_id = Text(least=1, most=128, example="p-1")
    display_name = Text(source="game_account_name", most=128, example="Ada")
    linked_at = Moment(read_only=True)
