"""The kinds of notices. An app registers its own beside the verbs that they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.domain import permissions
from accounts.domain.permissions import Action
from accounts.models import Organization, User
from accounts.models.notices import Outgoing

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Why a kind cannot be switched off.
SECURITY = _("It concerns the security of the organization, and so cannot be switched off.")


def _as_typed(_row: Any, address: str) -> str:
    return address


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Something that people are told.

    `template`: the mail, `<template>_subject.txt` and `<template>.txt`; a function of the row where it depends on it.
    `action`: the members who may do it are told. `for_operators`: operators are. `for_viewers`: people as viewers are,
    who are named when it is written; no organization learns of it. With none, only those who are named.
    `still_for`: whether this viewer is still to be told.
    `always`: why it cannot be switched off; empty where it can.
    `values`: what the templates need, from the row and `data`; `is_current`: whether it is still true when it is sent.
    `good_for`: how long it is worth sending.
    `address_of`: the address that is meant, from the row and the address as it was typed; empty for none.
    `in_chat`: may be posted to the organization's chat, with a link to `path` of the row.
    """

    code: str
    label: StrOrPromise
    words: StrOrPromise
    model: type[Model]
    template: str | Callable[[Any], str]
    values: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]
    action: Action | None = None
    for_operators: bool = False
    for_viewers: bool = False
    still_for: Callable[[Any, User], bool] = lambda _row, _viewer: True
    always: StrOrPromise = ""
    on_at_first: bool = True
    related: tuple[str, ...] = ()
    is_current: Callable[[Any, Mapping[str, Any], datetime], bool] = lambda _row, _data, _now: True
    good_for: timedelta = timedelta(days=7)
    address_of: Callable[[Any, str], str] = _as_typed
    in_chat: bool = False
    path: Callable[[Any], str] | None = None

    def row(self, about: str) -> Any:
        """What a notice is about; None once it is gone."""
        return self.model._base_manager.select_related(*self.related).filter(pk=about).first()

    def rows(self, abouts: Iterable[str]) -> dict[str, Any]:
        """What notices are about, by the keys in them; those that are gone are left out. One query."""
        rows = self.model._base_manager.select_related(*self.related).filter(pk__in=set(abouts))
        return {str(row.pk): row for row in rows}

    def people(self, organization: Organization | None) -> QuerySet[User]:
        """Who may be told of it: in `organization`, or as operators."""
        if self.for_operators:
            return permissions.operators()
        if self.for_viewers:
            return User.objects.filter(is_active=True)
        if self.action is None or organization is None:
            return User.objects.none()
        return permissions.people_of(organization, who_may=self.action)

    def content(self, row: Any, data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The template, and what it needs."""
        template = self.template if isinstance(self.template, str) else self.template(row)
        return template, dict(self.values(row, data))


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    KINDS[kind.code] = kind
    return kind


def is_outdated(kind: Kind | None, row: Any, notice: Outgoing, now: datetime) -> bool:
    """Whether nobody needs to be told any more."""
    return (
        kind is None
        or row is None
        or notice.created_at <= now - kind.good_for
        or not kind.is_current(row, notice.data, now)
    )
