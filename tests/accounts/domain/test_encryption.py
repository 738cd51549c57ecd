import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.fernet import Fernet, InvalidToken

from accounts.domain import encryption
from config import memory


@pytest.fixture
def keys(settings):
    """Set ENCRYPTION_KEYS."""

    def use(*values):
        settings.ENCRYPTION_KEYS = list(values)
        memory.forget()

    return use


def test_a_rotated_key_still_reads_what_the_old_one_wrote(keys):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    keys(old)
    token = encryption.encrypt(b"secret")

    keys(new, old)
    assert encryption.decrypt(token) == b"secret"

    keys(new)
    with pytest.raises(InvalidToken):
        encryption.decrypt(token)


def test_a_totp_secret_is_not_in_the_database(keys, viewer):
    keys(Fernet.generate_key().decode())
    secret = generate_totp_secret()

    TOTP.activate(viewer, secret)

    stored = Authenticator.objects.get(user=viewer)
    assert secret not in str(stored.data)
    assert encryption.decrypt(stored.data["secret"].encode()) == secret.encode()
