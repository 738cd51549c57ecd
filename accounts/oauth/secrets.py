"""How client secrets are kept."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class ClientSecretHasher(PBKDF2PasswordHasher):
    """Salted, one round.

    Stretching protects what people choose. A client secret is 128 random characters that nobody can
    guess, and is checked on every call to the token endpoint, where 0.3 s of CPU would be a weapon.
    """

    algorithm = "client_secret"
    iterations = 1
