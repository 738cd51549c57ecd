"""News for viewers with an open socket: said once through Redis, to whoever listens (`drops/sockets`).

Nothing is kept and nothing waits for it. Who was not connected asks how things stand when connecting, so news
that is lost costs a viewer nothing but seconds. Where nobody listens, a word to Redis is all that it costs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson
import redis
from django.conf import settings
from django.db import transaction

from config import ticks
from config.gather import Gatherer

# Viewers whose beats were credited: their ids, 64 bits each.
CREDITED = "drops:news:credited"
# A channel whose stream or part in campaigns has changed: its id.
CHANNEL = "drops:news:channel"
# Something for one viewer: {"viewer", "organization", "type", "data"}.
VIEWER = "drops:news:viewer"

Message = tuple[str, bytes]


def of_credited(viewer_ids: Iterable[int]) -> Message:
    return CREDITED, array("q", viewer_ids).tobytes()


def read_credited(packed: bytes) -> Sequence[int]:
    viewer_ids = array("q")
    viewer_ids.frombytes(packed[: len(packed) // 8 * 8])
    return viewer_ids


def tell_credited(viewer_ids: Iterable[int]) -> None:
    """Say once this transaction is committed that beats of these viewers were credited."""
    _say(of_credited(viewer_ids))


def tell_channel(channel_id: int) -> None:
    """Say once this transaction is committed that the channel's stream, or what it takes part in, is another."""
    _say((CHANNEL, b"%d" % channel_id))


def tell_viewer(*, viewer_id: int, kind: str, data: Mapping[str, Any], organization_id: str) -> None:
    """Tell a viewer, once this transaction is committed. `organization_id`: whose campaign it is about; with
    tokens of other studios nobody learns of it."""
    content = {"viewer": viewer_id, "organization": organization_id, "type": kind, "data": data}
    _say((VIEWER, orjson.dumps(content)))


def _say(message: Message) -> None:
    if settings.REDIS_URL:
        transaction.on_commit(lambda: _gatherer.add(message))


def _publish(messages: Sequence[Message]) -> None:
    with (
        suppress(redis.RedisError),  # who does not hear of it now asks later
        ticks.client(settings.REDIS_URL).pipeline(transaction=False) as pipeline,
    ):
        for channel, content in messages:
            pipeline.publish(channel, content)
        pipeline.execute()


# Whoever has news goes on at once, be Redis slow or away.
_gatherer = Gatherer(_publish)
