"""People: viewers, streamers, members of organizations and operators are all users."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin, UserManager as DjangoUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config import zones
from config.ulid import new_ulid


def profile_picture_path(user: User, filename: str) -> str:
    """Unguessable, and never the name the person's file had."""
    return f"users/{new_ulid()}.webp"


class UserManager(DjangoUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The primary key is the public `user_id` that partners see."""

    username = models.CharField(
        _("username"),
        max_length=25,
        validators=[
            RegexValidator(r"\A[A-Za-z0-9_]{3,25}\Z", _("Use 3 to 25 letters, digits or underscores."))
        ],
    )
    email = models.EmailField(_("email address"), blank=True)
    profile_picture = models.ImageField(upload_to=profile_picture_path, blank=True)
    # An IANA name; empty: the one that the browser tells.
    time_zone = models.CharField(
        _("time zone"), max_length=zones.MOST_LETTERS, blank=True, validators=[zones.check_zone]
    )
    is_active = models.BooleanField(_("can sign in"), default=True)
    is_staff = models.BooleanField(_("platform operator"), default=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Upper("username"),  # as `iexact` asks
                name="user_username_unique",
                violation_error_message=_("This name is taken."),
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="user_email_unique",
                violation_error_message=_("An account with this address already exists."),
            ),
        ]

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        return self.username

    def get_short_name(self) -> str:
        return self.username

    def clean(self) -> None:
        super().clean()
        self.email = type(self).objects.normalize_email(self.email)


class EmailChange(models.Model):
    """The primary address of an account was changed, or removed. The row goes once that is undone or final."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_changes")
    # The address before: whoever reads its mail may undo it.
    address = models.EmailField(max_length=254)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.address
