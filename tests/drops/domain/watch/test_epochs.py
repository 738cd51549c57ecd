"""Which reason a stream is given that counts for no campaign: the one that tells its viewers most."""

from __future__ import annotations

import pytest

from drops.domain.watch.epochs import Epoch
from drops.domain.watch.terms import Counted, Facts, Missed, Terms
from drops.models import Reason

RALLY, CARDS = 1, 2
CHANNEL, OTHER_CHANNEL = 10, 11
NOBODY: frozenset[str] = frozenset()


def stream(category: int | None = RALLY, *, opted_out: bool = False) -> Facts:
    return Facts(CHANNEL, 100, category, opted_out)


def campaign(
    name: str, category: int | None = RALLY, *, channels: set[int] | None = None, test: bool = False
) -> Terms:
    return Terms(name, "studio", category, test, None if channels is None else frozenset(channels))


GLOBAL_ELSEWHERE = campaign("cards", CARDS)
LISTED_ELSEWHERE = campaign("any game, chosen channels", None, channels={OTHER_CHANNEL})


@pytest.mark.parametrize(
    ("live", "facts", "reason"),
    [
        ([], stream(), Reason.CAMPAIGN_NOT_LIVE),
        ([campaign("c")], Facts(CHANNEL, None, None, False), Reason.STREAM_OFFLINE),
        ([GLOBAL_ELSEWHERE], stream(), Reason.WRONG_CATEGORY),
        ([GLOBAL_ELSEWHERE, LISTED_ELSEWHERE], stream(), Reason.WRONG_CATEGORY),
        ([LISTED_ELSEWHERE], stream(), Reason.NOT_ALLOW_LISTED),
        ([campaign("c", channels={OTHER_CHANNEL}), GLOBAL_ELSEWHERE], stream(), Reason.NOT_ALLOW_LISTED),
        ([campaign("c", CARDS, channels={CHANNEL})], stream(), Reason.WRONG_CATEGORY),
        (
            [campaign("c", CARDS, channels={CHANNEL}), campaign("d", channels={OTHER_CHANNEL})],
            stream(),
            Reason.WRONG_CATEGORY,
        ),
        ([campaign("c"), GLOBAL_ELSEWHERE], stream(opted_out=True), Reason.STREAMER_OPTED_OUT),
        ([campaign("c", test=True), LISTED_ELSEWHERE], stream(), Reason.TEST_MODE),
        ([LISTED_ELSEWHERE], stream(None), Reason.NOT_ALLOW_LISTED),
    ],
)
def test_the_reason_is_of_the_campaign_that_is_nearest_to_the_stream(
    live: list[Terms], facts: Facts, reason: Reason
) -> None:
    assert Epoch(0, 1, live, []).judge(facts, NOBODY)[:2] == ((), reason)


@pytest.mark.parametrize("live", [[], [GLOBAL_ELSEWHERE], [LISTED_ELSEWHERE]])
def test_a_campaign_that_the_stream_counted_for_is_said_to_have_ended(live: list[Terms]) -> None:
    ended = campaign("aurora")
    assert Epoch(0, 1, live, [ended]).judge(stream(), NOBODY)[:2] == ((), Reason.CAMPAIGN_NOT_LIVE)
    assert Epoch(0, 1, live, [ended]).judge(stream(CARDS), NOBODY)[1] != Reason.CAMPAIGN_NOT_LIVE or not live


def test_what_has_ended_keeps_nothing_from_counting() -> None:
    assert Epoch(0, 1, [campaign("next")], [campaign("aurora")]).judge(stream(), NOBODY)[:2] == (
        (Counted("next", False),),
        "",
    )


@pytest.mark.parametrize(
    ("terms", "facts", "reasons"),
    [
        (campaign("c", CARDS, channels={CHANNEL}), stream(), [Reason.WRONG_CATEGORY]),
        (campaign("c", channels={CHANNEL}), Facts(CHANNEL, None, None, False), [Reason.STREAM_OFFLINE]),
        (campaign("c"), stream(opted_out=True), [Reason.STREAMER_OPTED_OUT]),
        (campaign("c"), stream(), []),
        (GLOBAL_ELSEWHERE, stream(), []),
        (LISTED_ELSEWHERE, stream(), []),
        (campaign("c", CARDS, channels={CHANNEL}, test=True), stream(), []),
    ],
    ids=["wrong_category", "offline", "opted_out", "counts", "other_game", "other_channels", "test_mode"],
)
def test_a_campaign_misses_what_is_watched_on_its_channels_and_in_its_category(
    terms: Terms, facts: Facts, reasons: list[Reason]
) -> None:
    """Whatever else counts there."""
    missed = Epoch(0, 1, [terms, campaign("another")], []).judge(facts, NOBODY).missed
    assert [each for each in missed if each.campaign_id != "another"] == [
        Missed("c", each) for each in reasons
    ]
