"""What the platform reports."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError

from config.api.fields import (
    EXAMPLE_ID,
    MAX_ID,
    Field,
    List,
    Moment,
    Number,
    Schema,
    Serializer,
    Text,
)

MAX_VIEWERS = 10_000


class PlatformUserSerializer(Serializer):
    platform_id = Text(most=191, example="u-81")
    username = Text(most=25, example="mira")
    email = Text(most=254, default="", example="mira@example.com")


class PlatformUsersSerializer(Serializer):
    users = List(PlatformUserSerializer(), least=1, most=1_000)


class KnownUserSerializer(Serializer):
    platform_id = Text()
    user_id = Number(example=EXAMPLE_ID)


class KnownUsersSerializer(Serializer):
    users = List(KnownUserSerializer())


class PlatformChannelSerializer(Serializer):
    user_id = Number(least=1, example=EXAMPLE_ID)
    slug = Text(most=50, example="mira")
    description = Text(most=2000, default="")


class PlatformChannelsSerializer(Serializer):
    channels = List(PlatformChannelSerializer(), least=1, most=1_000)


class KnownChannelSerializer(Serializer):
    user_id = Number(example=EXAMPLE_ID)
    channel_id = Number(example=EXAMPLE_ID)


class KnownChannelsSerializer(Serializer):
    channels = List(KnownChannelSerializer())


class LivestreamSerializer(Serializer):
    id = Number(read_only=True, example=EXAMPLE_ID)
    channel_id = Number(read_only=True, example=EXAMPLE_ID)
    category_id = Number(least=1, allow_null=True, example=EXAMPLE_ID)
    title = Text(most=200, example="Ranked all night")
    started_at = Moment(read_only=True)


class CreditedSerializer(Serializer):
    credited_seconds = Number(source="seconds", example=60)
    unknown_user_ids = List(Number(), source="unknown_viewers")
    unknown_channel_ids = List(Number(), source="unknown_channels")


class Audiences(Field):
    """Viewers by channel. Each id is looked at once, by hand: there are up to ten thousand."""

    def to_internal_value(self, data: Any) -> dict[int, list[int]]:
        if not isinstance(data, list):
            raise ValidationError('must be a list of {"channel_id", "user_ids"}.')
        found: dict[int, list[int]] = {}
        for entry in data:
            if not isinstance(entry, dict) or entry.keys() != {"channel_id", "user_ids"}:
                raise ValidationError(
                    "each must be an object with channel_id and user_ids, and nothing else."
                )
            channel_id, user_ids = entry["channel_id"], entry["user_ids"]
            if not isinstance(user_ids, list) or not all(is_id(value) for value in (channel_id, *user_ids)):
                raise ValidationError(f"channel_id and user_ids must be whole numbers from 1 to {MAX_ID}.")
            found.setdefault(channel_id, []).extend(user_ids)
        if sum(map(len, found.values())) > MAX_VIEWERS:
            raise ValidationError(f"at most {MAX_VIEWERS} viewers in a call.")
        return found

    def schema(self) -> Schema:
        number = {"type": "integer", "format": "int64", "minimum": 1}
        audience = {
            "type": "object",
            "properties": {"channel_id": number, "user_ids": {"type": "array", "items": number}},
            "required": ["channel_id", "user_ids"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": audience}


def is_id(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_ID


class AudiencesSerializer(Serializer):
    at = Moment()
    audiences = Audiences()
