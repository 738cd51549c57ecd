"""The rows behind `credit` and the counts of viewers: set-based SQL for PostgreSQL and SQLite.

Each function is one statement, however many rows it is about. PostgreSQL gets its rows as arrays,
SQLite as a JSON text or by `executemany`; the ORM would build every row as an object and every value
as a parameter, which costs more than the database does. Moments are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import orjson
from django.db import connection

from drops.domain.watch.beats import DAY
from drops.models import Campaign, WatchPartition
from drops.models.fields import from_ms

# Thousands of rows of millions: PostgreSQL would rather read the whole table than look each one up, and
# change its mind as the table grows. Measured at 400,000 rows: the look-ups take two thirds of the time.
# To the end of the transaction.
BY_INDEX = "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"


EPOCH = date(1970, 1, 1)
# (day since 1970, channel, network)
NetworkKey = tuple[int, int, int]
NETWORK_TYPES = ("date", "bigint", "bigint")


class OpenRow(NamedTuple):
    """An interval that the viewer's next beat may go on with."""

    viewer_id: int
    id: int
    channel_id: int
    standing_id: int
    reason: str
    began: int
    start: int
    last: int
    seconds: int
    player: int


def lock_partitions(numbers: Collection[int]) -> dict[int, str]:
    """Lock the rows of these partitions, in one order, until the transaction ends; their positions."""
    positions = _locked(numbers)
    if len(positions) < len(set(numbers)):
        WatchPartition.objects.bulk_create(
            [WatchPartition(number=number) for number in sorted(set(numbers) - positions.keys())],
            ignore_conflicts=True,
        )
        positions = _locked(numbers)
    return positions


def _locked(numbers: Collection[int]) -> dict[int, str]:
    rows = WatchPartition.objects.select_for_update().filter(number__in=numbers).order_by("number")
    return dict(rows.values_list("number", "position"))


def open_intervals(viewer_ids: Collection[int]) -> tuple[set[int], list[OpenRow]]:
    """Which of the viewers exist, and their open intervals."""
    rows = _fetch(
        f"""
        SELECT u.id, i.id, i.channel_id, i.standing_id, i.reason, i.visit_started_at, i.started_at,
               i.last_beat_at, i.credited_seconds, i.player
          FROM accounts_user u LEFT JOIN drops_watchinterval i ON i.viewer_id = u.id AND i.is_open
         WHERE u.is_active AND u.id {_among()}
        """,
        [_list(viewer_ids)],
    )
    return {row[0] for row in rows}, [OpenRow._make(row) for row in rows if row[1] is not None]


def credited_until(viewer_ids: Collection[int]) -> dict[int, int]:
    """The end of each viewer's latest closed interval that counted."""
    if not viewer_ids:
        return {}
    rows = _fetch(
        f"""
        SELECT u.id, (SELECT i.last_beat_at FROM drops_watchinterval i
                       WHERE i.viewer_id = u.id AND i.reason = '' AND NOT i.is_open
                       ORDER BY i.started_at DESC LIMIT 1)
          FROM accounts_user u WHERE u.id {_among()}
        """,
        [_list(viewer_ids)],
    )
    return {viewer_id: moment for viewer_id, moment in rows if moment is not None}


def credited_since(viewer_ids: Collection[int], since: int) -> list[tuple[int, int, int, int, int, int]]:
    """(viewer, channel, standing, visit_started_at, started_at, last_beat_at) of the intervals of
    these viewers that counted and began at `since` or later."""
    return _fetch(
        f"""
        SELECT viewer_id, channel_id, standing_id, visit_started_at, started_at, last_beat_at
          FROM drops_watchinterval
         WHERE viewer_id {_among()} AND started_at >= %s AND credited_seconds > 0
        """,
        [_list(viewer_ids), since],
    )


def counted_since(viewer_ids: Collection[int], since: int) -> set[tuple[int, int, int]]:
    """(viewer, channel, day) on which these viewers had an interval that counted and began at `since` or later."""
    sql = f"""
        SELECT DISTINCT viewer_id, channel_id, started_at / {DAY} FROM drops_watchinterval
         WHERE viewer_id {_among()} AND started_at >= %s AND reason = ''
        """
    return set(_fetch(sql, [_list(viewer_ids), since]))


def extend_intervals(rows: Sequence[tuple[int, int, int]]) -> None:
    """(last_beat_at, credited_seconds, id) of intervals about which nothing else changed."""
    _update(
        "drops_watchinterval",
        ("last_beat_at = {}", "credited_seconds = {}"),
        rows,
        ("bigint", "int", "bigint"),
    )


def update_intervals(rows: Sequence[tuple[int, int, int, bool, int]]) -> None:
    """(last_beat_at, credited_seconds, player, is_open, id)"""
    _update(
        "drops_watchinterval",
        ("last_beat_at = {}", "credited_seconds = {}", "player = {}", "is_open = {}"),
        rows,
        ("bigint", "int", "bigint", "bool", "bigint"),
    )


def insert_intervals(
    rows: Sequence[tuple[int, int, int, str, int, int, int, int, int, bool]],
) -> None:
    """(viewer, channel, standing, reason, visit_started_at, started_at, last_beat_at, seconds, player, is_open)"""
    _insert(
        "drops_watchinterval",
        (
            "viewer_id",
            "channel_id",
            "standing_id",
            "reason",
            "visit_started_at",
            "started_at",
            "last_beat_at",
            "credited_seconds",
            "player",
            "is_open",
        ),
        rows,
        (*["bigint"] * 3, "text", *["bigint"] * 3, "int", "bigint", "bool"),
    )


def progress(
    viewer_ids: Collection[int], campaign_ids: Sequence[str]
) -> list[tuple[int, int, int, int, int]]:
    """(id, viewer, index of the campaign in `campaign_ids`, seconds, those in test mode) of the viewers' counters."""
    if connection.vendor == "postgresql":
        return _fetch(
            """
            SELECT p.id, p.viewer_id, c.number - 1, p.seconds, p.test_seconds
              FROM unnest(%s::uuid[]) WITH ORDINALITY AS c(id, number)
              JOIN drops_progress p ON p.campaign_id = c.id AND p.viewer_id = ANY(%s)
            """,
            [[_db_ulid(campaign_id) for campaign_id in campaign_ids], list(viewer_ids)],
        )
    return _fetch(
        """
        SELECT p.id, p.viewer_id, c.key, p.seconds, p.test_seconds
          FROM json_each(%s) v CROSS JOIN json_each(%s) c
          CROSS JOIN drops_progress p ON p.viewer_id = v.value AND p.campaign_id = c.value
        """,
        [_list(viewer_ids), _list(campaign_ids)],
    )


def add_progress(rows: Sequence[tuple[int, int]], *, now: datetime) -> None:
    """(seconds to add, id)"""
    moment = connection.ops.adapt_datetimefield_value(now)
    _update(
        "drops_progress",
        ("seconds = drops_progress.seconds + {}",),
        rows,
        ("int", "bigint"),
        also=("updated_at", moment),
    )


def add_test_progress(rows: Sequence[tuple[int, int]], *, now: datetime) -> None:
    """`add_progress` for what was watched in test mode."""
    moment = connection.ops.adapt_datetimefield_value(now)
    _update(
        "drops_progress",
        ("seconds = drops_progress.seconds + {}", "test_seconds = drops_progress.test_seconds + {}"),
        [(seconds, seconds, row_id) for seconds, row_id in rows],
        ("int", "int", "bigint"),
        also=("updated_at", moment),
    )


def begin_progress(rows: Sequence[tuple[int, str, int, int]], *, now: datetime) -> None:
    """(viewer, campaign, seconds, those in test mode)"""
    moment = connection.ops.adapt_datetimefield_value(now)
    _insert(
        "drops_progress",
        ("viewer_id", "campaign_id", "seconds", "test_seconds", "created_at", "updated_at"),
        [(row[0], _db_ulid(row[1]), *row[2:], moment, moment) for row in rows],
        ("bigint", "uuid", "int", "int", "timestamptz", "timestamptz"),
    )


def add_hours(rows: Collection[tuple[str, int, int, bool, int, int, int]]) -> None:
    """Add (campaign, channel, hour, test, seconds, viewers, new viewers) to the hourly figures."""
    ulid, moment = cache(_db_ulid), cache(_db_moment)
    _add(
        "drops_watchhour",
        ("campaign_id", "channel_id", "hour", "test"),
        ("seconds", "viewers", "new_viewers"),
        [(ulid(row[0]), row[1], moment(row[2]), *row[3:]) for row in sorted(rows)],
        ("uuid", "bigint", "timestamptz", "bool", "bigint", "int", "int"),
    )


def add_reward_hours(rows: Collection[tuple[str, str, int, int, bool, int]]) -> None:
    """Add (campaign, reward, channel, hour, test, qualified viewers) to the hourly figures."""
    _add(
        "drops_rewardhour",
        ("campaign_id", "reward_id", "channel_id", "hour", "test"),
        ("qualified",),
        [(_db_ulid(row[0]), _db_ulid(row[1]), row[2], _db_moment(row[3]), *row[4:]) for row in sorted(rows)],
        ("uuid", "uuid", "bigint", "timestamptz", "bool", "int"),
    )


def networks(keys: Sequence[NetworkKey]) -> dict[NetworkKey, int]:
    """The viewers of these networks; a network that nobody counts from may be missing."""
    rows = [(_db_day(day), *rest) for day, *rest in keys]
    if connection.vendor == "postgresql":
        found = _fetch(
            f"""
            SELECT k.number - 1, n.viewers
              FROM unnest({_arrays(NETWORK_TYPES)}) WITH ORDINALITY AS k(day, channel_id, network, number)
              JOIN drops_networkday n USING (day, channel_id, network)
            """,
            _columns(rows),
        )
    else:
        found = _fetch(
            """
            SELECT k.key, n.viewers
              FROM json_each(%s) k CROSS JOIN drops_networkday n
                ON n.day = json_extract(k.value, '$[0]')
               AND n.channel_id = json_extract(k.value, '$[1]') AND n.network = json_extract(k.value, '$[2]')
            """,
            [_list(rows)],
        )
    return {keys[index]: viewers for index, viewers in found}


def lock_networks(keys: Sequence[NetworkKey]) -> dict[NetworkKey, int]:
    """The same, and nobody else changes them until the transaction ends. `keys` are in order."""
    if connection.vendor != "postgresql":  # a transaction that writes to SQLite is alone
        return networks(keys)
    rows = _fetch(
        f"""
        INSERT INTO drops_networkday AS t (day, channel_id, network, viewers)
        SELECT *, 0 FROM unnest({_arrays(NETWORK_TYPES)})
        ON CONFLICT (day, channel_id, network) DO UPDATE SET viewers = t.viewers
        RETURNING day, channel_id, network, viewers
        """,
        _columns([(_db_day(day), *rest) for day, *rest in keys]),
    )
    return {((day - EPOCH).days, *rest): viewers for day, *rest, viewers in rows}


def add_networks(rows: Collection[tuple[int, int, int, int]]) -> None:
    """Add (day, channel, network, viewers) to the counts of networks."""
    _add(
        "drops_networkday",
        ("day", "channel_id", "network"),
        ("viewers",),
        [(_db_day(day), *rest) for day, *rest in sorted(rows)],
        (*NETWORK_TYPES, "int"),
    )


def add_channel_days(rows: Collection[tuple[int, int, int]]) -> None:
    """Add (channel, day, viewers) to the counts of channels."""
    _add(
        "drops_channelday",
        ("channel_id", "day"),
        ("viewers",),
        [(channel_id, _db_day(day), viewers) for channel_id, day, viewers in sorted(rows)],
        ("bigint", "date", "int"),
    )


def count_viewers(*, since: int) -> None:
    """Set the number of viewers of every livestream on air: those whose open interval has a beat after
    `since`, without the streamer. Only rows whose number changes are written."""
    _execute(
        """
        UPDATE drops_livestream SET viewer_count = COALESCE(counted.viewers, 0)
          FROM drops_livestream AS l
          LEFT JOIN (SELECT channel_id, COUNT(*) AS viewers FROM drops_watchinterval
                       JOIN drops_channel ON drops_channel.id = channel_id AND owner_id <> viewer_id
                      WHERE is_open AND last_beat_at > %s GROUP BY channel_id) AS counted
            ON counted.channel_id = l.channel_id
         WHERE l.id = drops_livestream.id AND drops_livestream.ended_at IS NULL
           AND drops_livestream.viewer_count <> COALESCE(counted.viewers, 0)
        """,
        [since],
    )


def _update(
    table: str,
    assignments: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    types: Sequence[str],
    *,
    also: tuple[str, Any] | None = None,
) -> None:
    """One value for each assignment, then the row's id; `also`: a column that gets the same in all rows."""
    if not rows:
        return
    names = [f"c{number}" for number in range(len(types))]
    common = [f"{also[0]} = %s"] if also else []
    if connection.vendor == "postgresql":
        changes = [text.format(f"v.{name}") for text, name in zip(assignments, names, strict=False)]
        _execute(BY_INDEX, [])
        _execute(
            f"UPDATE {table} SET {', '.join([*common, *changes])}"
            f" FROM unnest({_arrays(types)}) AS v({', '.join(names)}) WHERE {table}.id = v.{names[-1]}",
            [*([also[1]] if also else []), *_columns(rows)],
        )
        return
    changes = [text.format("%s") for text in assignments]
    values = [(also[1], *row) for row in rows] if also else rows
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {', '.join([*common, *changes])} WHERE id = %s", values)


def _insert(
    table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], types: Sequence[str], then: str = ""
) -> None:
    if not rows:
        return
    target = f"INSERT INTO {table} AS t ({', '.join(columns)})"
    if connection.vendor == "postgresql":
        _execute(f"{target} SELECT * FROM unnest({_arrays(types)}) {then}", _columns(rows))
        return
    with connection.cursor() as cursor:
        cursor.executemany(f"{target} VALUES ({', '.join(['%s'] * len(columns))}) {then}", rows)


def _add(
    table: str,
    keys: Sequence[str],
    sums: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    types: Sequence[str],
) -> None:
    changes = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in sums)
    _insert(
        table, (*keys, *sums), rows, types, then=f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
    )


def _among() -> str:
    return "= ANY(%s)" if connection.vendor == "postgresql" else "IN (SELECT value FROM json_each(%s))"


def _list(values: Iterable[Any]) -> Any:
    return list(values) if connection.vendor == "postgresql" else orjson.dumps(list(values)).decode()


def _db_moment(ms: int) -> Any:
    return connection.ops.adapt_datetimefield_value(from_ms(ms))


def _db_day(day: int) -> Any:
    return connection.ops.adapt_datefield_value(EPOCH + timedelta(days=day))


def _db_ulid(text: str) -> Any:
    return Campaign._meta.pk.get_db_prep_value(text, connection)


def _arrays(types: Sequence[str]) -> str:
    return ", ".join(f"%s::{kind}[]" for kind in types)


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _execute(sql: str, parameters: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def _fetch(sql: str, parameters: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
