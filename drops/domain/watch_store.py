"""The rows behind `credit`: set-based SQL for PostgreSQL and SQLite.

Each function is one statement, however many rows it is about. PostgreSQL gets its rows as arrays,
SQLite as a JSON text or by `executemany`; the ORM would build every row as an object and every value
as a parameter, which costs more than the database does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connection

from drops.domain.watch_timeline import from_ms, to_ms
from drops.models import Campaign, WatchPartition

# viewer, id, channel, standing, reason, visit_started_at, started_at, last_beat_at, seconds, player
IntervalRow = tuple[int, int, int, int, str, int, int, int, int, int]


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


def open_intervals(viewer_ids: Sequence[int]) -> tuple[set[int], list[IntervalRow]]:
    """Which of the viewers exist, and their open intervals, times in milliseconds."""
    rows = _fetch(
        f"""
        SELECT u.id, i.id, i.channel_id, i.standing_id, i.reason, {_moment("i.visit_started_at")},
               {_moment("i.started_at")}, {_moment("i.last_beat_at")}, i.credited_seconds, i.player
          FROM accounts_user u LEFT JOIN drops_watchinterval i ON i.viewer_id = u.id AND i.is_open
         WHERE u.is_active AND u.id {_among()}
        """,
        [_ids(viewer_ids)],
    )
    known = {row[0] for row in rows}
    return known, [
        (*row[:5], _ms(row[5]), _ms(row[6]), _ms(row[7]), *row[8:]) for row in rows if row[1] is not None
    ]


def credited_until(viewer_ids: Collection[int]) -> dict[int, int]:
    """The end of each viewer's latest closed interval that counted, in milliseconds."""
    rows = _fetch(
        f"""
        SELECT u.id, (SELECT {_moment("i.last_beat_at")} FROM drops_watchinterval i
                       WHERE i.viewer_id = u.id AND i.reason = '' AND NOT i.is_open
                       ORDER BY i.started_at DESC LIMIT 1)
          FROM accounts_user u WHERE u.id {_among()}
        """,
        [_ids(viewer_ids)],
    )
    return {viewer_id: _ms(moment) for viewer_id, moment in rows if moment is not None}


def credited_since(viewer_ids: Collection[int], since: int) -> list[tuple[int, int, int, int, int, int]]:
    """(viewer, channel, standing, visit_started_at, started_at, last_beat_at) of the intervals of
    these viewers that counted and began at `since` or later. Times in milliseconds."""
    rows = _fetch(
        f"""
        SELECT viewer_id, channel_id, standing_id, {_moment("visit_started_at")}, {_moment("started_at")},
               {_moment("last_beat_at")}
          FROM drops_watchinterval
         WHERE viewer_id {_among()} AND started_at >= %s AND credited_seconds > 0
        """,
        [_ids(viewer_ids), _db_moment(since)],
    )
    return [(*row[:3], _ms(row[3]), _ms(row[4]), _ms(row[5])) for row in rows]


def update_intervals(rows: Collection[tuple[int, int, int, int, bool]]) -> None:
    """(id, last_beat_at, credited_seconds, player, is_open)"""
    if not rows:
        return
    if connection.vendor == "postgresql":
        _execute(
            """
            UPDATE drops_watchinterval i
               SET last_beat_at = v.moment, credited_seconds = v.seconds, player = v.player, is_open = v.is_open
              FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::bigint[], %s::bool[])
                   AS v(id, moment, seconds, player, is_open)
             WHERE i.id = v.id
            """,
            _columns((row[0], _db_moment(row[1]), *row[2:]) for row in rows),
        )
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE drops_watchinterval SET last_beat_at = %s, credited_seconds = %s, player = %s, is_open = %s"
            " WHERE id = %s",
            [(_db_moment(row[1]), row[2], row[3], row[4], row[0]) for row in rows],
        )


def insert_intervals(
    rows: Collection[tuple[int, int, int, str, int, int, int, int, int, bool]],
) -> None:
    """(viewer, channel, standing, reason, visit_started_at, started_at, last_beat_at, seconds, player, is_open)"""
    if not rows:
        return
    columns = (
        "viewer_id, channel_id, standing_id, reason, visit_started_at, started_at, last_beat_at,"
        " credited_seconds, player, is_open"
    )
    values = (
        (*row[:4], _db_moment(row[4]), _db_moment(row[5]), _db_moment(row[6]), *row[7:]) for row in rows
    )
    if connection.vendor == "postgresql":
        _execute(
            f"""
            INSERT INTO drops_watchinterval ({columns})
            SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[],
                                 %s::timestamptz[], %s::timestamptz[], %s::int[], %s::bigint[], %s::bool[])
            """,
            _columns(values),
        )
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO drops_watchinterval ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            list(values),
        )


def add_progress(rows: Collection[tuple[int, int, int]], *, now: datetime) -> Iterable[tuple[int, str, int]]:
    """Add (viewer, standing, seconds) to the viewer's progress in each campaign of the standing.

    Returns (viewer, campaign, seconds now) of each row that was written.
    """
    if not rows:
        return []
    source = (
        "unnest(%s::bigint[], %s::bigint[], %s::int[]) AS v(viewer, standing, seconds)"
        if connection.vendor == "postgresql"
        else "(SELECT value ->> 0 AS viewer, value ->> 1 AS standing, value ->> 2 AS seconds FROM json_each(%s)) v"
    )
    parameters = _columns(rows) if connection.vendor == "postgresql" else [orjson.dumps(list(rows)).decode()]
    moment = _db_moment(to_ms(now))
    # One row per viewer and campaign, in one order: two workers never wait for each other in a circle.
    written = _fetch(
        f"""
            INSERT INTO drops_progress AS p (viewer_id, campaign_id, seconds, created_at, updated_at)
            SELECT v.viewer, c.campaign_id, SUM(v.seconds), %s, %s
              FROM {source} JOIN drops_standing_campaigns c ON c.standing_id = v.standing
             WHERE true GROUP BY v.viewer, c.campaign_id ORDER BY v.viewer, c.campaign_id
            ON CONFLICT (viewer_id, campaign_id)
            DO UPDATE SET seconds = p.seconds + excluded.seconds, updated_at = excluded.updated_at
            RETURNING viewer_id, campaign_id, seconds
            """,
        [moment, moment, *parameters],
    )
    texts = {campaign: _ulid_text(campaign) for campaign in {row[1] for row in written}}
    return [(viewer_id, texts[campaign], seconds) for viewer_id, campaign, seconds in written]


def add_hours(rows: Collection[tuple[str, int, int, int, int, int]]) -> None:
    """Add (campaign, channel, hour, seconds, viewers, new viewers) to the hourly figures."""
    _add(
        "drops_watchhour",
        ("campaign_id", "channel_id", "hour"),
        ("seconds", "viewers", "new_viewers"),
        [(_db_ulid(row[0]), row[1], _db_moment(row[2]), *row[3:]) for row in sorted(rows)],
        ("uuid", "bigint", "timestamptz", "bigint", "int", "int"),
    )


def add_reward_hours(rows: Collection[tuple[str, str, int, int, int]]) -> None:
    """Add (campaign, reward, channel, hour, qualified viewers) to the hourly figures."""
    _add(
        "drops_rewardhour",
        ("campaign_id", "reward_id", "channel_id", "hour"),
        ("qualified",),
        [(_db_ulid(row[0]), _db_ulid(row[1]), row[2], _db_moment(row[3]), row[4]) for row in sorted(rows)],
        ("uuid", "uuid", "bigint", "timestamptz", "int"),
    )


def _add(
    table: str,
    keys: Sequence[str],
    sums: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    types: Sequence[str],
) -> None:
    if not rows:
        return
    columns = ", ".join((*keys, *sums))
    target = f"INSERT INTO {table} AS t ({columns})"
    on_conflict = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET " + ", ".join(
        f"{name} = t.{name} + excluded.{name}" for name in sums
    )
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{kind}[]" for kind in types)
        _execute(f"{target} SELECT * FROM unnest({arrays}) {on_conflict}", _columns(rows))
        return
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(types))
        cursor.executemany(f"{target} VALUES ({marks}) {on_conflict}", list(rows))


def _among() -> str:
    return "= ANY(%s)" if connection.vendor == "postgresql" else "IN (SELECT value FROM json_each(%s))"


def _ids(ids: Collection[int]) -> Any:
    return list(ids) if connection.vendor == "postgresql" else orjson.dumps(list(ids)).decode()


def _moment(column: str) -> str:
    """SQLite: past Django's own converter, which takes longer than the query."""
    return column if connection.vendor == "postgresql" else f"{column} || ''"


def _ms(value: Any) -> int:
    if isinstance(value, str):
        value = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return to_ms(value)


def _db_moment(ms: int) -> Any:
    return connection.ops.adapt_datetimefield_value(from_ms(ms))


def _db_ulid(text: str) -> Any:
    return Campaign._meta.pk.get_db_prep_value(text, connection)


def _ulid_text(value: Any) -> str:
    return str(Campaign._meta.pk.to_python(value))


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _execute(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def _fetch(sql: str, parameters: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
