"""Who may do what in an organization: the one place that dashboard, API and views ask.

A stranger is told 404 (nothing there), a member without the right 403.
"""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import MemberRole, Organization, User


def organizations_of(user: User) -> QuerySet[Organization]:
    """The organizations `user` is a member of, by name."""
    return Organization.objects.filter(memberships__user=user)


def may_change(*, user: User, organization: Organization) -> bool:
    """True for members whose role lets them change things (owners)."""
    role = organization.memberships.filter(user=user).values_list("role", flat=True).first()
    return role is not None and MemberRole(role).may_change
