"""Figures as tables: what a CSV file and the API say, so that both say the same as the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from fulfillment.domain.analytics.fulfilment import EndpointFulfilment, Fulfilment, HourAt

Cell = str | int | None


class Table(NamedTuple):
    """A name for each column, as JSON has it, and the rows. A figure that is hidden or not known is None."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]

    def with_head(self) -> Iterator[tuple[Cell, ...]]:
        yield self.columns
        yield from self.rows

    def objects(self) -> list[dict[str, Cell]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


TIMES = (
    "arrived",
    "arrived_at_once",
    "retries",
    "arrived_p50_ms",
    "arrived_p95_ms",
    "acknowledged",
    "acknowledged_p50_ms",
    "acknowledged_p95_ms",
)


def _times(each: Fulfilment) -> tuple[Cell, ...]:
    arrived, acknowledged = each.arrived, each.acknowledged
    return (
        arrived.claims,
        arrived.at_once,
        arrived.retries,
        arrived.p50_ms,
        arrived.p95_ms,
        acknowledged.claims,
        acknowledged.p50_ms,
        acknowledged.p95_ms,
    )


def fulfilment_table(hours: Iterable[HourAt]) -> Table:
    """By hour and endpoint. Of claims that were acknowledged without having arrived, the endpoint is empty."""
    return Table(
        ("hour", "endpoint_id", *TIMES),
        [(moment(each.hour), each.endpoint_id, *_times(each.fulfilment)) for each in hours],
    )


def endpoints_table(endpoints: Iterable[EndpointFulfilment]) -> Table:
    """By endpoint: the whole campaign."""
    return Table(
        ("endpoint_id", *TIMES),
        [(each.endpoint.pk if each.endpoint else None, *_times(each.fulfilment)) for each in endpoints],
    )
