"""What must hold, whatever was killed: each with the counts that show it."""

from __future__ import annotations

import base64
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from django.utils import timezone

from tests.chaos.load import Answer, Load
from tests.chaos.sink import Seen
from tests.chaos.troubles import RECOVERY, Recovery

# Seconds. Its calls are given up after less than 3, as test_calling.py counts without a clock. The rest is for a
# machine whose cores are all busy.
HUNG_BROKER_ADDS = 10.0
NONE = timedelta()


@dataclass(frozen=True)
class Invariant:
    name: str
    holds: bool
    counts: str


def every_claim_arrived(seen: Sequence[Seen]) -> Invariant:
    from fulfillment.models import Claim, Delivery, DeliveryState

    claims = set(
        Claim.objects.filter(organization__webhook_endpoints__isnull=False).values_list(
            "id", "organization__webhook_endpoints__url"
        )
    )
    arrived = {(request.claim_id, request.url) for request in seen if request.said == 200}
    failed = set(Delivery.objects.filter(state=DeliveryState.FAILED).values_list("claim_id", "endpoint__url"))
    missing = claims - arrived - failed
    astray = arrived - claims
    return Invariant(
        "every committed claim was delivered to its studio, or has visibly failed",
        not missing and not astray and bool(claims),
        f"{len(claims)} claims, {len(claims & arrived)} arrived, {len(failed)} failed, {len(missing)} missing, "
        f"{len(astray)} astray",
    )


def delivered_means_a_2xx(seen: Sequence[Seen]) -> Invariant:
    from fulfillment.models import Delivery

    delivered = set(Delivery.objects.filter(delivered_at__isnull=False).values_list("pk", flat=True))
    without = delivered - {request.message_id for request in seen if request.said == 200}
    return Invariant(
        "nothing is marked delivered without a 2xx of the studio's server",
        not without,
        f"{len(delivered)} marked, {len(without)} without",
    )


def what_waits_is_planned() -> Invariant:
    """Before anybody helps: each delivery would be sent when the schedule says, and no endpoint is closed for ever."""
    from fulfillment.domain.delivery.queue import LEASE_MARGIN, WORKER_DEADLINE
    from fulfillment.domain.delivery.schedule import JITTER, SCHEDULE
    from fulfillment.domain.delivery.status import LONGEST_PAUSE
    from fulfillment.models import Delivery, DeliveryState, WebhookEndpoint

    now = timezone.now()
    waiting = list(Delivery.objects.filter(state=DeliveryState.PENDING))
    longest_lease = timedelta(seconds=WORKER_DEADLINE) + LEASE_MARGIN

    def too_late(delivery: Delivery) -> bool:
        retry = (
            SCHEDULE[min(delivery.failures, len(SCHEDULE)) - 1] * (1 + JITTER) if delivery.failures else NONE
        )
        return delivery.next_attempt_at - now > max(retry, longest_lease)

    late = [delivery for delivery in waiting if too_late(delivery)]
    closed = WebhookEndpoint.objects.filter(breaker_open_until__gt=now + LONGEST_PAUSE)
    stopped = WebhookEndpoint.objects.filter(held_at__isnull=False)
    return Invariant(
        "what waits will be sent by itself, when the schedule says",
        not late and not closed and not stopped,
        f"{len(waiting)} waiting, {len(late)} too late; {len(closed)} endpoints closed for too long, "
        f"{len(stopped)} held",
    )


def nothing_is_left(waiting: int) -> Invariant:
    return Invariant("nothing waits in the end", waiting == 0, f"{waiting} waiting")


def one_claim_each(answers: Sequence[Answer]) -> Invariant:
    from fulfillment.models import Claim

    claims = {
        claim.pk: (claim.viewer_id, claim.campaign_id, claim.reward_id) for claim in Claim.objects.all()
    }
    twice = len(claims) - len(set(claims.values()))
    told = [answer for answer in answers if answer.says_yes]
    wrong = [
        answer
        for answer in told
        if claims.get(answer.claim_id)
        != (answer.wish.viewer_id, answer.wish.campaign_id, answer.wish.reward_id)
    ]
    return Invariant(
        "one claim per viewer and reward, and every claim that a viewer was told of is there",
        not twice and not wrong,
        f"{len(claims)} claims, {len(told)} told, {twice} twice, {len(wrong)} told wrongly",
    )


def told_yes_or_try_again(answers: Sequence[Answer]) -> Invariant:
    yes = [answer for answer in answers if answer.says_yes]
    again = [answer for answer in answers if answer.says_try_again]
    other = Counter(answer.text for answer in answers if not answer.says_yes and not answer.says_try_again)
    counts = [f"{len(yes)} yes, {len(again)} try again, {other.total()} else"]
    return Invariant(
        "viewers are told yes, or to try again; nothing else",
        not other and bool(yes),
        "; ".join(counts + [f"{times} times {text}" for text, times in other.most_common()]),
    )


def the_site_recovers(recoveries: Sequence[Recovery]) -> Invariant:
    slowest = max(recoveries, key=lambda recovery: recovery.seconds)
    return Invariant(
        f"after every trouble viewers can claim again, within {RECOVERY:g} s",
        slowest.seconds < RECOVERY,
        f"{len(recoveries)} troubles, the slowest {slowest.seconds:.1f} s ({slowest.trouble})",
    )


def attempts_are_requests(seen: Sequence[Seen]) -> Invariant:
    """An attempt without an answer, cut short or too slow for a busy machine, may have been seen or not."""
    from fulfillment.models import Attempt

    requests = Counter(request.message_id for request in seen)
    answered: Counter[str] = Counter()
    unanswered: Counter[str] = Counter()
    for delivery_id, status in Attempt.objects.values_list("delivery_id", "status"):
        (unanswered if status is None else answered)[delivery_id] += 1
    wrong = [
        message_id
        for message_id in requests.keys() | answered.keys() | unanswered.keys()
        if not answered[message_id] <= requests[message_id] <= answered[message_id] + unanswered[message_id]
    ]
    return Invariant(
        "attempts recorded = requests seen (+ unanswered)",
        not wrong,
        f"{answered.total()} attempts + {unanswered.total()} unanswered, {requests.total()} requests, "
        f"{len(wrong)} wrong",
    )


def same_message_every_time(seen: Sequence[Seen]) -> Invariant:
    bodies = defaultdict(set)
    ids = defaultdict(set)
    for request in seen:
        bodies[request.message_id].add(request.body)
        ids[request.claim_id].add(request.message_id)
    different = [key for found in (bodies, ids) for key, values in found.items() if len(values) > 1]
    return Invariant(
        "the same message id and bytes on every attempt",
        not different,
        f"{len(seen)} requests for {len(bodies)} messages, {len(different)} different",
    )


def signatures_are_valid(seen: Sequence[Seen]) -> Invariant:
    from django.utils import timezone

    from fulfillment.domain.delivery import signing

    key = serialization.load_pem_public_key(signing.public_key_pem(timezone.now()).encode())
    invalid = 0
    for request in seen:
        timestamp = request.headers["Kick-Event-Timestamp"]
        message = f"{request.message_id}.{timestamp}.".encode() + request.body
        signature = base64.b64decode(request.headers["Kick-Event-Signature"])
        try:
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            invalid += 1
    return Invariant(
        "every signature is valid", not invalid and bool(seen), f"{len(seen)} checked, {invalid} not"
    )


def a_hung_broker_costs_little(told: Sequence[Answer], hung: Sequence[tuple[float, float]]) -> Invariant:
    """`told` is of claims that nothing but the broker can slow: their studio has no server."""
    during = [
        answer.seconds
        for answer in told
        if any(answer.began < end and start < answer.began + answer.seconds for start, end in hung)
    ]
    usual = statistics.median(answer.seconds for answer in told) if told else 0.0
    worst = max(during, default=0.0)
    return Invariant(
        f"a hung broker adds less than {HUNG_BROKER_ADDS:g} s to a claim",
        bool(during) and worst - usual < HUNG_BROKER_ADDS,
        f"{len(during)} claims in {len(hung)} hangs, the slowest {worst:.2f} s; usually {usual:.3f} s",
    )


def the_load_lasted(loads: Sequence[Load]) -> Invariant:
    left = [load.wishes_left for load in loads]
    return Invariant("viewers claimed to the end", all(left), f"{sum(left)} wishes left")
