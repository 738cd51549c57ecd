"""Names that viewers trust: what looks like another name counts as the same."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import ChangeState, Organization, OrganizationState, TakenName
from config.locks import lock

# Letters of other scripts, and digits, that are drawn like a Latin letter. Not all of Unicode's list: those
# that a whole word can be written with. A change of what follows needs a migration that computes the keys anew.
_LOOK_ALIKE = str.maketrans(
    "авеёһніїјӏкморԛсѕтуүѵԝхԁѡαβεηικνορτυχωıłɑɡǀոսօհց01345$@|!",  # noqa: RUF001
    "abeehhiijlkmopqcstyyvwxdwabenikvoptuxwilaglnuohgoleassall",
)
# Letters and marks that are drawn as nothing.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000))))
)
# What turns the direction of writing, and so what a name reads like; and what breaks a line.
_TURNS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# What speaks for the site itself. Parts of words are anybody's: "drops_fan" is free.
RESERVED_USERNAMES = (
    "abuse admin administrator api billing dashboard drops drops_official drops_support drops_team help moderator "
    "noreply no_reply official operator operators owner postmaster root security settings staff support sysadmin "
    "system team trust webmaster"
)


def skeleton(name: str) -> str:
    """`name` as the eye reads it: without case, accents, spaces and punctuation, look-alikes as one letter."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    drawn = "".join(each for each in folded.translate(_LOOK_ALIKE) if _is_letter(each))
    return drawn.replace("rn", "m").replace("vv", "w").replace("i", "l")


def _is_letter(character: str) -> bool:
    """Letters, digits, and the vowels that some scripts write as marks. Accents, which combine, are none."""
    if character in _INVISIBLE:
        return False
    is_vowel = unicodedata.category(character) in ("Mn", "Mc") and not unicodedata.combining(character)
    return character.isalnum() or is_vowel


RESERVED = frozenset(skeleton(name) for name in RESERVED_USERNAMES.split())


def refuse_reserved_username(username: str) -> None:
    """ValidationError for a username that reads like one of the site's own."""
    if skeleton(username) in RESERVED:
        raise ValidationError(_("This username is reserved. Choose another one."), code="reserved")


def key_of(name: str) -> str:
    """What `TakenName` keeps of it. Names that begin alike for so long look alike, too."""
    return skeleton(name)[: TakenName._meta.get_field("key").max_length]


def shown_by(organization: Organization) -> list[str]:
    """The names that are kept for `organization`.

    One that waits for approval keeps its own, and none of its apps: whoever registers could keep any number of
    others' names. One that was refused keeps none, one that is suspended keeps all.
    """
    if not organization.was_approved:
        return [] if organization.state == OrganizationState.SUSPENDED else [organization.name]
    apps = organization.oauth_apps.filter(deleted_at=None).values_list("name", flat=True)
    wanted = organization.changes.filter(state=ChangeState.WAITING).values_list("name", flat=True)
    return [organization.name, *filter(None, wanted), *apps]


def hold(organization: Organization | None, *names: str) -> None:
    """From now on `names` belong to `organization` alone, and those that it no longer shows are free.

    None is the platform itself, which frees no name. To be called in the transaction that saves the names, after
    them. ValidationError on `name` where another organization has one, or one that looks like it.
    """
    if organization is not None:
        organization = lock(organization)
    own = TakenName.objects.filter(organization=organization)
    # Everything new in order, and only then what is free: two transactions never wait for each other.
    for key, name in sorted((key_of(name), name) for name in names):
        if _TURNS.search(name):
            raise _refused(_("The name has characters that cannot be seen. Type it anew."), "invisible")
        if not own.filter(key=key).exists():
            _take(key, name, organization)
    if organization is not None:
        own.exclude(key__in={key_of(name) for name in shown_by(organization)}).delete()


def _take(key: str, name: str, organization: Organization | None) -> None:
    if not key:
        raise _refused(_("A name needs letters or digits."), "no_letters")
    if organization is not None and key in RESERVED:
        raise _refused(_("This name is reserved. Choose another one."), "reserved")
    try:
        with transaction.atomic():
            TakenName.objects.create(key=key, organization=organization)
    except IntegrityError as error:
        taken = _(
            "“%(name)s” is taken: another organization has this name, or one that looks like it. Choose another one, "
            "or ask an operator of the platform if the name is yours."
        )
        raise _refused(taken % {"name": name}, "look_alike") from error


def _refused(text: str, code: str) -> ValidationError:
    return ValidationError({"name": ValidationError(text, code=code)})
