"""Which mails a member gets about the organization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit import access
from accounts.dashboard.kit.sites import site
from accounts.domain.notices import switches
from accounts.domain.notices.kinds import Kind
from accounts.domain.permissions import Action


class NoticesForm(forms.Form):
    """A box for each kind; those that are always on are shown ticked, with the reason."""

    def __init__(self, choices: Mapping[Kind, bool], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = list(choices)
        for kind, is_on in choices.items():
            self.fields[kind.code] = forms.BooleanField(
                label=kind.label,
                help_text=format_lazy("{words} {always}", words=kind.words, always=kind.always),
                required=False,
                initial=is_on,
                disabled=bool(kind.always),
            )

    def wanted(self) -> list[Kind]:
        return [kind for kind in self.kinds if self.cleaned_data[kind.code]]


@site.page(
    "notices/", name="notices", action=Action.SEE_FIGURES, label=_("Your notices"), icon="bell", order=105
)
def notices(request: HttpRequest) -> HttpResponse:
    """The member switches each kind of mail on or off, for the open organization."""
    membership = access.active_membership(request)
    membership.user = access.member(request)
    form = NoticesForm(switches.choices(membership), request.POST if request.method == "POST" else None)
    if form.is_valid():
        with transaction.atomic():
            access.recheck(request, Action.SEE_FIGURES)
            switches.choose(membership=membership, wanted=form.wanted(), now=timezone.now())
        messages.success(request, _("Your notices were saved."))
        return redirect("dashboard:notices")
    context = {**site.each_context(request), "title": _("Your notices"), "form": form}
    return render(request, "dashboard/notices.html", context)
