"""What operators do to a row: a button on its page and, for several rows, an action of its list.

Both lead to a page that says what the verb does and what follows from it. A verb that harms somebody wants a reason,
which the audit trail keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy

from accounts.domain.consequences import MANY, Consequence
from accounts.domain.permissions import Action
from accounts.domain.verbs import ALREADY, MAX_REASON
from accounts.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from accounts.admin.base import OperatorAdmin

# So many rows are decided on at once: as many as somebody reads through.
MOST_AT_ONCE = 50
# In what the page posts: somebody has seen it.
DECIDED = "decided"


class Order(NamedTuple):
    """Who wants it, since when, and for which reason: empty where none was asked for."""

    now: datetime
    actor: User
    reason: str


@dataclass(frozen=True, kw_only=True)
class OperatorVerb:
    """`run` calls one verb of the domain, and may return a page to show.

    `fields` are what else the page asks for a row; `run` takes what was chosen as keywords.
    `done` may name the rows as %(rows)s. `why_not` is the domain's answer for a row. `people`: how many a row
    affects; where they are many, its name has to be typed.
    """

    name: str
    label: StrOrPromise
    question: StrOrPromise
    run: Callable[..., HttpResponse | None]  # of the admin, the request, the row and the Order
    done: StrOrPromise = ""
    why_not: Callable[[Any, datetime], str] = lambda _row, _now: ""
    consequences: Callable[[Any, datetime], Sequence[Consequence]] = lambda _row, _now: ()
    people: Callable[[Any], int] = lambda _row: 0
    fields: Callable[[Any], Mapping[str, forms.Field]] = lambda _row: {}
    harms: bool = True
    action: Action = Action.OPERATE
    for_lists: bool = True

    def refusal(self, row: Any, now: datetime) -> str:
        why_not = self.why_not(row, now)
        return _("This was done before.") if why_not == ALREADY else why_not


class Candidate(NamedTuple):
    """A row that was chosen. `refusal`: why it stays as it is."""

    row: Any
    refusal: str
    consequences: Sequence[Consequence]


class OrderForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The audit trail keeps it. Members of the organization can read it there."),
    )
    typed_name = forms.CharField(required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(
        self, data: Any, *, with_reason: bool, name: str, more: Mapping[str, forms.Field] | None = None
    ) -> None:
        super().__init__(data)
        self.name = name
        self.more = dict(more or {})
        self.fields = {**self.more, **self.fields}
        if not with_reason:
            del self.fields["reason"]
        if name:
            text = _("This affects at least %(count)d people. Type “%(name)s” to confirm.")
            self.fields["typed_name"].label = text % {"count": MANY, "name": name}
        else:
            del self.fields["typed_name"]

    def clean_typed_name(self) -> str:
        typed = str(self.cleaned_data["typed_name"]).strip()
        if typed != self.name:
            raise ValidationError(_("Type the name exactly as it is shown."))
        return typed


def ask_and_do(
    model_admin: OperatorAdmin, request: HttpRequest, verb: OperatorVerb, rows: Sequence[Any], *, back: str
) -> HttpResponse:
    """Show what the verb would do to the rows; and once somebody has confirmed it, do it."""
    now = timezone.now()
    candidates = [_candidate(verb, row, now) for row in rows[:MOST_AT_ONCE]]
    able = [each.row for each in candidates if not each.refusal]
    of_many = [row for row in able if verb.people(row) >= MANY]
    refused = [f"{each.row}: {each.refusal}" for each in candidates if each.refusal]
    refusals = [] if able else refused
    if len(rows) > MOST_AT_ONCE:
        refusals = [_("Choose at most %(count)d rows.") % {"count": MOST_AT_ONCE}]
    elif of_many and len(able) > 1:
        text = _("%(row)s: this affects at least %(count)d people. Choose this row alone.")
        refusals = [text % {"row": row, "count": MANY} for row in of_many]
    if refusals:
        for text in refusals:
            messages.error(request, text)
        return redirect(back)
    form = OrderForm(
        request.POST if DECIDED in request.POST else None,
        with_reason=verb.harms,
        name=str(of_many[0]) if of_many else "",
        more=verb.fields(able[0]),
    )
    if form.is_valid():
        order = Order(now, cast("User", request.user), form.cleaned_data.get("reason", ""))
        chosen = {name: form.cleaned_data[name] for name in form.more}
        for text in refused:
            messages.error(request, text)
        done = _carry_out(model_admin, request, verb, able, order, chosen)
        return done or redirect(back)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": verb.label if len(able) > 1 else f"{verb.label}: {able[0]}",
        "verb": verb,
        "candidates": candidates,
        "chosen": able,
        "checkbox": ACTION_CHECKBOX_NAME,
        "form": form,
        "decided": DECIDED,
        "back": back,
        "in_list": "action" in request.POST,
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/verb.html", context)


def _candidate(verb: OperatorVerb, row: Any, now: datetime) -> Candidate:
    refusal = verb.refusal(row, now)
    return Candidate(row, refusal, () if refusal else verb.consequences(row, now))


def _carry_out(
    model_admin: OperatorAdmin,
    request: HttpRequest,
    verb: OperatorVerb,
    rows: Sequence[Any],
    order: Order,
    chosen: Mapping[str, Any],
) -> HttpResponse | None:
    """Each row for itself: what is refused for one of them keeps none of the others."""
    done, page = [], None
    for row in rows:
        try:
            with transaction.atomic():
                model_admin.before_write(request)
                page = verb.run(model_admin, request, row, order, **chosen)
        except ValidationError as refusal:
            messages.error(request, f"{row}: {' '.join(refusal.messages)}")
        else:
            done.append(str(row))
    if done and verb.done:
        messages.success(request, verb.done % {"rows": ", ".join(done)})
    return page
