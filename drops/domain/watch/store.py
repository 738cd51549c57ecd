"""The rows behind `credit` and the counts of viewers: set-based SQL for PostgreSQL and SQLite.

Each function is one statement, however many rows it is about (`drops/domain/watch/sql.py`). The ORM would
build every row as an object and every value as a parameter, which costs more than the database does.
Moments are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.db import connection

from accounts.domain.links import LINK_STANDS
from config.sql import execute, fetch, to_ulid, ulid
from drops.domain.watch import sql
from drops.domain.watch.beats import DAY
from drops.models import WatchPartition


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
    rows = fetch(
        f"""
        SELECT u.id, i.id, i.channel_id, i.standing_id, i.reason, i.visit_started_at, i.started_at,
               i.last_beat_at, i.credited_seconds, i.player
          FROM accounts_user u LEFT JOIN drops_watchinterval i ON i.viewer_id = u.id AND i.is_open
         WHERE u.is_active AND u.id {sql.among()}
        """,
        [sql.as_list(viewer_ids)],
    )
    return {row[0] for row in rows}, [OpenRow._make(row) for row in rows if row[1] is not None]


class LastCounted(NamedTuple):
    """A viewer's latest closed interval that counted: when it ended, and where it was."""

    until: int
    channel_id: int
    standing_id: int


def last_counted(viewer_ids: Collection[int]) -> dict[int, LastCounted]:
    """By viewer."""
    if not viewer_ids:
        return {}
    rows = fetch(
        f"""
        SELECT u.id, last.last_beat_at, last.channel_id, last.standing_id
          FROM accounts_user u JOIN drops_watchinterval last ON last.id =
               (SELECT i.id FROM drops_watchinterval i
                 WHERE i.viewer_id = u.id AND i.reason = '' AND NOT i.is_open
                 ORDER BY i.started_at DESC, i.id DESC LIMIT 1)
         WHERE u.id {sql.among()}
        """,
        [sql.as_list(viewer_ids)],
    )
    return {viewer_id: LastCounted(*last) for viewer_id, *last in rows}


def credited_since(viewer_ids: Collection[int], since: int) -> list[tuple[int, int, int, int, int, int]]:
    """(viewer, channel, standing, visit_started_at, started_at, last_beat_at) of the intervals of
    these viewers that counted and began at `since` or later."""
    return fetch(
        f"""
        SELECT viewer_id, channel_id, standing_id, visit_started_at, started_at, last_beat_at
          FROM drops_watchinterval
         WHERE viewer_id {sql.among()} AND started_at >= %s AND credited_seconds > 0
        """,
        [sql.as_list(viewer_ids), since],
    )


def counted_since(viewer_ids: Collection[int], since: int) -> set[tuple[int, int, int]]:
    """(viewer, channel, day) on which these viewers had an interval that counted and began at `since` or later."""
    rows = fetch(
        f"""
        SELECT DISTINCT viewer_id, channel_id, started_at / {DAY} FROM drops_watchinterval
         WHERE viewer_id {sql.among()} AND started_at >= %s AND reason = ''
        """,
        [sql.as_list(viewer_ids), since],
    )
    return set(rows)


def extend_intervals(rows: Sequence[tuple[int, int, int]]) -> None:
    """(last_beat_at, credited_seconds, id) of intervals about which nothing else changed."""
    sql.update(
        "drops_watchinterval",
        ("last_beat_at = {}", "credited_seconds = {}"),
        rows,
        ("bigint", "int", "bigint"),
    )


def update_intervals(rows: Sequence[tuple[int, int, int, bool, int]]) -> None:
    """(last_beat_at, credited_seconds, player, is_open, id)"""
    sql.update(
        "drops_watchinterval",
        ("last_beat_at = {}", "credited_seconds = {}", "player = {}", "is_open = {}"),
        rows,
        ("bigint", "int", "bigint", "bool", "bigint"),
    )


def insert_intervals(
    rows: Sequence[tuple[int, int, int, str, int, int, int, int, int, bool]],
) -> None:
    """(viewer, channel, standing, reason, visit_started_at, started_at, last_beat_at, seconds, player, is_open)"""
    sql.insert(
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
) -> list[tuple[int, int, int, int, int, bool, bool]]:
    """(id, viewer, index of the campaign in `campaign_ids`, seconds, those in test mode, saw the consent page, has
    linked) of the viewers' counters."""
    if connection.vendor == "postgresql":
        return fetch(
            """
            SELECT p.id, p.viewer_id, c.number - 1, p.seconds, p.test_seconds,
                   p.saw_connect_page, p.seconds_when_linked IS NOT NULL
              FROM unnest(%s::uuid[]) WITH ORDINALITY AS c(id, number)
              JOIN drops_progress p ON p.campaign_id = c.id AND p.viewer_id = ANY(%s)
            """,
            [[ulid(campaign_id) for campaign_id in campaign_ids], list(viewer_ids)],
        )
    return fetch(
        """
        SELECT p.id, p.viewer_id, c.key, p.seconds, p.test_seconds,
               p.saw_connect_page, p.seconds_when_linked IS NOT NULL
          FROM json_each(%s) v CROSS JOIN json_each(%s) c
          CROSS JOIN drops_progress p ON p.viewer_id = v.value AND p.campaign_id = c.value
        """,
        [sql.as_list(viewer_ids), sql.as_list(campaign_ids)],
    )


def begun_campaigns(
    viewer_ids: Collection[int], organization_ids: Collection[str]
) -> list[tuple[int, str, str]]:
    """(viewer, campaign, organization) of the campaigns of these organizations for which the viewers have counted time
    outside test mode."""
    rows = fetch(
        f"""
        SELECT p.viewer_id, p.campaign_id, c.organization_id
          FROM drops_progress p JOIN drops_campaign c ON c.id = p.campaign_id
         WHERE p.viewer_id {sql.among()} AND c.organization_id {sql.among()} AND p.seconds > p.test_seconds
        """,
        [sql.as_list(viewer_ids), sql.as_list([ulid(key) for key in organization_ids])],
    )
    text = cache(to_ulid)
    return [(viewer_id, text(campaign_id), text(key)) for viewer_id, campaign_id, key in rows]


def add_progress(rows: Sequence[tuple[int, int]], *, now: datetime) -> None:
    """(seconds to add, id)"""
    moment = connection.ops.adapt_datetimefield_value(now)
    sql.update(
        "drops_progress",
        ("seconds = drops_progress.seconds + {}",),
        rows,
        ("int", "bigint"),
        also=("updated_at", moment),
    )


def add_test_progress(rows: Sequence[tuple[int, int]], *, now: datetime) -> None:
    """`add_progress` for what was watched in test mode."""
    moment = connection.ops.adapt_datetimefield_value(now)
    sql.update(
        "drops_progress",
        ("seconds = drops_progress.seconds + {}", "test_seconds = drops_progress.test_seconds + {}"),
        [(seconds, seconds, row_id) for seconds, row_id in rows],
        ("int", "int", "bigint"),
        also=("updated_at", moment),
    )


def connections(viewer_ids: Collection[int], campaign_ids: Collection[str]) -> list[tuple[int, str, bool]]:
    """(viewer, campaign, whether linked): of these viewers, who is linked with the campaign's studio or saw its
    consent page, a row for each of both."""
    campaigns = [ulid(campaign_id) for campaign_id in campaign_ids]
    rows = fetch(
        f"""
        SELECT link.viewer_id, c.id, 1
          FROM drops_campaign c JOIN accounts_gamelink link ON link.organization_id = c.organization_id
         WHERE c.id {sql.among()} AND link.viewer_id {sql.among()}
           AND link.unlinked_at IS NULL AND {LINK_STANDS}
        UNION ALL
        SELECT visit.viewer_id, c.id, 0
          FROM drops_campaign c JOIN accounts_connectvisit visit ON visit.organization_id = c.organization_id
         WHERE c.id {sql.among()} AND visit.viewer_id {sql.among()}
        """,
        [sql.as_list(campaigns), sql.as_list(viewer_ids)] * 2,
    )
    return [(viewer_id, to_ulid(campaign_id), bool(linked)) for viewer_id, campaign_id, linked in rows]


def begin_progress(rows: Sequence[tuple[int, str, int, int, bool, int | None]], *, now: datetime) -> None:
    """(viewer, campaign, seconds, those in test mode, saw the consent page, 0 if linked)"""
    moment = connection.ops.adapt_datetimefield_value(now)
    sql.insert(
        "drops_progress",
        (
            "viewer_id",
            "campaign_id",
            "seconds",
            "test_seconds",
            "saw_connect_page",
            "seconds_when_linked",
            "created_at",
            "updated_at",
        ),
        [(row[0], ulid(row[1]), *row[2:], moment, moment) for row in rows],
        ("bigint", "uuid", "int", "int", "bool", "int", "timestamptz", "timestamptz"),
    )


def count_viewers(*, since: int) -> None:
    """Set the number of viewers of every livestream on air: those whose open interval has a beat after
    `since`, without the streamer. Only rows whose number changes are written."""
    execute(
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
