"""An open visit of a viewer to a channel, while a batch of beats is credited."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Visit:
    """The open interval of a viewer on a channel, as it is being credited."""

    id: int | None
    viewer_id: int
    channel_id: int
    standing_id: int
    reason: str
    began: int
    start: int
    last: int
    seconds: int
    player: int
    is_open: bool = True

    def seconds_until(self, moment: int) -> int:
        """Whole seconds since the visit began, cut at `moment`."""
        return (moment - self.began) // 1000

    def as_row(self) -> tuple[int, int, int, str, int, int, int, int, int, bool]:
        """As `store.insert_intervals` takes it."""
        return (
            self.viewer_id,
            self.channel_id,
            self.standing_id,
            self.reason,
            self.began,
            self.start,
            self.last,
            self.seconds,
            self.player,
            self.is_open,
        )
