"""A campaign's promise log as a signed document."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext, gettext_lazy, ngettext

from drops.domain.campaigns.promises import Difference, canonical, entries_of
from drops.models import Campaign
from fulfillment.domain.delivery.signing import sign_jws

# Entries in one document. `before` leads to older ones.
MOST = 500


class SignedLog(NamedTuple):
    """`body` as it is served, and the same as a compact JWS."""

    body: bytes
    jws: str

    @property
    def detached(self) -> str:
        """The JWS without its payload, which the body is (RFC 7515, appendix F)."""
        header, _payload, signature = self.jws.split(".")
        return f"{header}..{signature}"


def signed_log(campaign: Campaign, *, now: datetime, before: int | None = None) -> SignedLog:
    """The last entries of the log, oldest first, or the last before the number `before`. Raises NoSigningKey."""
    entries = campaign.promises.order_by("-number")
    if before is not None:
        entries = entries.filter(number__lt=before)
    document = {
        "campaign_id": campaign.pk,
        "organization": campaign.organization.name,
        "as_of": now.replace(microsecond=0).isoformat().replace("+00:00", "Z"),
        "entries": entries_of(reversed(entries[:MOST])),
    }
    body = canonical(document).encode()
    return SignedLog(body, sign_jws(body, now=now))


# How a page names what changed.
WORDS = {
    "name": gettext_lazy("Name"),
    "category": gettext_lazy("Category"),
    "announces_at": gettext_lazy("Announcement"),
    "starts_at": gettext_lazy("Start"),
    "ends_at": gettext_lazy("End"),
    "closes_at": gettext_lazy("Claim until"),
    "withdrawn_at": gettext_lazy("Withdrawn"),
    "reward": gettext_lazy("Reward"),
    "reward_name": gettext_lazy("Name of a reward"),
    "reward_required_minutes": gettext_lazy("Minutes"),
    "reward_image_sha256": gettext_lazy("Picture"),
    "reward_order": gettext_lazy("Order of the rewards"),
    "channels": gettext_lazy("Channels"),
}


class Told(NamedTuple):
    """A change in words. Moments stay moments; None stands for nothing."""

    what: str
    before: datetime | str | None
    after: datetime | str | None


def told(difference: Difference) -> Told:
    what = str(WORDS[difference.what])
    if difference.about:
        what = f"{what}: {difference.about}"
    before, after = (_told(difference.what, value) for value in (difference.before, difference.after))
    return Told(what, before, after)


def _told(what: str, value: Any) -> datetime | str | None:
    if value in (None, ""):
        return None
    if what.endswith("_at"):
        return datetime.fromisoformat(value)
    if what in ("reward", "reward_required_minutes"):
        return gettext("%(minutes)d min") % {"minutes": value}
    if what == "reward_image_sha256":
        return f"{value[:12]}…"
    if what == "channels":
        if not value["count"]:
            return gettext("every channel")
        names = ", ".join(value["names"])
        counted = ngettext("%(count)d channel", "%(count)d channels", value["count"])
        return f"{counted % {'count': value['count']}}{f': {names}' if names else ''}"
    return str(value)
