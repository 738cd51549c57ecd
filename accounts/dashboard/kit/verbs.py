"""Buttons on an object: each has a confirm page, and calls one verb of the domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.dashboard.kit.access import recheck, require
from accounts.dashboard.kit.proposing import propose, waiting_context
from accounts.domain.permissions import Action
from accounts.domain.two_owners import Act, SecondOwnerNeeded

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from accounts.dashboard.kit.objects import OrganizationAdmin
    from accounts.domain.consequences import Consequence

Run = Callable[[Any, HttpRequest, Any], HttpResponse | None]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A button on an object, its confirm page, and the function that calls the domain.

    `question` and `done` may name the object as %(object)s. The button is shown unless the domain's `why_not` says
    something.
    `consequences` are what the confirm page lists. A verb that talks to other servers is not `in_transaction`.
    `act`: what another owner has to agree to first, where the two-owner rule holds.
    """

    name: str
    label: StrOrPromise
    question: StrOrPromise
    run: Run
    action: Action | None = None  # the admin's `change`, unless it is another
    done: StrOrPromise = ""
    why_not: Callable[[Any, datetime], str] = lambda _obj, _now: ""
    tone: str = ""
    in_transaction: bool = True
    act: Act | None = None
    consequences: Callable[[Any, datetime], Sequence[Consequence]] = lambda _obj, _now: ()


def verb_view(model_admin: OrganizationAdmin, verb: Verb) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest, object_id: str) -> HttpResponse:
        obj = model_admin.object_or_404(request, object_id)
        action = model_admin.action_of(verb)
        require(request, action)
        if request.method != "POST":
            return _confirm_page(model_admin, request, verb, obj)
        try:
            with transaction.atomic():
                recheck(request, action)
                response = verb.run(model_admin, request, obj) if verb.in_transaction else None
            if not verb.in_transaction:
                response = verb.run(model_admin, request, obj)
        except ValidationError as refusal:
            for text in refusal.messages:
                messages.error(request, text)
            return redirect(model_admin.url_of(obj))
        except SecondOwnerNeeded as needed:
            propose(request, needed)
            return redirect(model_admin.url_of(obj))
        if verb.done:
            messages.success(request, verb.done % {"object": obj})
        return response or redirect(model_admin.url_of(obj))

    return view


def _confirm_page(model_admin: OrganizationAdmin, request: HttpRequest, verb: Verb, obj: Any) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{verb.label}: {obj}",
        "verb": verb,
        "question": verb.question % {"object": f"“{obj}”"},
        "consequences": verb.consequences(obj, timezone.now()),
        **waiting_context(request, verb.act, obj),
        "obj": obj,
        "opts": model_admin.opts,
        "back": model_admin.url_of(obj),
        "list_url": model_admin.url("changelist"),
        "model_admin": model_admin,
    }
    return TemplateResponse(request, "dashboard/confirm.html", context)
