"""`POST /webhooks/drops`: Drops says that a viewer has claimed a reward."""

import base64
import json
import logging
from datetime import UTC, datetime, timedelta

from flask import request

from . import report, store
from .app import app
from .drops import DropsError
from .signature import PlatformKey

MAX_AGE = timedelta(minutes=5)
CLAIM_CREATED = "drops.claim.created"

log = logging.getLogger(__name__)
platform_key = PlatformKey()


@app.post("/webhooks/drops")
def receive_webhook() -> tuple[dict[str, str], int]:
    """Verify, keep, answer 200; the rest happens afterwards. Every refusal says why."""
    message_id = request.headers.get("Kick-Event-Message-ID")
    timestamp = request.headers.get("Kick-Event-Message-Timestamp")
    signature = request.headers.get("Kick-Event-Signature")
    if not (message_id and timestamp and signature):
        return refuse(400, "Kick-Event-Message-ID, -Message-Timestamp and -Signature are all needed.")
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(timestamp)
        signature_bytes = base64.b64decode(signature, validate=True)
    except (ValueError, TypeError):
        return refuse(400, "The timestamp must be RFC 3339 with a zone, and the signature base64.")
    if abs(age) > MAX_AGE:
        return refuse(401, f"The timestamp is more than {MAX_AGE} away from this server's clock.")
    body = request.get_data()
    try:
        genuine = platform_key.signed(f"{message_id}.{timestamp}.".encode() + body, signature_bytes)
    except DropsError as error:
        return refuse(503, f"The key of Drops cannot be had now ({type(error).__name__}). Send this again.")
    if not genuine:
        return refuse(401, "The signature does not fit the message.")

    if request.headers.get("Kick-Event-Type", CLAIM_CREATED) != CLAIM_CREATED:
        return {"status": "ignored"}, 200  # a test event, or a kind that this studio has no use for
    try:
        claim = read_claim(body)
    except (ValueError, TypeError, KeyError) as error:
        return refuse(400, f"The claim cannot be read: {error!r}.")
    status = "kept" if store.keep_reward(claim) else "was here already"
    report.soon()
    log.info("claim %s %s", claim["claim_id"], status)
    return {"status": status}, 200


def read_claim(body: bytes) -> dict[str, str]:
    """The claim in a webhook's body, all as texts. Raises ValueError, TypeError or KeyError."""
    claim = {"external_id": "", **json.loads(body)}
    if type(claim["user_id"]) is not int or not 0 < claim["user_id"] < 2**64:
        raise ValueError("user_id must be a whole number from 1 to 2^64 - 1")
    texts = {name: claim[name] for name in ("claim_id", "reward_id", "external_id")}
    if not all(isinstance(text, str) for text in texts.values()) or not claim["claim_id"]:
        raise ValueError("claim_id, reward_id and external_id must be texts")
    return {**texts, "user_id": str(claim["user_id"])}


def refuse(status: int, reason: str) -> tuple[dict[str, str], int]:
    log.warning("webhook refused with %s: %s", status, reason)
    return {"error": reason}, status
