"""Signing keys: how a studio knows that a webhook is ours.

The public key that is served alone is the one in use, so a receiver that fetches it when a signature
does not fit never refuses a message. Receivers may cache the previous key for up to an hour. So while
two keys are published, the attempts of a delivery alternate between them: such a receiver has the message
at the second attempt, five seconds later.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _, gettext_lazy as _lazy

from accounts.domain import audit, encryption, permissions
from accounts.domain.consequences import Consequence
from accounts.domain.permissions import Action
from accounts.domain.verbs import explained, goes_ahead
from accounts.models import User
from config.locks import lock
from config.memory import on_forget
from fulfillment.models import SigningKey

KEY_BITS = 2048
# Receivers cache the public key for an hour. A new key is published this long before its first use, and
# the old key is retired this long after it.
ROTATION = timedelta(hours=2)


# In the cache: when the keys were last fetched.
FETCHED, FETCH_KEPT = "signing-key-fetched", 30 * 86_400


class NoSigningKey(Exception):
    """No key is published: `manage.py create_signing_key` makes one."""


@dataclass(frozen=True, slots=True)
class Signature:
    timestamp: str
    value: str
    key_id: str


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both as PEM: the public part SPKI, the private part PKCS #8, not encrypted."""

    public: str
    private: bytes


def generate_key_pair() -> KeyPair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(public.decode(), private)


@transaction.atomic
def rotate(*, key: SigningKey, reason: str, now: datetime, actor: User) -> SigningKey:
    """Publish the key that follows `key`, as an operator. See `add_signing_key`.

    ValidationError without a reason, and where another key follows it already.
    """
    permissions.require_operator(actor, Action.OPERATE)
    data = explained(reason)
    pair = generate_key_pair()
    goes_ahead(why_not_rotate(lock(key), now))
    return add_signing_key(pair=pair, now=now, by=actor, data=data)


def why_not_rotate(key: SigningKey, now: datetime) -> str:
    if key.retired_at is not None:
        return _("Another key has followed this one. Rotate the newest.")
    if key.active_from > now:
        return _("This key is published and not used yet. Wait until webhooks are signed with it.")
    return ""


def of_rotating(key: SigningKey, now: datetime) -> list[Consequence]:
    """When what changes for receivers."""
    used, retired = ((now + ROTATION * times).astimezone(UTC) for times in (1, 2))
    words = {"used": f"{used:%H:%M}", "retired": f"{retired:%H:%M}"}
    return [
        Consequence(_("A new key is published at once, and signs webhooks from %(used)s UTC on.") % words),
        Consequence(
            _(
                "Until %(retired)s UTC the attempts of a delivery alternate between both keys, so that a receiver "
                "that holds one of them has every claim at the second attempt."
            )
            % words
        ),
        Consequence(_("Then this key is retired. That cannot be undone.")),
    ]


class KeyState(models.TextChoices):
    COMING = "coming", _lazy("Published, not used yet")
    IN_USE = "in_use", _lazy("In use")
    FOLLOWED = "followed", _lazy("In use until another follows, then published until it is retired")
    RETIRED = "retired", _lazy("Retired")


def state_of(key: SigningKey, now: datetime) -> KeyState:
    if key.retired_at is not None and key.retired_at <= now:
        return KeyState.RETIRED
    if key.active_from > now:
        return KeyState.COMING
    if key.retired_at is not None:
        return KeyState.FOLLOWED
    return KeyState.IN_USE


def note_fetch(now: datetime) -> None:
    """A receiver fetched the published keys. Noted once a minute; who it was, nobody knows: the address is open."""
    if cache.add(f"{FETCHED}:minute", 1, timeout=60):
        for key in keys_for_signing(now):
            cache.set(f"{FETCHED}:{key.pk}", now, timeout=FETCH_KEPT)


def last_fetch(key: SigningKey) -> datetime | None:
    """When a receiver last fetched it, to the minute. None: not in the last month, or the cache was emptied."""
    found: datetime | None = cache.get(f"{FETCHED}:{key.pk}")
    return found


@transaction.atomic
def add_signing_key(
    *,
    pair: KeyPair,
    now: datetime,
    rotation: timedelta = ROTATION,
    by: User | None = None,
    data: Mapping[str, str] | None = None,
) -> SigningKey:
    """Publish a key. The first is used at once; a later one is used first after `rotation`, and the keys
    before it are retired after another `rotation`."""
    earlier = SigningKey.objects.filter(retired_at__isnull=True)
    active_from = now + rotation if published_keys(now).exists() else now
    earlier.update(retired_at=active_from + rotation)
    key = SigningKey(public_key=pair.public, created_at=now, published_at=now, active_from=active_from)
    if not settings.SIGNING_KEY_DIR:
        key.private_key = encryption.encrypt(pair.private)
    key.full_clean()
    key.save()
    if settings.SIGNING_KEY_DIR:
        file = _key_file(key)
        file.touch(mode=0o600)
        file.write_bytes(pair.private)
    audit.record("signing_key.created", key, by=by, at=now, data=data)
    keys_of_ten_seconds.cache_clear()
    return key


def create_signing_key(*, now: datetime, rotation: timedelta = ROTATION) -> SigningKey:
    """Make a key and publish it: see `add_signing_key`."""
    return add_signing_key(pair=generate_key_pair(), now=now, rotation=rotation)


def published_keys(now: datetime) -> QuerySet[SigningKey]:
    """The keys that receivers may know, newest first."""
    return SigningKey.objects.filter(
        Q(retired_at__isnull=True) | Q(retired_at__gt=now), published_at__lte=now
    ).order_by("-active_from", "-pk")


def public_key_pem(now: datetime) -> str:
    """The key in use, as SPKI PEM. Raises NoSigningKey."""
    keys = keys_for_signing(now)
    if not keys:
        raise NoSigningKey
    return keys[0].public_key


def jwks(now: datetime) -> dict[str, list[dict[str, str]]]:
    """Every published key as a JSON Web Key Set; `kid` is what `Drops-Key-Id` names."""
    return {"keys": [_jwk(key) for key in published_keys(now)]}


def _jwk(key: SigningKey) -> dict[str, str]:
    public: Any = serialization.load_pem_public_key(key.public_key.encode())
    numbers = public.public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": str(key.pk),
        "n": _base64url(numbers.n),
        "e": _base64url(numbers.e),
    }


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return _base64url_of(raw).decode()


def keys_for_signing(now: datetime) -> list[SigningKey]:
    """The key in use first, then those that receivers may know instead. Read every ten seconds."""
    try:
        keys = keys_of_ten_seconds(int(now.timestamp()) // 10)
    except NoSigningKey:
        return []
    return sorted(keys, key=lambda key: key.active_from > now)


# More than one entry: an attempt that took ten seconds asks for the keys of its beginning.
@lru_cache(maxsize=4)
def keys_of_ten_seconds(number: int) -> list[SigningKey]:
    """The keys that are published in these ten seconds (`number` counts them from 1970), newest first.

    Ten seconds do not matter: keys are published for hours before and after they are used.
    Raises NoSigningKey, and asks again the next time.
    """
    keys = list(published_keys(datetime.fromtimestamp(number * 10 + 10, UTC)))
    if not keys:
        raise NoSigningKey
    return keys


on_forget(keys_of_ten_seconds.cache_clear)


def sign(
    *, keys: Sequence[SigningKey], message_id: str, body: bytes, attempt: int, now: datetime
) -> Signature:
    """Sign `message_id.timestamp.body` for the `attempt`-th attempt (from 1), with one of `keys_for_signing`.

    Raises NoSigningKey.
    """
    if not keys:
        raise NoSigningKey
    key = keys[(attempt - 1) % len(keys)]
    timestamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = f"{message_id}.{timestamp}.".encode() + body
    signature = _private_key(key).sign(message, padding.PKCS1v15(), hashes.SHA256())
    return Signature(timestamp, base64.b64encode(signature).decode(), str(key.pk))


def sign_jws(payload: bytes, *, now: datetime) -> str:
    """`payload` as a compact JWS (RFC 7515), RS256, with the key in use. Raises NoSigningKey."""
    keys = keys_for_signing(now)
    if not keys:
        raise NoSigningKey
    header = json.dumps({"alg": "RS256", "kid": str(keys[0].pk)}, separators=(",", ":")).encode()
    signed = b".".join(map(_base64url_of, (header, payload)))
    signature = _private_key(keys[0]).sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return b".".join((signed, _base64url_of(signature))).decode()


def _base64url_of(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _private_key(key: SigningKey) -> rsa.RSAPrivateKey:
    encrypted = bytes(key.private_key)
    return _load_encrypted(encrypted) if encrypted else _load_file(_key_file(key))


# A load takes 40 ms, a signature 0.3 ms: loaded once per process.
@lru_cache(maxsize=8)
def _load_encrypted(encrypted: bytes) -> rsa.RSAPrivateKey:
    try:
        return _load(encryption.decrypt(encrypted))
    except InvalidToken:
        raise ImproperlyConfigured(
            "ENCRYPTION_KEYS has no key that the webhook signing key was encrypted with: add the older one."
        ) from None


@lru_cache(maxsize=8)
def _load_file(path: Path) -> rsa.RSAPrivateKey:
    return _load(path.read_bytes())


def _load(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 - create_signing_key makes no others
    return key


def _key_file(key: SigningKey) -> Path:
    return Path(settings.SIGNING_KEY_DIR) / f"{key.pk}.pem"
