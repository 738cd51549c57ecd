"""Using the dashboard as a browser does: signed in with a second factor, forms filled from what is drawn."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from django.forms import BaseForm, CheckboxInput, FileInput, ModelChoiceField
from django.http import HttpResponse
from django.test import Client

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.models import User


def with_second_factor(user: User) -> User:
    Authenticator.objects.get_or_create(user=user, type=Authenticator.Type.TOTP, defaults={"data": {}})
    return user


def sign_in(client: Client, user: User) -> Client:
    """`client` as the browser of `user`, who has a second factor and has just passed it."""
    client.force_login(with_second_factor(user))
    record(client, user, method="password", reauthenticated=True)
    record(client, user, method="mfa", type="totp", id=user.authenticator_set.get(type="totp").pk)
    return client


def record(client: Client, user: User, **entry: Any) -> None:
    """Write into the browser's session what allauth notes when somebody shows who they are."""
    session = client.session
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [*records, {"at": time.time(), **entry}]
    session[f"{AUTHENTICATION_METHODS_SESSION_KEY}_user"] = str(user.pk)
    session.save()


def form_data(client: Client, url: str) -> tuple[dict[str, Any], dict[str, ModelChoiceField]]:
    """What a browser would post from the form at `url`, and its choices of related objects by input name."""
    context = client.get(url).context
    forms: list[BaseForm] = [context["adminform"].form if "adminform" in context else context["form"]]
    for inline in context.get("inline_admin_formsets", ()):
        forms += [inline.formset.management_form, *inline.formset.forms]
    data: dict[str, Any] = {FORM_FIELD: str(context["organization"].pk)}
    choices: dict[str, ModelChoiceField] = {}
    for form in forms:
        for bound in form:
            if isinstance(bound.field, ModelChoiceField):
                choices[bound.html_name] = bound.field
            widget, value = bound.field.widget, bound.value()
            if isinstance(widget, CheckboxInput):
                if value:
                    data[bound.html_name] = "on"
            elif not isinstance(widget, FileInput):
                shown = widget.format_value(value)
                if isinstance(shown, list) and not getattr(widget, "allow_multiple_selected", False):
                    shown = shown[0]
                data[bound.html_name] = "" if shown is None else shown
            if bound.field.show_hidden_initial:
                data[bound.html_initial_name] = bound.field.hidden_widget().format_value(value) or ""
    return data, choices


def send_form(client: Client, url: str, /, **changes: Any) -> HttpResponse:
    """Fill `changes` into the form at `url`, send it and follow where it leads."""
    data, _ = form_data(client, url)
    return client.post(url, data | changes, follow=True)


def press(client: Client, url: str) -> HttpResponse:
    """Confirm what the page at `url` asks."""
    organization = client.get("/dashboard/").context["organization"]
    return client.post(url, {FORM_FIELD: organization.pk, "post": "yes"}, follow=True)


def words(response: HttpResponse) -> str:
    return " ".join(response.content.decode().replace("&#x27;", "'").split())
