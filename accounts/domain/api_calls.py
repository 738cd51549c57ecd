"""The log of the API: which calls an organization's apps made in the last seven days, and what they were answered.

A request hands its call in, and that is all it costs. Twice a second each web process sends what came in to Redis, and
every few seconds a task writes it to the database. A process that is killed loses its last half second; nothing else
depends on it. Without Redis a process holds some calls and writes them itself.

Of one app, `KEPT_A_MINUTE` calls of each class of status are kept one by one; the others are counted.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from secrets import token_hex
from typing import NamedTuple

import orjson
import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, DataError, transaction
from django.db.models import F
from ulid import ULID

from accounts.models import ApiCall, CallKind, OAuthApp, StatusClass
from config.gather import Gatherer
from config.memory import Memory
from config.rows import delete_in_parts
from config.ticks import client
from config.ulid import first_ulid, ulid_of

KEPT = timedelta(days=7)
KEPT_A_MINUTE = 100
# How long a process gathers calls before it sends them, in seconds.
GATHERED_FOR = 0.5
# Without Redis: so many are held.
HELD = 100
# In Redis. More than somebody has time to write down: the oldest are dropped.
MOST_WAITING = 100_000
AT_ONCE = 5_000
WAITING, WRITER = "drops:api-calls", "drops:api-calls:writer"
WRITER_SECONDS = 60
# After Redis failed, nothing is sent for this long.
REST = 5.0
# An app was used: written down so often at most.
USED_EVERY = timedelta(minutes=1)
MINUTE = 60_000

log = structlog.get_logger(__name__)


class Call(NamedTuple):
    """`at`: seconds since 1970. `more`: where it stands for calls that are only counted."""

    at: float
    client_id: str
    kind: str
    method: str
    route: str
    path: str
    status: int
    milliseconds: int
    request_id: str
    error: str
    id: str = ""
    more: int = 0

    @property
    def minute(self) -> int:
        return int(self.at * 1000) // MINUTE

    @property
    def status_class(self) -> StatusClass:
        return StatusClass(min(max(self.status // 100, 2), 5) if self.status // 100 != 3 else 2)

    @property
    def bucket(self) -> tuple[bool, int]:
        """What is counted together. Anybody can send wrong secrets: they take no room from an app's own calls."""
        return self.kind == CallKind.TOKEN, self.status_class


class _Memory(Memory):
    def begin(self) -> None:
        self.minute = 0
        self.seen: Counter[tuple[str, tuple[bool, int]]] = Counter()
        self.held: list[Call] = []
        self.not_before = 0.0


_memory = _Memory()


def note(call: Call) -> None:
    """Log a call that has been answered. Raises nothing, and asks nobody."""
    if settings.REDIS_URL:
        _gatherer.add(call)
        return
    _memory.held.append(call)
    if len(_memory.held) >= HELD:
        try:
            flush()
        except DatabaseError:
            log.exception("api_calls_not_logged")


def flush() -> None:
    """What this process has gathered goes on its way."""
    _gatherer.flush()
    held, _memory.held = _memory.held, []
    write(list(_thinned_out(held)))


def _thinned_out(calls: Iterable[Call]) -> Iterator[Call]:
    """Those that may be kept, with their ids; and one for all others of a minute."""
    over: dict[tuple[int, str, tuple[bool, int]], Call] = {}
    for call in calls:
        if call.minute > _memory.minute:
            _memory.minute = call.minute
            _memory.seen.clear()
        _memory.seen[call.client_id, call.bucket] += 1
        if _memory.seen[call.client_id, call.bucket] <= KEPT_A_MINUTE:
            yield call._replace(id=ulid_of(datetime.fromtimestamp(call.at, UTC)))
        else:
            key = call.minute, call.client_id, call.bucket
            before = over[key].more if key in over else 0
            over[key] = call._replace(more=before + 1)
    yield from over.values()


def _send(calls: Sequence[Call]) -> None:
    if time.monotonic() < _memory.not_before:
        return
    lines = [orjson.dumps(call) for call in map(tuple, _thinned_out(calls))]
    try:
        with client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
            pipeline.rpush(WAITING, *lines)
            pipeline.ltrim(WAITING, -MOST_WAITING, -1)
            pipeline.execute()
    except redis.RedisError as error:
        _memory.not_before = time.monotonic() + REST
        log.warning("api_calls_not_logged", error=str(error))


_gatherer = Gatherer(_send, moment=GATHERED_FOR)


def write_waiting() -> int:
    """Write what waits in Redis to the database; returns how many lines it was. One worker at a time does it.

    One that is killed leaves what it has not written, and maybe what it has: a call is written once all the same.
    """
    if not settings.REDIS_URL:
        return 0
    server, own, written = client(settings.REDIS_URL), token_hex(8), 0
    if not server.set(WRITER, own, nx=True, ex=WRITER_SECONDS):
        return 0
    try:
        while lines := server.lrange(WAITING, 0, AT_ONCE - 1):
            try:
                write([Call(*orjson.loads(line)) for line in lines])
            except DataError:  # it would be in the way for ever
                log.exception("api_calls_not_logged")
            server.ltrim(WAITING, len(lines), -1)
            server.expire(WRITER, WRITER_SECONDS)
            written += len(lines)
    finally:
        if server.get(WRITER) == own.encode():
            server.delete(WRITER)
    return written


def write(calls: Sequence[Call]) -> None:
    """Write calls down, those of apps that there are: `client_id` is what somebody said."""
    of_client: defaultdict[str, list[Call]] = defaultdict(list)
    for call in calls:
        of_client[call.client_id].append(call)
    for app in OAuthApp.objects.filter(client_id__in=list(of_client)).order_by("pk") if calls else ():
        _write(app, of_client[app.client_id])


@transaction.atomic
def _write(app: OAuthApp, calls: Sequence[Call]) -> None:
    """Under the app's lock, so that two at once keep no more than there is room for."""
    OAuthApp.objects.select_for_update(no_key=True).get(pk=app.pk)
    minutes = [call.minute for call in calls]
    there = ApiCall.objects.filter(app=app, id__gte=_first(min(minutes)), id__lt=_first(max(minutes) + 1))
    kept: Counter[tuple[int, tuple[bool, int]]] = Counter()
    counted: dict[tuple[int, tuple[bool, int]], str] = {}
    written = set()
    for key, kind, status_class, more in there.values_list("pk", "kind", "status_class", "more"):
        written.add(key)
        where = ULID.from_str(key).milliseconds // MINUTE, (kind == CallKind.TOKEN, status_class)
        if more:
            counted[where] = key
        else:
            kept[where] += 1
    rows, over = [], defaultdict[tuple[int, tuple[bool, int]], list[Call]](list)
    row = partial(ApiCall, app=app, organization_id=app.organization_id)
    for call in calls:
        where = call.minute, call.bucket
        if call.id in written:  # by a worker that was killed before it said so
            continue
        if call.more or kept[where] >= KEPT_A_MINUTE:
            over[where].append(call)
            continue
        kept[where] += 1
        told = call._asdict()
        del told["at"], told["client_id"]
        rows.append(row(status_class=call.status_class, **told))
    ApiCall.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1_000)
    for where, those in over.items():
        more = sum(call.more or 1 for call in those)
        if where in counted:
            ApiCall.objects.filter(pk=counted[where]).update(more=F("more") + more)
            continue
        # The last of its minute: a list that begins with the newest shows it first.
        last = ulid_of(datetime.fromtimestamp((where[0] * MINUTE + MINUTE - 1) / 1000, UTC))
        kind, status_class = those[0].kind, those[0].status_class
        row(id=last, kind=kind, status_class=status_class, status=0, milliseconds=0, more=more).save(
            force_insert=True
        )
    _note_use(app, calls)


def _note_use(app: OAuthApp, calls: Sequence[Call]) -> None:
    """When an app last showed a secret or a token that was right, and which kind."""
    used = [call for call in calls if call.status != 401 and (call.status < 400 or call.bucket[0] is False)]
    if not used:
        return
    last = max(used, key=lambda call: call.at)
    at = datetime.fromtimestamp(last.at, UTC)
    if app.last_used_at is None or app.last_used_at + USED_EVERY <= at:
        OAuthApp.objects.filter(pk=app.pk).update(last_used_at=at, last_used_by=last.kind)


def _first(minute: int) -> str:
    return first_ulid(datetime.fromtimestamp(minute * 60, UTC))


def purge(*, now: datetime) -> int:
    """Delete what is older than `KEPT`. Returns how many rows it was."""
    return delete_in_parts(ApiCall.objects.filter(pk__lt=first_ulid(now - KEPT)).order_by("pk"))


def between(begin: datetime, end: datetime | None = None) -> dict[str, str]:
    """As a filter of `ApiCall`: those from `begin` on, and before `end`."""
    return {"pk__gte": first_ulid(begin)} | ({"pk__lt": first_ulid(end)} if end else {})


def route_as_documented(route: str) -> str:
    """A route of Django as the documents write it: "/public/v1/drops/links/{user_id}"."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{route}")[:100]
