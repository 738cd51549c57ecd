"""The frames of the viewer WebSocket: JSON objects with a `type` and mostly `data`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import orjson

from drops.api.watch import WATCH_EVENT, BadBeat, digits_as_number, whole_number
from drops.domain.watch.following import Earning, OnChannel
from drops.models import Reason


class Close(IntEnum):
    """Why the server ends a socket. Beside these: 1003 a binary frame, 1009 a frame that is too large, 1012 the
    server restarts."""

    BAD_FRAMES = 4400
    EXPIRED = 4401
    TOO_MUCH = 4429


class BadFrame(Exception):
    """`str()` says what is wrong and what would be right."""


class Watch(NamedTuple):
    """A player on the channel begins (`handshake`), goes on or follows it without watching."""

    channel_id: int
    livestream_id: int = 0


def read(text: str) -> tuple[str, dict[str, Any]]:
    """The type of a frame and its data. BadFrame."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadFrame(f"The frame is not JSON: {error}.") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise BadFrame('A frame must be an object with a type, such as {"type": "ping"}.')
    data = frame.get("data")
    return frame["type"], data if isinstance(data, dict) else {}


def message_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """`data.message`. BadFrame."""
    message = data.get("message")
    if not isinstance(message, dict):
        raise BadFrame("data.message: must be an object.")
    return message


def channel_of(message: Mapping[str, Any]) -> int:
    """BadFrame"""
    return _number(message, "channelId", least=1)


def watch_of(message: Mapping[str, Any]) -> Watch | None:
    """What a user event reports; None for an event that is none of ours. BadFrame."""
    name = message.get("name")
    if not isinstance(name, str):
        raise BadFrame("name: must be the name of the event.")
    if name != WATCH_EVENT:
        return None
    return Watch(_number(message, "channel_id", least=1), _number(message, "livestream_id", least=0))


def _number(message: Mapping[str, Any], name: str, *, least: int) -> int:
    try:
        return whole_number({name: digits_as_number(message.get(name, 0))}, name, least=least)
    except BadBeat as error:
        raise BadFrame(str(error)) from None


def frame(kind: str, data: Mapping[str, Any] | None = None) -> str:
    content = {"type": kind} if data is None else {"type": kind, "data": data}
    return orjson.dumps(content).decode()


PONG = frame("pong")


def error(message: str, retry_after: int = 0) -> str:
    return frame("error", {"message": message} | ({"retry_after": retry_after} if retry_after else {}))


def status(channel_id: int, reason: Reason | None, text: str) -> str:
    """Whether what the viewer watches on a channel counts."""
    return frame(
        "status", {"channel_id": channel_id, "counting": reason is None, "reason": reason, "text": text}
    )


def progress(earning: Iterable[Earning]) -> str:
    return frame("progress", {"campaigns": [_campaign(each) for each in earning]})


def _campaign(earning: Earning) -> dict[str, Any]:
    return {
        "id": earning.campaign_id,
        "name": earning.name,
        "progress_units": earning.seconds // 60,
        "seconds": earning.seconds,
        "rewards": [
            {
                "id": each.reward_id,
                "name": each.name,
                "required_units": each.required_minutes,
                "progress": min(1.0, earning.seconds / (each.required_minutes * 60)),
            }
            for each in earning.thresholds
        ],
    }


def reward(earning: Earning, reward_id: str, name: str) -> str:
    return frame(
        "reward",
        {"campaign_id": earning.campaign_id, "campaign": earning.name, "id": reward_id, "name": name},
    )


def channel(channel_id: int, now: OnChannel, within: float) -> str:
    """`within`: seconds over which all viewers of the channel together should come for more."""
    return frame(
        "channel",
        {
            "channel_id": channel_id,
            "livestream_id": now.livestream_id,
            "title": now.title,
            "category": {"id": now.category_id, "name": now.category} if now.category_id else None,
            "counts": now.reason is None,
            "reason": now.reason,
            "text": now.text,
            "pulse": now.pulse,
            "within": within,
        },
    )
