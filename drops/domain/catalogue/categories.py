"""Categories: made by operators, and given to the organization whose game it is."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, images
from accounts.models import Organization, User
from drops.models import Category

IMAGE_SIZE = (600, 800)


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

    ValidationError while another organization has a published campaign in it that has not closed.
    """
    category = (
        Category.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization")
        .get(pk=category.pk)
    )
    before = category.organization
    if before is not None and before != organization:
        running = before.campaigns.filter(category=category, published_at__isnull=False, closes_at__gt=now)
        if running.exists():
            raise ValidationError(
                {
                    "organization": _(
                        "%(organization)s has a campaign in this category that has not closed yet."
                    )
                    % {"organization": before}
                }
            )
    category.name, category.slug, category.organization = name, slug, organization
    _save(category, image)
    _record("category.changed", category, now, actor, organization or before)
    return category


def _save(category: Category, image: File | None) -> None:
    category.full_clean(exclude=["image"])
    if image:
        images.store(category, "image", image, size=IMAGE_SIZE)
    category.save()


def _record(
    action: str, category: Category, now: datetime, actor: User, organization: Organization | None
) -> None:
    claimed_by = category.organization.name if category.organization else None
    audit.record(
        action,
        category,
        by=actor,
        at=now,
        organization=organization,
        data={"name": category.name, "claimed_by": claimed_by},
    )
