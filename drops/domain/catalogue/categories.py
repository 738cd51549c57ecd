"""Categories: made by operators, and given to the organization whose game it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext as _, ngettext

from accounts.domain import audit, images, permissions
from accounts.domain.applications import Claim
from accounts.domain.consequences import Consequence
from accounts.domain.permissions import Action
from accounts.domain.verbs import explained
from accounts.models import Organization, OrganizationState, User, new_ulid
from drops.models import Campaign, Category, Reward

IMAGE_SIZE = (600, 800)
MOST_NAMED = 10


@transaction.atomic
def create_category(
    *, name: str, slug: str, organization: Organization | None, image: File | None, now: datetime, actor: User
) -> Category:
    """A new category, claimed by `organization` or by nobody yet. ValidationError per field."""
    category = Category(name=name, slug=slug, organization=organization)
    _save(category, image)
    _record("category.created", category, now, actor, organization)
    return category


@transaction.atomic
def change_category(
    *,
    category: Category,
    name: str,
    slug: str,
    organization: Organization | None,
    image: File | None,
    now: datetime,
    actor: User,
) -> Category:
    """Replace what `category` says; `organization` is who claims it from now on, `image` None keeps the present one.

    ValidationError where another organization claims it: `take_category` comes first.
    """
    category = _lock(category)
    if category.organization not in (None, organization):
        raise ValidationError({"organization": _claimed(category)})
    category.name, category.slug, category.organization = name, slug, organization
    _save(category, image)
    _record("category.changed", category, now, actor, organization)
    return category


def category_by_id(number: int) -> Category | None:
    """The category of that id, or what it was merged into."""
    if number >= 2**63:
        return None
    found = Category.every.select_related("merged_into").filter(pk=number).first()
    return found and (found.merged_into or found)


def present_slug(slug: str) -> str:
    """Of what the category of that slug was merged into. Empty where it was not merged, or there is none."""
    if not slug or "\0" in slug:
        return ""
    found = Category.every.filter(slug=slug).exclude(merged_into=None)
    return found.values_list("merged_into__slug", flat=True).first() or ""


def usable(organization: Organization) -> QuerySet[Category]:
    """What its rewards and campaigns may be of: what it claims; and while it waits for approval, what it asks for and
    nobody claims.
    """
    which = Q(organization=organization)
    if organization.state is OrganizationState.WAITING:
        for name in organization.requested:
            which |= Q(organization=None) & _is_named(name)
    return Category.objects.filter(which)


def is_usable(category: Category, row: Reward | Campaign) -> bool:
    """By the organization of `row`."""
    is_own = category.organization_id == row.organization_id
    return is_own or usable(row.organization).filter(pk=category.pk).exists()


@transaction.atomic
def take_category(*, category: Category, reason: str, now: datetime, actor: User) -> Category:
    """Nobody claims the category any more.

    ValidationError without a reason, which the members of the organization read, and while it has a published
    campaign in the category that has not closed.
    """
    permissions.require_operator(actor, Action.OPERATE)
    category = _lock(category)
    before = category.organization
    if before is None:
        raise ValidationError(why_not_take(category, now))
    _refuse_while_running(category, now)
    data = explained(reason)
    category.organization = None
    category.save(update_fields=["organization"])
    _record("category.changed", category, now, actor, before, data)
    return category


@transaction.atomic
def transfer_category(
    *, category: Category, organization: Organization, reason: str, now: datetime, actor: User
) -> Category:
    """`organization` claims the category from now on, instead of another.

    ValidationError without a reason, which both read, and as for `take_category`.
    """
    permissions.require_operator(actor, Action.OPERATE)
    category = _lock(category)
    before = category.organization
    if before is None or before == organization:
        raise ValidationError({"organization": why_not_take(category, now) or _claimed(category)})
    if not organization.is_active:
        raise ValidationError(
            {"organization": _("Choose an organization that is approved and not suspended.")}
        )
    _refuse_while_running(category, now)
    data = explained(reason)
    category.organization = organization
    category.save(update_fields=["organization"])
    for told in (before, organization):
        _record("category.changed", category, now, actor, told, {"claimed_before_by": before.name, **data})
    return category


def of_transferring(category: Category, now: datetime) -> list[Consequence]:
    """The campaigns that stand in the way, and those that can no longer be published."""
    campaigns = Campaign.objects.filter(category=category, organization=category.organization_id)
    running = _named_campaigns(campaigns.filter(published_at__isnull=False, closes_at__gt=now))
    drafts = _named_campaigns(campaigns.filter(published_at=None))
    words = {"organization": category.organization, "running": running, "drafts": drafts}
    found = []
    if running:
        found.append(
            Consequence(
                _("It has to wait until these campaigns of %(organization)s have closed: %(running)s.")
                % words
            )
        )
    if drafts:
        found.append(Consequence(_("%(organization)s can no longer publish its drafts: %(drafts)s.") % words))
    found.append(
        Consequence(
            _("Campaigns that have closed, and what was claimed, stay with %(organization)s.") % words
        )
    )
    return found


def _refuse_while_running(category: Category, now: datetime) -> None:
    """ValidationError, with their names, while the organization that claims it has campaigns that have not closed."""
    running = Campaign.objects.filter(
        category=category,
        organization=category.organization_id,
        published_at__isnull=False,
        closes_at__gt=now,
    )
    if named := _named_campaigns(running):
        raise ValidationError(
            _("%(organization)s has a campaign in this category that has not closed yet: %(campaigns)s.")
            % {"organization": category.organization, "campaigns": named}
        )


def _named_campaigns(campaigns: QuerySet[Campaign]) -> str:
    """Their names, of many the first."""
    found = list(campaigns.order_by("starts_at", "pk").values_list("name", flat=True)[: MOST_NAMED + 1])
    return ", ".join([f"“{name}”" for name in found[:MOST_NAMED]] + ["…"] * (len(found) > MOST_NAMED))


def why_not_take(category: Category, now: datetime) -> str:
    if category.merged_into_id:
        return _("It was merged into another category.")
    return "" if category.organization_id else _("No organization claims the category.")


def of_taking(category: Category, now: datetime) -> list[Consequence]:
    """What the organization can do no more."""
    drafts = Campaign.objects.filter(category=category, published_at=None).count()
    words = {"organization": category.organization, "count": drafts}
    found = [Consequence(_("%(organization)s can publish no campaign in this category.") % words)]
    if drafts:
        text = ngettext(
            "It has %(count)d draft in this category.", "It has %(count)d drafts in this category.", drafts
        )
        found.append(Consequence(text % words))
    return found


def give_categories(
    *, organization: Organization, categories: Sequence[str], now: datetime, actor: User, **signal: object
) -> None:
    """`organization` claims them from now on; those that are not there are made.

    ValidationError where another organization claims one: an operator takes it from there first.
    """
    for name in categories:
        category = _named(name)
        if category is None:
            slug = slugify(name)[:100] or f"category-{new_ulid()[-6:].lower()}"
            create_category(name=name, slug=slug, organization=organization, image=None, now=now, actor=actor)
        elif category.organization is None:
            change_category(
                category=category,
                name=category.name,
                slug=category.slug,
                organization=organization,
                image=None,
                now=now,
                actor=actor,
            )
        elif category.organization != organization:
            raise ValidationError(_claimed(category))


def claims_of(*, organization: Organization, **signal: object) -> list[Claim]:
    """What becomes of each category that `organization` asks for, if it is approved."""
    found = []
    for name in organization.requested:
        category = _named(name)
        if category is None:
            words = _("“%(name)s” is new, and is made for it.") % {"name": name}
        elif category.organization is None:
            words = _("“%(name)s” is claimed by nobody.") % {"name": category}
        else:
            words = _claimed(category)
        found.append(Claim(name, words, category is None or category.organization in (None, organization)))
    return found


def _named(name: str) -> Category | None:
    return Category.objects.select_related("organization").filter(_is_named(name)).order_by("pk").first()


def _is_named(name: str) -> Q:
    """By its name, or the address that its name makes: "Skyforge: Rally" is "skyforge rally"."""
    slug = slugify(name)
    return Q(name__iexact=name) | Q(slug=slug) if slug else Q(name__iexact=name)


def _claimed(category: Category) -> str:
    return _("“%(name)s” is claimed by %(organization)s.") % {
        "name": category,
        "organization": category.organization,
    }


def _lock(category: Category) -> Category:
    rows = Category.objects.select_for_update(no_key=True, of=("self",)).select_related("organization")
    return rows.get(pk=category.pk)


def _save(category: Category, image: File | None) -> None:
    category.full_clean(exclude=["image"])
    for field in ("name", "slug"):
        merged = Category.every.exclude(merged_into=None).filter(**{field: getattr(category, field)})
        if found := merged.select_related("merged_into").first():
            text = _("“%(name)s” was merged into “%(into)s”, and its name stays with it.")
            raise ValidationError({field: text % {"name": found, "into": found.merged_into}})
    if image:
        images.store(category, "image", image, size=IMAGE_SIZE)
    category.save()


def _record(
    action: str,
    category: Category,
    now: datetime,
    actor: User,
    organization: Organization | None,
    more: Mapping[str, str] | None = None,
) -> None:
    claimed_by = category.organization.name if category.organization else None
    audit.record(
        action,
        category,
        by=actor,
        at=now,
        organization=organization,
        data={"name": category.name, "claimed_by": claimed_by, **(more or {})},
    )
