"""What a person does with their own account."""

from __future__ import annotations

from datetime import datetime
from secrets import token_hex

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import File
from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _

from accounts.domain import audit, images, links
from accounts.domain.permissions import Action, only_one_left
from accounts.models import ConnectVisit, EmailChange, Membership, Notice, NoticeSwitch, Organization, User

PICTURE_SIZE = (512, 512)

# Sent inside the transaction that empties an account, with `user` and `now`: the layers above, which
# this one does not know, clear what they hold about the person.
account_deleted = Signal()


def change_profile_picture(*, user: User, picture: File | None, now: datetime) -> None:
    """Show `picture` beside the user's name, or none. ValidationError where it is not a picture.

    PermissionDenied where the account was deleted meanwhile: the picture would outlive it.
    """
    wanted = images.prepare_image(picture, size=PICTURE_SIZE) if picture else ""
    with transaction.atomic():
        # Of two uploads at once, the later one sees and drops the picture of the earlier.
        user.refresh_from_db(from_queryset=User.objects.select_for_update(no_key=True))
        if user.deleted_at is not None:
            raise PermissionDenied(_("This account was deleted."))
        images.drop(user.profile_picture)
        user.profile_picture = wanted
        user.full_clean(exclude=["password"])
        user.save(update_fields=["profile_picture"])
        audit.record("user.picture_changed", user, by=user, at=now)


@transaction.atomic
def change_time_zone(*, user: User, time_zone: str, now: datetime) -> None:
    """Tell `user` times in `time_zone`, an IANA name; "": as the browser says. ValidationError for no zone's name."""
    user.refresh_from_db(from_queryset=User.objects.select_for_update(no_key=True))
    if user.time_zone == time_zone:
        return
    change = [user.time_zone, time_zone]
    user.time_zone = time_zone
    user.clean_fields(exclude={field.name for field in User._meta.fields} - {"time_zone"})
    user.save(update_fields=["time_zone"])
    audit.record("user.time_zone_changed", user, by=user, at=now, data={"time_zone": change})


def sole_ownerships(user: User) -> list[Organization]:
    """The organizations that would be left without an owner if `user` went."""
    return only_one_left(user, who_may=Action.CHANGE_MEMBERS)


@transaction.atomic
def delete_account(*, user: User, now: datetime) -> None:
    """Forget the person and keep the row: claims, which studios have fulfilled, go on naming its id.

    Name, address, picture, password, second factors, sign-ins elsewhere, connections, tokens and
    memberships are gone at once, and with the password every session. ValidationError for the last
    owner of an organization.
    """
    # Two owners who leave at once must not each count on the other. Organizations before people, as
    # everywhere: whoever adds a member holds the organization when the person's row is needed.
    list(Organization.objects.select_for_update().filter(memberships__user=user).order_by("pk"))
    user = User.objects.select_for_update().get(pk=user.pk)
    if orphans := sole_ownerships(user):
        names = ", ".join(organization.name for organization in orphans)
        raise ValidationError(
            _("You are the only owner of %(names)s. Make somebody else an owner first.") % {"names": names},
            code="sole_owner",
        )
    audit.record("user.deleted", user, by=user, at=now)
    audit.forget_origins(user)
    links.unlink_everything(viewer=user, now=now)
    forgotten = (EmailAddress, EmailChange, Authenticator, SocialAccount, UserSession, Membership)
    for model in (*forgotten, Notice, NoticeSwitch):
        model.objects.filter(user=user).delete()
    ConnectVisit.objects.filter(viewer=user).delete()
    # Those about the account itself went to its address.
    Notice.objects.filter(user=None, organization=None, address=user.email).delete()
    account_deleted.send(sender=User, user=user, now=now)
    images.drop(user.profile_picture)
    # Not to be guessed: a name that somebody could have taken before would stand in the way.
    user.username = f"deleted_{token_hex(8)}"
    user.email = ""
    user.profile_picture = user.time_zone = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.deleted_at = now
    user.set_unusable_password()
    user.full_clean()
    user.save()
