"""The cache that sign-in limits are kept in: Redis, or this process while Redis is slow or away.

A limit protects the door and must not lock it: nobody waits long for Redis, and without it each
process goes on counting by itself.
"""

from __future__ import annotations

import time
from typing import Any

import redis
import structlog
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.memory import Memory

# After Redis failed it is left alone for so many seconds: one sign-in asks many times.
REST = 5.0
OPTIONS = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry": Retry(NoBackoff(), 0)}

log = structlog.get_logger(__name__)


class _Memory(Memory):
    def begin(self) -> None:
        self.not_before = 0.0


_memory = _Memory()


class RedisOrHere(BaseCache):
    """What BaseCache makes of these six, such as `get_many`, works too."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._redis = RedisCache(server, params | {"OPTIONS": OPTIONS})
        self._here = LocMemCache("while Redis is away", params)

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._either("add", *args, **kwargs))

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._either("set", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._either("touch", *args, **kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._either("delete", *args, **kwargs))

    def clear(self) -> None:
        self._either("clear")

    def _either(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= _memory.not_before:
            try:
                return getattr(self._redis, method)(*args, **kwargs)
            except redis.RedisError as error:
                _memory.not_before = time.monotonic() + REST
                log.warning("cache_is_here_alone", error=str(error))
        return getattr(self._here, method)(*args, **kwargs)
