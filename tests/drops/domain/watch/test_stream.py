"""The way of a beat through the stream: stamped by Redis, credited once, trimmed, and held back when full."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from config import memory
from config.gather import Gatherer
from drops import tasks
from drops.domain.watch import stream
from drops.domain.watch.beats import Beat, BeatKind
from drops.models import Progress, WatchInterval, WatchPartition
from tests.factories import CampaignFactory, LivestreamFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def redis(valkey_url, settings):
    settings.REDIS_URL = valkey_url
    return stream.client(valkey_url)


@pytest.fixture
def live(channel, category, studio):
    now = datetime.now(UTC)
    CampaignFactory(
        organization=studio,
        category=category,
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=1),
    )
    return LivestreamFactory(channel=channel, category=category, started_at=now - timedelta(hours=1))


def credit_all():
    return stream.credit_all(now=lambda: datetime.now(UTC))


def key_of(viewer):
    return stream.key(stream.partition_of(viewer.pk))


def put(redis, viewer, channel, *, seconds_ago):
    """A beat that Redis took some time ago."""
    at = int((datetime.now(UTC) - timedelta(seconds=seconds_ago)).timestamp() * 1000)
    redis.xadd(key_of(viewer), stream._pack(Beat(viewer.pk, channel.pk, 0)), id=f"{at}-*")


def test_beats_are_credited_by_the_time_redis_took_them(redis, viewer, channel, live):
    put(redis, viewer, channel, seconds_ago=500)
    put(redis, viewer, channel, seconds_ago=400)

    assert credit_all() == 2
    assert Progress.objects.get().seconds == 100


def test_what_was_credited_is_trimmed_and_its_position_kept(redis, viewer, channel, live):
    put(redis, viewer, channel, seconds_ago=10)
    last = redis.xrevrange(key_of(viewer), count=1)[0][0].decode()

    credit_all()

    assert redis.xlen(key_of(viewer)) == 0
    assert WatchPartition.objects.get(pk=stream.partition_of(viewer.pk)).position == last
    assert credit_all() == 0


def test_an_entry_before_the_position_is_never_credited_again(redis, viewer, channel, live):
    put(redis, viewer, channel, seconds_ago=100)
    put(redis, viewer, channel, seconds_ago=10)
    entries = redis.xrange(key_of(viewer))
    credit_all()
    redis.delete(key_of(viewer))
    for entry_id, fields in entries:  # a stream that was restored from an old copy
        redis.xadd(key_of(viewer), fields, id=entry_id)

    assert credit_all() == 0
    assert Progress.objects.get().seconds == 90


def test_an_entry_that_is_none_is_passed_over(redis, viewer, channel, live):
    redis.xadd(key_of(viewer), {"b": "not a beat"}, id="1-1")
    redis.xadd(key_of(viewer), {"x": "1 2 3 4 5"}, id="1-2")
    redis.xadd(key_of(viewer), {"b": f"{viewer.pk} {channel.pk} 9 0 0"}, id="1-3")
    put(redis, viewer, channel, seconds_ago=10)

    assert credit_all() == 4
    assert WatchInterval.objects.count() == 1


def test_a_beat_from_the_future_is_dropped_and_later_beats_are_credited(redis, viewer, channel, live):
    put(redis, viewer, channel, seconds_ago=500)
    put(redis, viewer, channel, seconds_ago=-600)
    stream.append(Beat(viewer.pk, channel.pk, 0))  # Redis goes on from the id in the future

    assert credit_all() == 1
    assert redis.xlen(key_of(viewer)) == 0

    put(redis, viewer, channel, seconds_ago=400)
    stream.append(Beat(viewer.pk, channel.pk, 0))
    assert redis.xrevrange(key_of(viewer), count=1)[0][0] < b"%d" % ((time.time() + 60) * 1000)
    assert credit_all() == 2
    assert Progress.objects.get().seconds == 100 + 150
    assert stream.ages()["ahead"] < 60


def test_a_position_in_the_future_holds_no_beat_back(redis, viewer, channel, live):
    """What a clock leaves behind that was ahead for a while and was set back."""
    future = int((time.time() + 600) * 1000)
    WatchPartition.objects.create(pk=stream.partition_of(viewer.pk), position=f"{future}-0")
    put(redis, viewer, channel, seconds_ago=500)
    put(redis, viewer, channel, seconds_ago=400)

    credit_all()
    credit_all()

    assert Progress.objects.get().seconds == 100
    assert stream.ages()["ahead"] < 60


def test_what_others_have_put_right_meanwhile_is_not_dropped(redis, viewer, channel, live):
    put(redis, viewer, channel, seconds_ago=10)

    stream._start_anew(stream.partition_of(viewer.pk), int((time.time() + 60) * 1000))

    assert redis.xlen(key_of(viewer)) == 1


def test_a_worker_whose_clock_is_behind_credits_all_the_same(redis, viewer, channel, live):
    put(redis, viewer, channel, seconds_ago=500)
    put(redis, viewer, channel, seconds_ago=400)

    assert stream.credit_all(now=lambda: datetime.now(UTC) - timedelta(hours=1)) == 2
    assert Progress.objects.get().seconds == 100


def test_unknown_viewers_and_channels_do_not_stop_the_others(redis, viewer, channel, live):
    for who, where in ((2**62, channel.pk), (viewer.pk, 2**62)):
        stream.append(Beat(who, where, 0))
    put(redis, viewer, channel, seconds_ago=-1)

    credit_all()

    assert WatchInterval.objects.get().channel == channel


def test_a_backlog_is_credited_in_batches(redis, viewer, channel, live, monkeypatch):
    monkeypatch.setattr(stream, "BATCH", 2)
    for second in (500, 400, 300, 200, 100):
        put(redis, viewer, channel, seconds_ago=second)

    assert credit_all() == 5
    assert Progress.objects.get().seconds == 400


def test_crediting_stops_when_its_time_is_over(redis, viewer, channel, live):
    put(redis, viewer, channel, seconds_ago=10)

    assert stream.credit_all(now=lambda: datetime.now(UTC), seconds=0) == 0


def test_the_task_credits_what_was_taken_in(viewer, channel, live):
    stream.append(Beat(viewer.pk, channel.pk, 0, BeatKind.START))

    assert tasks.credit_watch_time() == 1


def test_a_full_stream_refuses_beats_and_takes_them_again_when_it_is_credited(
    viewer, channel, live, settings
):
    settings.WATCH_STREAM_LIMIT = 2
    for _ in range(2):
        stream.append(Beat(viewer.pk, channel.pk, 0))
    memory.forget()

    with pytest.raises(stream.StreamFull):
        stream.append(Beat(viewer.pk, channel.pk, 0))
    with pytest.raises(stream.StreamFull):
        stream.append_soon(Beat(viewer.pk, channel.pk, 0))

    credit_all()
    memory.forget()
    stream.append(Beat(viewer.pk, channel.pk, 0))


def test_beats_between_others_gather_for_a_moment(redis, viewer, channel):
    for _ in range(50):
        stream.append_soon(Beat(viewer.pk, channel.pk, 0))

    until = time.monotonic() + 60
    while redis.xlen(key_of(viewer)) < 50 and time.monotonic() < until:
        time.sleep(0.01)
    assert redis.xlen(key_of(viewer)) == 50


def test_when_redis_is_gone_beats_are_refused(viewer, channel, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1"
    with pytest.raises(stream.StreamDown):
        stream.append(Beat(viewer.pk, channel.pk, 0))

    stream._memory.lengths[stream.partition_of(viewer.pk)] = (time.monotonic(), 0)
    stream._send_gathered([Beat(viewer.pk, channel.pk, 0)])
    with pytest.raises(stream.StreamDown):
        stream.append_soon(Beat(viewer.pk, channel.pk, 0))


def test_a_gatherer_keeps_the_order_and_sends_each_item_once():
    sent = []
    gatherer = Gatherer(sent.extend)
    for item in range(200):
        gatherer.add(item)
        if item % 70 == 0:
            time.sleep(0.01)
    gatherer.flush()
    until = time.monotonic() + 60
    while len(sent) < 200 and time.monotonic() < until:
        time.sleep(0.01)

    assert sent == list(range(200))
