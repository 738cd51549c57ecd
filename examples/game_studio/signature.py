"""Whether a message comes from Drops: RSASSA-PKCS1-v1_5 with SHA-256, by the key that Drops publishes."""

from threading import Lock
from time import monotonic

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from . import drops

KEY_LIFETIME = 3600  # seconds
REFETCH_PAUSE = 60  # seconds


class PlatformKey:
    """The public key of Drops, kept for an hour, and asked for once more when a signature does not fit it."""

    def __init__(self) -> None:
        self._lock = Lock()  # twenty deliveries at once ask for the key once
        self._key: RSAPublicKey | None = None
        self._fetched_at = self._refetched_at = float("-inf")

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether Drops signed the message. Raises DropsError when its key cannot be had."""
        with self._lock:
            if self._key is None or monotonic() - self._fetched_at > KEY_LIFETIME:
                self._key = self._fetch()
            key = self._key
        if _fits(key, message, signature):
            return True
        with self._lock:
            # Drops may have changed its key within the hour. The pause is there because anybody can post
            # rubbish to us, which must not become a flood of questions to Drops.
            if self._key is key and monotonic() - self._refetched_at > REFETCH_PAUSE:
                self._refetched_at = monotonic()
                self._key = self._fetch()
            newer_key = self._key
        return newer_key is not key and _fits(newer_key, message, signature)

    def _fetch(self) -> RSAPublicKey:
        key = load_pem_public_key(drops.public_key())
        if not isinstance(key, RSAPublicKey):
            raise TypeError(f"the key of Drops must be an RSA key, not {type(key).__name__}")
        self._fetched_at = monotonic()
        return key


def _fits(key: RSAPublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
