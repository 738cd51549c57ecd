"""What must hold, whatever was killed: each with the counts that show it."""

from __future__ import annotations

import base64
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from tests.chaos.load import Told
from tests.chaos.sink import Seen

HUNG_BROKER_ADDS = 3.0


@dataclass(frozen=True)
class Invariant:
    name: str
    holds: bool
    counts: str


def every_claim_arrived(seen: Sequence[Seen]) -> Invariant:
    from fulfillment.models import Claim, Delivery, DeliveryState

    claims = set(
        Claim.objects.filter(organization__webhook_endpoints__isnull=False).values_list("id", flat=True)
    )
    arrived = {json.loads(request.body)["claim_id"] for request in seen if request.said == 200}
    held = set(Delivery.objects.filter(state=DeliveryState.HELD).values_list("claim_id", flat=True))
    missing = claims - arrived - held
    return Invariant(
        "every committed claim was delivered, or is visibly held",
        not missing and bool(claims),
        f"{len(claims)} claims, {len(claims & arrived)} arrived, {len(held)} held, {len(missing)} missing",
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


def nothing_is_left(waiting: int) -> Invariant:
    return Invariant("nothing waits in the end", waiting == 0, f"{waiting} waiting")


def one_claim_each(told: Sequence[Told]) -> Invariant:
    from fulfillment.models import Claim

    claims = {
        claim.pk: (claim.viewer_id, claim.campaign_id, claim.reward_id) for claim in Claim.objects.all()
    }
    twice = len(claims) - len(set(claims.values()))
    wrong = [
        entry
        for entry in told
        if claims.get(entry.claim_id) != (entry.wish.viewer_id, entry.wish.campaign_id, entry.wish.reward_id)
    ]
    return Invariant(
        "one claim per viewer and reward, and every claim that a viewer was told of is there",
        not twice and not wrong,
        f"{len(claims)} claims, {len(told)} told, {twice} twice, {len(wrong)} told wrongly",
    )


def attempts_are_requests(seen: Sequence[Seen]) -> Invariant:
    from fulfillment.models import Attempt, ErrorClass

    requests = Counter(request.message_id for request in seen)
    made: Counter[str] = Counter()
    crashed: Counter[str] = Counter()
    for delivery_id, error_class in Attempt.objects.values_list("delivery_id", "error_class"):
        (crashed if error_class == ErrorClass.CRASHED else made)[delivery_id] += 1
    wrong = [
        message_id
        for message_id in requests.keys() | made.keys() | crashed.keys()
        if not made[message_id] <= requests[message_id] <= made[message_id] + crashed[message_id]
    ]
    return Invariant(
        "attempts recorded = requests seen (+ crashed)",
        not wrong,
        f"{made.total()} attempts + {crashed.total()} crashed, {requests.total()} requests, {len(wrong)} wrong",
    )


def same_message_every_time(seen: Sequence[Seen]) -> Invariant:
    bodies = defaultdict(set)
    ids = defaultdict(set)
    for request in seen:
        bodies[request.message_id].add(request.body)
        ids[json.loads(request.body)["claim_id"]].add(request.message_id)
    different = [key for found in (bodies, ids) for key, values in found.items() if len(values) > 1]
    return Invariant(
        "the same message id and bytes on every attempt",
        not different,
        f"{len(seen)} requests for {len(bodies)} messages, {len(different)} different",
    )


def signatures_are_valid(seen: Sequence[Seen], public_key_pem: str) -> Invariant:
    key = serialization.load_pem_public_key(public_key_pem.encode())
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


def a_hung_broker_costs_little(told: Sequence[Told], hung: Sequence[tuple[float, float]]) -> Invariant:
    """`told` is of claims that nothing but the broker can slow: their studio has no server."""
    during = [entry.seconds for entry in told if any(start <= entry.began < end for start, end in hung)]
    usual = statistics.median(entry.seconds for entry in told) if told else 0.0
    worst = max(during, default=0.0)
    return Invariant(
        f"a hung broker adds less than {HUNG_BROKER_ADDS:g} s to a claim",
        bool(during) and worst - usual < HUNG_BROKER_ADDS,
        f"{len(during)} claims in {len(hung)} hangs, the slowest {worst:.2f} s; usually {usual:.3f} s",
    )
