"""The rows of hourly figures and of counts, which crediting adds to. As in `store`, each function is one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

from django.db import connection

from config.sql import fetch, ulid
from drops.domain.watch import sql

# (day since 1970, channel, network)
NetworkKey = tuple[int, int, int]
NETWORK_TYPES = ("date", "bigint", "bigint")


def add_marks(rows: Collection[tuple[str, int, int, int]]) -> None:
    """Add (campaign, minutes, partition, viewers) to who has watched for so long."""
    sql.add(
        "drops_watchmark",
        ("campaign_id", "minutes", "partition"),
        ("viewers",),
        [(ulid(row[0]), *row[1:]) for row in sorted(rows)],
        ("uuid", "int", "smallint", "int"),
    )


def add_connect_hours(rows: Collection[tuple[str, str, int, int, int]]) -> None:
    """Add (campaign, reward, hour, saw the consent page, linked) to the hourly figures."""
    sql.add(
        "drops_connecthour",
        ("campaign_id", "reward_id", "hour"),
        ("saw_connect_page", "linked"),
        [(ulid(row[0]), ulid(row[1]), sql.moment(row[2]), *row[3:]) for row in sorted(rows)],
        ("uuid", "uuid", "timestamptz", "int", "int"),
    )


def add_hours(rows: Collection[tuple[str, int, int, bool, int, int, int, int]]) -> None:
    """Add (campaign, channel, hour, test, seconds, viewers, those new to the campaign, those new to the hour)."""
    key, hour = cache(ulid), cache(sql.moment)
    sql.add(
        "drops_watchhour",
        ("campaign_id", "channel_id", "hour", "test"),
        ("seconds", "viewers", "new_viewers", "new_to_hour"),
        [(key(row[0]), row[1], hour(row[2]), *row[3:]) for row in sorted(rows)],
        ("uuid", "bigint", "timestamptz", "bool", "bigint", "int", "int", "int"),
    )


def add_reward_hours(rows: Collection[tuple[str, str, int, int, bool, int, int, int]]) -> None:
    """Add (campaign, reward, channel, hour, test, qualified viewers, those of them who saw the consent page, those who
    had linked) to the hourly figures."""
    sql.add(
        "drops_rewardhour",
        ("campaign_id", "reward_id", "channel_id", "hour", "test"),
        ("qualified", "saw_connect_page", "linked"),
        [(ulid(row[0]), ulid(row[1]), row[2], sql.moment(row[3]), *row[4:]) for row in sorted(rows)],
        ("uuid", "uuid", "bigint", "timestamptz", "bool", "int", "int", "int"),
    )


def add_uncounted(rows: Collection[tuple[str, int, int, str, int]]) -> None:
    """Add (campaign, channel, hour, reason, seconds) to what campaigns missed."""
    key, hour = cache(ulid), cache(sql.moment)
    sql.add(
        "drops_uncountedhour",
        ("campaign_id", "channel_id", "hour", "reason"),
        ("seconds",),
        [(key(row[0]), row[1], hour(row[2]), *row[3:]) for row in sorted(rows)],
        ("uuid", "bigint", "timestamptz", "text", "bigint"),
    )


def add_uncounted_on_channels(rows: Collection[tuple[int, int, str, int]]) -> None:
    """Add (channel, hour, reason, seconds) to what counted for nothing."""
    sql.add(
        "drops_channeluncountedhour",
        ("channel_id", "hour", "reason"),
        ("seconds",),
        [(row[0], sql.moment(row[1]), *row[2:]) for row in sorted(rows)],
        ("bigint", "timestamptz", "text", "bigint"),
    )


def add_moves(rows: Collection[tuple[str, int, int, int]]) -> None:
    """Add (campaign, channel before, channel after, how often) to the moves from channel to channel."""
    sql.add(
        "drops_channelmove",
        ("campaign_id", "from_channel_id", "to_channel_id"),
        ("moves",),
        [(ulid(row[0]), *row[1:]) for row in sorted(rows)],
        ("uuid", "bigint", "bigint", "int"),
    )


def add_pairs(rows: Collection[tuple[str, str, int]]) -> None:
    """Add (the smaller campaign, the larger, viewers) to the pairs of campaigns."""
    sql.add(
        "drops_campaignpair",
        ("first_id", "second_id"),
        ("viewers",),
        [(ulid(first), ulid(second), viewers) for first, second, viewers in sorted(rows)],
        ("uuid", "uuid", "int"),
    )


def networks(keys: Sequence[NetworkKey]) -> dict[NetworkKey, int]:
    """The viewers of these networks; a network that nobody counts from may be missing."""
    rows = [(sql.day(day), *rest) for day, *rest in keys]
    if connection.vendor == "postgresql":
        found = fetch(
            f"""
            SELECT k.number - 1, n.viewers
              FROM unnest({sql.arrays(NETWORK_TYPES)}) WITH ORDINALITY AS k(day, channel_id, network, number)
              JOIN drops_networkday n USING (day, channel_id, network)
            """,
            sql.columns(rows),
        )
    else:
        found = fetch(
            """
            SELECT k.key, n.viewers
              FROM json_each(%s) k CROSS JOIN drops_networkday n
                ON n.day = json_extract(k.value, '$[0]')
               AND n.channel_id = json_extract(k.value, '$[1]') AND n.network = json_extract(k.value, '$[2]')
            """,
            [sql.as_list(rows)],
        )
    return {keys[index]: viewers for index, viewers in found}


def lock_networks(keys: Sequence[NetworkKey]) -> dict[NetworkKey, int]:
    """The same, and nobody else changes them until the transaction ends. `keys` are in order."""
    if connection.vendor != "postgresql":  # a transaction that writes to SQLite is alone
        return networks(keys)
    rows = fetch(
        f"""
        INSERT INTO drops_networkday AS t (day, channel_id, network, viewers)
        SELECT *, 0 FROM unnest({sql.arrays(NETWORK_TYPES)})
        ON CONFLICT (day, channel_id, network) DO UPDATE SET viewers = t.viewers
        RETURNING day, channel_id, network, viewers
        """,
        sql.columns([(sql.day(day), *rest) for day, *rest in keys]),
    )
    return {((day - sql.EPOCH).days, *rest): viewers for day, *rest, viewers in rows}


def add_networks(rows: Collection[tuple[int, int, int, int]]) -> None:
    """Add (day, channel, network, viewers) to the counts of networks."""
    sql.add(
        "drops_networkday",
        ("day", "channel_id", "network"),
        ("viewers",),
        [(sql.day(day), *rest) for day, *rest in sorted(rows)],
        (*NETWORK_TYPES, "int"),
    )


def add_channel_days(rows: Collection[tuple[int, int, int]]) -> None:
    """Add (channel, day, viewers) to the counts of channels."""
    sql.add(
        "drops_channelday",
        ("channel_id", "day"),
        ("viewers",),
        [(channel_id, sql.day(day), viewers) for channel_id, day, viewers in sorted(rows)],
        ("bigint", "date", "int"),
    )
