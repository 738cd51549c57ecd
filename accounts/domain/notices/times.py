"""When a person gets mails as a viewer: quiet hours, and one mail a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from accounts.models import NoticeTimes, User
from config import zones

HOUR = timedelta(hours=1)


def times_of(user: User) -> NoticeTimes:
    """Unsaved where the person has chosen none."""
    return NoticeTimes.objects.select_related("user").filter(user=user).first() or NoticeTimes(user=user)


def choose(*, user: User, quiet_from: int | None, quiet_until: int | None, digest_hour: int | None) -> None:
    """Hours from 0 to 23. Quiet hours are none unless both are given and differ."""
    if quiet_from is None or quiet_until is None or quiet_from == quiet_until:
        quiet_from = quiet_until = None
    NoticeTimes.objects.update_or_create(
        user=user,
        defaults={"quiet_from": quiet_from, "quiet_until": quiet_until, "digest_hour": digest_hour},
    )


def not_before(times: NoticeTimes, *, written: datetime, now: datetime) -> datetime:
    """When a notice that was `written` may be mailed, looked at at `now`: not later than that is at once."""
    moment = now
    if times.digest_hour is not None:
        moment = max(now, _next(times, times.digest_hour, written))
    if _is_quiet(times, moment):
        assert times.quiet_until is not None  # noqa: S101 - constraint notice_times_quiet_hours
        moment = _next(times, times.quiet_until, moment)
    return moment


def _is_quiet(times: NoticeTimes, moment: datetime) -> bool:
    if times.quiet_from is None or times.quiet_until is None:
        return False
    hour = _local(times, moment).hour
    if times.quiet_from < times.quiet_until:
        return times.quiet_from <= hour < times.quiet_until
    return hour >= times.quiet_from or hour < times.quiet_until


def _next(times: NoticeTimes, hour: int, after: datetime) -> datetime:
    """The first moment after `after` at which clocks begin `hour`, or the hour after it where they skip it."""
    whole = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    # Clocks of some zones begin their hours at half past, or at a quarter.
    quarters = [whole + number * timedelta(minutes=15) for number in range(1, 4 * 26)]
    found = (each for each in quarters if each > after and _begins(times, each, hour))
    return next(found, after + 24 * HOUR)


def _begins(times: NoticeTimes, moment: datetime, hour: int) -> bool:
    local = _local(times, moment)
    return local.hour == hour and local.minute == 0


def _local(times: NoticeTimes, moment: datetime) -> datetime:
    return moment.astimezone(zones.zone_named(times.user.time_zone) or UTC)
