"""Signatures that others can check, and keys that change without losing a claim."""

from __future__ import annotations

import base64
import re
import subprocess
from datetime import timedelta
from io import StringIO

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from fulfillment.domain.delivery import signing
from fulfillment.models import DeliveryState, SigningKey
from tests.fulfillment.delivering import deliver_due, make_delivery
from tests.fulfillment.receiver import Reply

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MESSAGE_ID = "01JD3Z8Q6W5R4T3Y2V1B0N9M8K"


def sign(now):
    keys = signing.keys_for_signing(now)
    return signing.sign(keys=keys, message_id=MESSAGE_ID, body=b"{}", attempt=1, now=now)


def verified_by_openssl(folder, public_key: str, signature: str, message: bytes) -> bool:
    (folder / "key.pem").write_text(public_key)
    (folder / "signature").write_bytes(base64.b64decode(signature, validate=True))
    (folder / "message").write_bytes(message)
    command = "openssl dgst -sha256 -verify key.pem -signature signature message"
    return subprocess.run(command.split(), cwd=folder, capture_output=True, check=False).returncode == 0


def test_openssl_verifies_what_arrived(tmp_path, endpoint, receiver, now):
    make_delivery(endpoint, now)
    deliver_due(now)
    (received,) = receiver.received
    pem = signing.public_key_pem(now)
    signature = received.headers["Kick-Event-Signature"]

    assert verified_by_openssl(tmp_path, pem, signature, received.signed)
    assert not verified_by_openssl(tmp_path, pem, signature, received.signed + b" ")


def test_the_timestamp_is_rfc_3339_in_whole_seconds(signing_key, now):
    signature = sign(now + timedelta(microseconds=999_999))

    assert signature.timestamp == "2026-11-20T12:00:00Z"


def test_the_public_key_is_spki_of_2048_bits(signing_key, now):
    pem = signing.public_key_pem(now)
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")

    described = subprocess.run(
        ["openssl", "pkey", "-pubin", "-text", "-noout"], input=pem.encode(), capture_output=True, check=True
    )
    assert b"2048 bit" in described.stdout


def test_the_key_set_has_the_same_key(signing_key, now):
    (key,) = signing.jwks(now)["keys"]
    assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}
    signature = sign(now)

    algorithm = jwt.get_algorithm_by_name("RS256")
    message = f"{MESSAGE_ID}.{signature.timestamp}.{{}}".encode()
    assert algorithm.verify(message, jwt.PyJWK(key).key, base64.b64decode(signature.value))
    assert key["kid"] == signature.key_id


def test_the_private_part_is_encrypted_at_rest(signing_key, settings, now):
    stored = bytes(SigningKey.objects.get().private_key)

    assert b"PRIVATE KEY" not in stored
    assert stored.startswith(b"gAAAA")


def test_the_private_part_can_be_a_file(tmp_path, settings, now):
    settings.SIGNING_KEY_DIR = str(tmp_path)
    settings.ENCRYPTION_KEYS = []
    key = signing.create_signing_key(now=now)

    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert bytes(SigningKey.objects.get().private_key) == b""
    signature = sign(now)
    message = f"{MESSAGE_ID}.{signature.timestamp}.{{}}".encode()
    folder = tmp_path / "check"
    folder.mkdir()
    assert verified_by_openssl(folder, key.public_key, signature.value, message)


def test_a_private_part_that_cannot_be_decrypted_says_what_to_do(signing_key, now):
    SigningKey.objects.update(private_key=b"gAAAAABnot-this-key")

    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS"):
        sign(now)


def test_the_command(now, time_machine):
    time_machine.move_to(now, tick=False)
    said = StringIO()
    call_command("create_signing_key", stdout=said)
    call_command("create_signing_key", "--if-none", stdout=said)
    call_command("create_signing_key", "--rotation-hours", "3", stdout=said)

    new, old = SigningKey.objects.all()
    assert (old.active_from, new.published_at, new.active_from) == (now, now, now + 3 * HOUR)
    assert old.retired_at == now + 6 * HOUR
    assert re.findall(r"used from (\S+ \S+)", said.getvalue()) == ["2026-11-20 12:00", "2026-11-20 15:00"]


# Rotation


def rotation(now):
    """The moments of a rotation that begins at `now`, every ten minutes, before to after."""
    return [now + minutes * MINUTE for minutes in range(-60, 6 * 60, 10)]


@pytest.fixture
def new_key(signing_key, now) -> SigningKey:
    return signing.create_signing_key(now=now)


@pytest.mark.parametrize("phase", range(0, 60, 20))
def test_a_receiver_that_caches_the_key_for_an_hour_loses_no_claim(
    endpoint, receiver, signing_key, new_key, now, phase
):
    """It fetches the key at times of its own, knows one key at a time, and refuses what it cannot verify."""
    SigningKey.objects.filter(pk=signing_key.pk).update(
        created_at=now - 9 * HOUR, published_at=now - 9 * HOUR, active_from=now - 9 * HOUR
    )
    cached = {"at": now - 9 * HOUR, "pem": ""}
    receiver.decide = lambda received: Reply(200 if received.is_signed_by(cached["pem"]) else 401)

    for moment in rotation(now):
        delivery = make_delivery(endpoint, moment)
        for seconds in (0, 10):  # the first attempt, and the second where the first was refused
            if moment - cached["at"] >= HOUR:
                hours = (moment - now - phase * MINUTE) // HOUR
                fetched_at = now + phase * MINUTE + hours * HOUR
                cached.update(at=fetched_at, pem=signing.public_key_pem(fetched_at))
            deliver_due(moment + timedelta(seconds=seconds))
        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.DELIVERED, moment
        assert delivery.attempts.count() <= 2
    assert signing.public_key_pem(moment) == cached["pem"] == new_key.public_key


def test_a_receiver_that_fetches_the_key_when_a_signature_does_not_fit_refuses_nothing(
    endpoint, receiver, signing_key, new_key, now
):
    """As docs/webhooks.md has it."""
    SigningKey.objects.filter(pk=signing_key.pk).update(
        published_at=now - 9 * HOUR, active_from=now - 9 * HOUR
    )
    cached = {"pem": ""}

    for moment in rotation(now):

        def decide(received, moment=moment):
            if not received.is_signed_by(cached["pem"] or new_key.public_key):
                cached["pem"] = signing.public_key_pem(moment)
            return Reply(200 if received.is_signed_by(cached["pem"]) else 401)

        receiver.decide = decide
        make_delivery(endpoint, moment)
        assert [attempt.status for attempt in deliver_due(moment)] == [200], moment
    assert cached["pem"] == new_key.public_key


def test_a_receiver_that_reads_the_key_set_sees_no_rotation_at_all(endpoint, receiver, new_key, now):
    known: dict[str, str] = {}

    def decide(received):
        return Reply(200 if received.headers["Drops-Key-Id"] in known else 401)

    receiver.decide = decide
    for moment in rotation(now)[7:]:
        known = {key["kid"]: key["n"] for key in signing.jwks(moment)["keys"]}
        make_delivery(endpoint, moment)
        assert [attempt.status for attempt in deliver_due(moment)] == [200]


def test_the_old_key_is_retired_in_the_end(signing_key, new_key, now):
    assert [key.pk for key in signing.published_keys(now + 3 * HOUR)] == [new_key.pk, signing_key.pk]
    assert [key.pk for key in signing.published_keys(now + 4 * HOUR)] == [new_key.pk]


def test_without_a_key_there_is_nothing_to_publish(db, now):
    assert signing.jwks(now) == {"keys": []}
    with pytest.raises(signing.NoSigningKey):
        signing.public_key_pem(now)
