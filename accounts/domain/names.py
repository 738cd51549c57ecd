"""Names that viewers trust: what looks like another name counts as the same."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import Organization, OrganizationState

# Letters of other scripts, and digits, that are drawn like a Latin letter. Not all of Unicode's list: those
# that a whole word can be written with.
_LOOK_ALIKE = str.maketrans(
    "авеёһніїјӏкморԛсѕтуүѵԝхԁαβεηικνορτυχωıł01345$@|!",  # noqa: RUF001
    "abeehhiijlkmopqcstyyvwxdabenikvoptuxwiloleassall",
)
# What speaks for the site itself. Parts of words are anybody's: "drops_fan" is free.
RESERVED_USERNAMES = (
    "abuse admin administrator api billing dashboard drops drops_official drops_support drops_team help moderator "
    "noreply no_reply official operator operators owner postmaster root security settings staff support sysadmin "
    "system team trust webmaster"
)


def skeleton(name: str) -> str:
    """`name` as the eye reads it: without case, accents, spaces and punctuation, look-alikes as one letter."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    letters = "".join(each for each in folded if not unicodedata.combining(each)).translate(_LOOK_ALIKE)
    letters = re.sub(r"[\W_]", "", letters)
    return letters.replace("rn", "m").replace("vv", "w").replace("i", "l")


RESERVED = frozenset(skeleton(name) for name in RESERVED_USERNAMES.split())


def refuse_reserved_username(username: str) -> None:
    """ValidationError for a username that reads like one of the site's own."""
    if skeleton(username) in RESERVED:
        raise ValidationError(_("This username is reserved. Choose another one."), code="reserved")


def refuse_look_alike(name: str, *, of: Organization | None) -> None:
    """ValidationError where `name` reads like that of another organization that was approved before."""
    approved = Organization.objects.exclude(OrganizationState.WAITING.of())
    others = approved.exclude(pk=of.pk) if of is not None else approved
    taken = {skeleton(other) for other in others.values_list("name", flat=True)}
    if not skeleton(name) or skeleton(name) in taken:
        raise ValidationError(
            {"name": _("Another organization has this name, or one that looks like it.")}, code="look_alike"
        )
