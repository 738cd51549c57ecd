"""The review of an organization that asks to be let in: approve, ask back or refuse, each on a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import OperatorAdmin, operator
from accounts.domain import applications, organizations
from accounts.models import ApplicationStep, Organization, User

if TYPE_CHECKING:
    from django.urls import URLPattern
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A button on the page of an organization, and its confirm page. `text_label` is of what has to be written."""

    name: str
    label: StrOrPromise
    question: StrOrPromise
    done: StrOrPromise
    run: Callable[[Organization, Mapping[str, Any], datetime, User], object]  # with what the form holds
    why_not: Callable[[Organization], str] = applications.why_not_decide
    text_label: StrOrPromise = ""
    gives_categories: bool = False
    tone: str = ""


DECISIONS = (
    Decision(
        name="approve",
        label=_("Approve"),
        question=_(
            "Viewers see %(object)s, its logo and those of its apps from now on, and it can publish campaigns."
        ),
        done=_("%(object)s was approved. Its owners get a mail."),
        why_not=applications.why_not_approve,
        run=lambda row, form, now, actor: organizations.approve_organization(
            organization=row, seen=form["seen"], categories=form.get("categories", ()), now=now, actor=actor
        ),
        gives_categories=True,
    ),
    Decision(
        name="ask",
        label=_("Ask back"),
        question=_("%(object)s goes on waiting. Its owners get a mail, and answer in their dashboard."),
        done=_("The owners of %(object)s are asked."),
        run=lambda row, form, now, actor: applications.ask_back(
            organization=row, question=form["text"], now=now, actor=actor
        ),
        text_label=_("Question"),
    ),
    Decision(
        name="refuse",
        label=_("Refuse"),
        question=_(
            "Nothing in %(object)s can be changed any more, and its name is free. Its owners get a mail."
        ),
        done=_("%(object)s was refused. Its owners get a mail."),
        run=lambda row, form, now, actor: applications.refuse(
            organization=row, reason=form["text"], now=now, actor=actor
        ),
        text_label=_("Reason"),
        tone="danger",
    ),
)


class DecisionForm(forms.Form):
    """`seen` is what the page was drawn from (`applications.digest`)."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, decision: Decision, organization: Organization, sent: Any) -> None:
        super().__init__(sent, initial={"seen": applications.digest(organization)})
        if decision.text_label:
            self.fields["text"] = forms.CharField(
                label=decision.text_label,
                help_text=_("The owners read it."),
                max_length=ApplicationStep._meta.get_field("text").max_length,
                widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
            )
        claims = applications.claims_of(organization) if decision.gives_categories else []
        if claims:
            self.fields["categories"] = forms.MultipleChoiceField(
                label=_("Categories that it gets"),
                help_text=_("To give it one that another organization claims, change that category first."),
                choices=[(claim.name, claim.words) for claim in claims],
                initial=[claim.name for claim in claims if claim.is_free],
                widget=forms.CheckboxSelectMultiple,
                required=False,
            )


class ReviewAdmin(OperatorAdmin):
    """The pages of the decisions, for the admin of organizations."""

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"<path:object_id>/{decision.name}/",
                self.admin_site.admin_view(self.decision_view),
                {"decision": decision},
                name=f"accounts_organization_{decision.name}",
            )
            for decision in DECISIONS
        ] + super().get_urls()

    def decision_view(self, request: HttpRequest, object_id: str, decision: Decision) -> HttpResponse:
        organization = self.get_object(request, unquote(object_id))
        if organization is None:
            raise Http404
        back = reverse("admin:accounts_organization_change", args=[organization.pk])
        if why_not := decision.why_not(organization):
            messages.error(request, why_not)
            return redirect(back)
        form = DecisionForm(decision, organization, request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                self._decide(request, organization, decision, form.cleaned_data)
            except ValidationError as refusal:
                for message in refusal.messages:
                    messages.error(request, message)
            else:
                messages.success(request, decision.done % {"object": organization})
                return redirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{decision.label}: {organization}",
            "question": decision.question % {"object": f"“{organization}”"},
            "opts": self.opts,
            "original": organization,
            "apps": organization.oauth_apps.filter(deleted_at=None).order_by("pk"),
            "steps": organization.application_steps.select_related("by"),
            "decision": decision,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "admin/decision.html", context)

    @transaction.atomic
    def _decide(
        self, request: HttpRequest, organization: Organization, decision: Decision, form: Mapping[str, Any]
    ) -> None:
        self.before_write(request)
        decision.run(organization, form, timezone.now(), operator(request))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        organization = kwargs["obj"]
        context["decisions"] = [
            (each, reverse(f"admin:accounts_organization_{each.name}", args=[organization.pk]))
            for each in DECISIONS
            if organization is not None and not each.why_not(organization)
        ]
        return super().render_change_form(request, context, *args, **kwargs)
