"""Pages on the way into the dashboard, and the organization's own settings."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.dashboard.forms import AnswerForm, OrganizationForm, RegistrationForm
from accounts.dashboard.kit import access
from accounts.dashboard.kit.sites import site
from accounts.domain import applications, members, organization_changes, organizations
from accounts.domain.permissions import Action
from accounts.models import Organization, OrganizationChange
from accounts.uploads import pictures_of


@site.open_page("register/", name="register")
@login_required
def register(request: HttpRequest) -> HttpResponse:
    """Register an organization: where people who belong to none are sent."""
    is_post = request.method == "POST"
    form = RegistrationForm(request.POST, pictures_of(request)) if is_post else RegistrationForm()
    if is_post and form.is_valid():
        fields = form.cleaned_data
        try:
            organization = organizations.register_organization(
                founder=access.member(request),
                name=fields["name"],
                url=fields["url"],
                connect_url=fields["connect_url"],
                requested_categories=fields["requested_categories"],
                contact_email=fields["contact_email"],
                logo=fields["new_logo"],
                plan=fields["plan"],
                now=timezone.now(),
            )
        except ValidationError as refusal:
            show_refusal(form, refusal)
        else:
            request.session[access.SESSION_KEY] = organization.pk
            messages.success(
                request,
                _("%(organization)s was registered and is waiting for approval.")
                % {"organization": organization},
            )
            return redirect("dashboard:index")
    return render(request, "dashboard/register.html", {"form": form})


@site.open_page("switch/", name="switch")
@require_POST
@login_required
def switch(request: HttpRequest) -> HttpResponse:
    """Open another organization of this member's."""
    slug = request.POST.get("organization")
    own = access.memberships_of(request)
    membership = next((each for each in own if each.organization.slug == slug), None)
    if membership is None:
        raise Http404
    members.open_dashboard(membership=membership, now=timezone.now())
    request.session[access.SESSION_KEY] = membership.organization_id
    return redirect("dashboard:index")


@site.page(
    "settings/", name="settings", action=Action.SEE_SETUP, label=_("Settings"), icon="settings", order=110
)
def settings(request: HttpRequest) -> HttpResponse:
    """The organization's name, addresses and logo."""
    organization = access.active_organization(request)
    if request.method != "POST":
        form = OrganizationForm(instance=organization)
    else:
        form = OrganizationForm(
            request.POST, pictures_of(request), instance=Organization.objects.get(pk=organization.pk)
        )
        if form.is_valid():
            try:
                _change_organization(request, form)
            except ValidationError as refusal:
                show_refusal(form, refusal)
            else:
                _say_saved(request, form)
                return redirect("dashboard:settings")
    context = {
        **site.each_context(request),
        "title": _("Settings"),
        "form": form,
        "change": organization_changes.change_to_show(organization, now=timezone.now()),
    }
    return render(request, "dashboard/settings.html", context)


def _say_saved(request: HttpRequest, form: OrganizationForm) -> None:
    if access.active_organization(request).was_approved and not {"name", "logo"}.isdisjoint(form.changes()):
        messages.success(request, _("The settings were saved. The new name or logo waits for approval."))
    else:
        messages.success(request, _("The settings were saved."))


@site.page("settings/withdraw/", name="withdraw_change", action=Action.CHANGE_SETTINGS)
def withdraw_change(request: HttpRequest) -> HttpResponse:
    """Ask no longer for the change that the form on the settings page was drawn with."""
    if request.method == "POST":
        waiting = organization_changes.waiting_change(access.active_organization(request))
        if waiting is None or str(waiting.pk) != request.POST.get("change"):
            messages.error(request, _("This change no longer waits for a decision. Nothing was changed."))
        else:
            _withdraw(request, waiting)
    return redirect("dashboard:settings")


def _withdraw(request: HttpRequest, change: OrganizationChange) -> None:
    try:
        with transaction.atomic():
            access.recheck(request, Action.CHANGE_SETTINGS)
            organization_changes.withdraw_change(
                change=change, now=timezone.now(), actor=access.member(request)
            )
    except ValidationError as refusal:  # an operator decided at this very moment
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("The change was withdrawn."))


@site.page("application/", name="application", action=Action.SEE_SETUP)
def application(request: HttpRequest) -> HttpResponse:
    """What was asked and said until the organization was approved or refused."""
    organization = access.active_organization(request)
    form = AnswerForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        access.require(request, Action.CHANGE_SETTINGS)
    if form.is_valid():
        try:
            _answer(request, form.cleaned_data["text"])
        except ValidationError as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("Your answer was sent. The operators get a mail."))
            return redirect("dashboard:application")
    steps = list(organization.application_steps.all())
    context = {
        **site.each_context(request),
        "title": _("Application"),
        "steps": steps,
        "form": form,
        "is_asked": not applications.why_not_answer(steps[-1] if steps else None),
    }
    return render(request, "dashboard/application.html", context)


@transaction.atomic
def _answer(request: HttpRequest, text: str) -> None:
    access.recheck(request, Action.CHANGE_SETTINGS)
    applications.answer(
        organization=access.active_organization(request),
        text=text,
        now=timezone.now(),
        actor=access.member(request),
    )


@transaction.atomic
def _change_organization(request: HttpRequest, form: OrganizationForm) -> None:
    access.recheck(request, Action.CHANGE_SETTINGS)
    organizations.change_organization(
        organization=access.active_organization(request),
        now=timezone.now(),
        actor=access.member(request),
        **form.changes(),
    )


def show_refusal(form: forms.BaseForm, refusal: ValidationError) -> None:
    """Put what the domain said onto the fields it spoke of."""
    errors: dict[str, list[ValidationError]] = refusal.update_error_dict({})
    for name, found in errors.items():
        field = f"new_{name}" if f"new_{name}" in form.fields else name
        form.add_error(field if field in form.fields else None, found)
