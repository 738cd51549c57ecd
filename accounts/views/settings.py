"""Profile, and the end of an account."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from allauth.account.views import password_set
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.domain import users
from accounts.forms import DeleteAccountForm, PictureForm, TimeZoneForm
from accounts.requests import SignedInRequest, browser_zone
from accounts.uploads import pictures_of
from config import zones

set_password = login_required(reauthentication_required(app="allauth.account")(password_set))


@login_required
def profile(request: SignedInRequest) -> HttpResponse:
    is_upload = request.method == "POST"
    form = PictureForm(request.POST, pictures_of(request)) if is_upload else PictureForm()
    if is_upload and form.is_valid():
        try:
            users.change_profile_picture(
                user=request.user, picture=form.cleaned_data["picture"], now=timezone.now()
            )
        except ValidationError as error:
            form.add_error("picture", error.messages)
        else:
            messages.success(request, _("Your picture was changed."))
            return redirect("accounts:settings")
    return render(request, "accounts/profile.html", {"form": form, "zone_form": _zone_form(request)})


@login_required
def remove_picture(request: SignedInRequest) -> HttpResponse:
    """Removes on POST. A GET comes from the sign-in on the way, and goes back to where the button is."""
    if request.method != "POST":
        return redirect("accounts:settings")
    users.change_profile_picture(user=request.user, picture=None, now=timezone.now())
    messages.success(request, _("Your picture was removed."))
    return redirect("accounts:settings")


@login_required
def time_zone(request: SignedInRequest) -> HttpResponse:
    """Changes the time zone on POST. A GET comes from the sign-in on the way, and goes back to where the button is."""
    if request.method != "POST":
        return redirect("accounts:settings")
    form = _zone_form(request, request.POST)
    if form.is_valid():
        users.change_time_zone(
            user=request.user, time_zone=form.cleaned_data["time_zone"], now=timezone.now()
        )
        messages.success(request, _("Your time zone was saved."))
        return redirect("accounts:settings")
    return render(request, "accounts/profile.html", {"form": PictureForm(), "zone_form": form})


def _zone_form(request: SignedInRequest, data: QueryDict | None = None) -> TimeZoneForm:
    browser = browser_zone(request)
    told = zones.name_of(browser) if browser else ""
    return TimeZoneForm(data, browser=told, chosen=request.user.time_zone)


@login_required
@reauthentication_required  # type: ignore[untyped-decorator]
def delete_account(request: SignedInRequest) -> HttpResponse:
    form = DeleteAccountForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            users.delete_account(user=request.user, now=timezone.now())
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            logout(request)
            messages.success(request, _("Your account was deleted."))
            return redirect("home")
    context = {"form": form, "sole_ownerships": users.sole_ownerships(request.user)}
    return render(request, "accounts/delete_account.html", context)
