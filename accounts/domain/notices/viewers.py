"""What people are told as viewers: on their page of notices, and by mail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from accounts.domain.notices import switches
from accounts.domain.notices.kinds import KINDS, Kind, register
from accounts.models import Notice, NoticeEnd, NoticeSwitch, NoticeTimes, User

# A switch with this before the kind's code is about the page; one with the code alone is about mails.
HERE = "here:"
PAGE = 30

DIGEST = register(
    Kind(
        code="daily_digest",
        label=_("Daily digest"),
        words=_("One mail a day with all of them."),
        for_viewers=True,
        model=User,
        template="accounts/mail/digest",
        values=lambda _user, data: dict(data),
    )
)


def kinds() -> list[Kind]:
    """Those that a viewer may choose, in their order."""
    return [kind for kind in KINDS.values() if kind.for_viewers and kind is not DIGEST]


class Choice(NamedTuple):
    kind: Kind
    here: bool
    mail: bool


def choices(user: User) -> list[Choice]:
    """One query."""
    wishes = dict(NoticeSwitch.objects.filter(user=user, organization=None).values_list("kind", "is_on"))
    return [
        Choice(kind, wishes.get(HERE + kind.code, True), wishes.get(kind.code, kind.on_at_first))
        for kind in kinds()
    ]


@transaction.atomic
def choose(*, user: User, here: Iterable[str], mail: Iterable[str], now: datetime) -> None:
    """Codes of the kinds that are wanted on the page, and by mail; no others are."""
    wanted = {*(HERE + code for code in here), *mail}
    for choice in choices(user):
        for code, before in ((HERE + choice.kind.code, choice.here), (choice.kind.code, choice.mail)):
            if (code in wanted) != before:
                NoticeSwitch.objects.update_or_create(
                    user=user,
                    organization=None,
                    kind=code,
                    defaults={"is_on": code in wanted, "changed_at": now},
                )


def tell(
    kind: Kind,
    *,
    about: Model,
    once: str,
    viewers: Sequence[int],
    now: datetime,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Tell the viewers, by id, each once and as each wants to be told. Returns how many rows were tried. Two queries.

    To be called in the transaction of what it is about, or of the place in a list up to which it was told.
    """
    asked = NoticeSwitch.objects.filter(
        user__in=viewers, organization=None, kind__in=(kind.code, HERE + kind.code)
    )
    wishes = {(user, code): is_on for user, code, is_on in asked.values_list("user", "kind", "is_on")}
    rows = []
    for viewer in viewers:
        here = wishes.get((viewer, HERE + kind.code), True)
        mail = wishes.get((viewer, kind.code), kind.on_at_first)
        if here or mail:
            rows.append(
                Notice(
                    user_id=viewer,
                    for_viewer=True,
                    in_bell=here,
                    kind=kind.code,
                    about=str(about.pk),
                    once_key=f"{kind.code}:{about.pk}:{once}",
                    data=dict(data or {}),
                    created_at=now,
                    next_try_at=now if mail else None,
                    end="" if mail else NoticeEnd.OFF,
                    ended_at=None if mail else now,
                )
            )
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


class Line(NamedTuple):
    """`path`: empty where there is no page for it any more."""

    notice: Notice
    label: Any
    text: str
    path: str

    @property
    def is_new(self) -> bool:
        return self.notice.read_at is None


def page_of(*, user: User, before: int | None) -> tuple[list[Line], int | None]:
    """The person's latest notices, older than the one with the id `before`; and what to pass for the next page. One
    query, and one for each kind that there is."""
    found = Notice.objects.filter(user=user, in_bell=True)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-pk")[: PAGE + 1])
    more = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return _lines(rows[:PAGE]), more


def _lines(rows: Sequence[Notice]) -> list[Line]:
    abouts = defaultdict(set)
    for row in rows:
        abouts[row.kind].add(row.about)
    things = {code: KINDS[code].rows(keys) for code, keys in abouts.items() if code in KINDS}
    lines = []
    for row in rows:
        about = things.get(row.kind, {}).get(row.about)
        if about is not None:
            kind = KINDS[row.kind]
            lines.append(
                Line(row, kind.label, subject_of(kind, about, row), kind.path(about) if kind.path else "")
            )
    return lines


def subject_of(kind: Kind, row: Any, notice: Notice) -> str:
    """In one line, and in the reader's language."""
    template, values = kind.content(row, notice.data)
    text = render_to_string(f"{template}_subject.txt", {"site_url": settings.SITE_URL, **values})
    return " ".join(text.split())


def mark_read(*, user: User, now: datetime) -> None:
    """All that are there now."""
    Notice.objects.filter(user=user, in_bell=True, read_at=None, created_at__lte=now).update(read_at=now)


def switch_digest(*, user: User, on: bool, now: datetime) -> None:
    switches.switch(kind=DIGEST, recipient=user, organization=None, on=on, now=now)


def forget(*, user: User, **_: Any) -> None:
    """Receives `account_deleted`."""
    Notice.objects.filter(user=user, for_viewer=True).delete()
    NoticeSwitch.objects.filter(user=user, organization=None).delete()
    NoticeTimes.objects.filter(user=user).delete()
