"""What became of claims in the studio's own words: how many have each status now, and how many ever had it.

The words are in the order in which claims go through them, as the changes of status say: of two words, the one from
which more changes lead to the other comes first. A claim knows no channel, so there is no such figure of channels.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from django.db.models import Sum

from drops.models import Campaign
from fulfillment.models import INITIATED, ClaimHour, StatusHour

# A studio that writes numbers into its words has thousands: those that the fewest claims had are added up.
MOST_WORDS = 12


class Word(NamedTuple):
    """`now`: claims with this status. `ever`: claims that have it or had it before."""

    word: str
    now: int
    ever: int


class Words(NamedTuple):
    """`more`: how many words are left out."""

    words: list[Word]
    more: int


def status_words(campaign: Campaign, *, reward_id: str = "") -> Words:
    """Of all rewards, or of one. Claims in test mode are left out. Two queries."""
    claims = ClaimHour.objects.filter(campaign=campaign, test=False)
    rows = StatusHour.objects.filter(campaign=campaign)
    if reward_id:
        claims, rows = claims.filter(reward=reward_id), rows.filter(reward=reward_id)
    made = claims.aggregate(total=Sum("claims", default=0))["total"]
    flow: Counter[tuple[str, str]] = Counter()
    now, ever = Counter({INITIATED: made}), Counter({INITIATED: made})
    for old, new, changes, firsts in (
        rows.order_by().values_list("old", "new").annotate(Sum("changes"), Sum("firsts"))
    ):
        flow[old, new] += changes
        now[old] -= changes
        now[new] += changes
        if new != INITIATED:
            ever[new] += firsts
    most = {word for word, _ in ever.most_common(MOST_WORDS)} | {INITIATED}
    return Words([Word(word, now[word], ever[word]) for word in _in_order(most, flow)], len(ever) - len(most))


def _in_order(words: set[str], flow: Counter[tuple[str, str]]) -> list[str]:
    """`initiated`, then again and again the word to which the fewest changes lead from the rest, less those that lead
    from it to the rest."""
    found, rest = [INITIATED], words - {INITIATED}

    def surplus(word: str) -> tuple[int, int, str]:
        inwards = sum(flow[other, word] - flow[word, other] for other in rest if other != word)
        return inwards, -sum(flow[other, word] for other in found), word

    while rest:
        following = min(rest, key=surplus)
        found.append(following)
        rest = rest - {following}
    return found
