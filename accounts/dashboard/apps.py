from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy as _, ngettext

from accounts.admin_base import VerbForm
from accounts.dashboard.kit.access import active_organization, member
from accounts.dashboard.kit.forms import ANY_SHAPE, picture_field
from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.dashboard.kit.sites import site
from accounts.dashboard.kit.verbs import Verb
from accounts.domain import app_removals, apps, links, organization_changes, redirects
from accounts.domain.consequences import MANY, Consequence
from accounts.domain.permissions import Action
from accounts.domain.two_owners import RuleState, state_of
from accounts.models import ApiCall, CallKind, OAuthApp
from accounts.oauth import limits
from accounts.requests import WriteRequest
from accounts.templatetags.dashboard import to_the_second
from config.api import throttle


class OAuthAppForm(VerbForm):
    renamed: ClassVar[dict[str, str]] = {"logo": "new_logo"}

    new_logo = picture_field(
        _("Logo"),
        format_lazy(
            "{} {}",
            _("Viewers see it when they connect, once an operator of the platform has approved it."),
            ANY_SHAPE,
        ),
    )

    class Meta:
        model = OAuthApp
        fields = ("name", "redirect_uris")
        labels = {"name": _("Name"), "redirect_uris": _("Redirect URIs")}
        help_texts = {
            "name": _("Viewers see the name when they connect."),
            "redirect_uris": _(
                "Enter one URI per line. It must match exactly. Use https, or http for localhost and "
                "127.0.0.1. Leave the field empty if the app only reads your claims."
            ),
        }
        widgets = {
            "redirect_uris": forms.Textarea(
                attrs={
                    "rows": 4,
                    "spellcheck": "false",
                    "hx-get": reverse_lazy("dashboard:redirect_advice"),
                    "hx-trigger": "load, input changed delay:300ms",
                    "hx-target": "#redirect-advice",
                    "hx-swap": "morph:innerHTML",
                    "hx-sync": "this:replace",
                }
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields:  # those who may only look have a form without fields
            self.fields["name"].required = True
            field = self.fields["redirect_uris"]
            advice = redirects.advice(self.instance.redirect_uris.split())
            field.help_text = render_to_string(
                "dashboard/redirect_help.html", {"help": field.help_text, "advice": advice}
            )

    def clean_redirect_uris(self) -> str:
        uris = self.cleaned_data["redirect_uris"].split()
        wrong = [each for each in redirects.advice(uris) if each.tone == "bad"]
        if wrong:
            text = _("“%(uri)s” cannot be a redirect URI. %(why)s")
            raise ValidationError(
                [text % {"uri": each.uri, "why": each.text} if each.uri else each.text for each in wrong]
            )
        return " ".join(dict.fromkeys(uris))


@site.page("apps/redirect-advice/", name="redirect_advice", action=Action.CHANGE_APPS)
def redirect_advice(request: HttpRequest) -> HttpResponse:
    """What is to be said of the redirect URIs that somebody types, for the form to show below them."""
    uris = request.GET.get("redirect_uris", "").split()
    return render(request, "dashboard/redirect_advice.html", {"advice": redirects.advice(uris)})


def rotate(model_admin: OAuthAppAdmin, request: HttpRequest, app: OAuthApp) -> HttpResponse:
    secret = apps.rotate_secret(app=app, now=timezone.now(), actor=member(request))
    return model_admin.secret_page(request, app, secret)


def replace_leaked(model_admin: OAuthAppAdmin, request: HttpRequest, app: OAuthApp) -> HttpResponse:
    secret = apps.rotate_secret(app=app, now=timezone.now(), actor=member(request), overlap=timedelta())
    return model_admin.secret_page(request, app, secret)


def who_sees_the_secret(app: OAuthApp, now: datetime) -> list[Consequence]:
    """Nobody can be shown it later: it is stored hashed."""
    if app.organization is None or state_of(app.organization) is not RuleState.ON:
        return []
    return [Consequence(gettext("The new secret is shown once, to the owner who agrees."))]


def withdraw_logo(model_admin: OAuthAppAdmin, request: HttpRequest, app: OAuthApp) -> None:
    change = organization_changes.waiting_change(active_organization(request), app)
    if change is None:
        raise ValidationError(_("This change no longer waits for a decision. Nothing was changed."))
    organization_changes.withdraw_change(change=change, now=timezone.now(), actor=member(request))


WITHDRAW_LOGO = Verb(
    name="withdraw-logo",
    label=_("Withdraw the new logo"),
    question=_(
        "No operator looks at the new logo of %(object)s any more. Viewers keep seeing the present one."
    ),
    done=_("The new logo was withdrawn."),
    run=withdraw_logo,
)


@admin.register(OAuthApp, site=site)
class OAuthAppAdmin(OrganizationAdmin):
    see = Action.SEE_SETUP
    change = Action.CHANGE_APPS
    route = "apps"
    label = _("OAuth apps")
    noun = _("OAuth app")
    icon = "key"
    order = 80
    lede = _("Your servers use an app to connect viewers and to read your claims.")
    empty_text = _(
        "Create an app. Viewers connect their game accounts through it, and your server reads claims with it."
    )
    form = OAuthAppForm
    fields = ("name", "redirect_uris", "new_logo")
    may_add = may_edit = may_delete = True
    delete_act = apps.DELETE
    list_display = ("name", "client_id", "last_used", "created")
    sortable_by = ("name", "created")
    sorts = (("created", "id"),)
    search_fields = ("name", "client_id")
    search_help_text = _("Name or client ID")
    in_search = True
    add_form_template = change_form_template = "dashboard/app.html"
    change_list_template = "dashboard/apps.html"
    verbs = (
        Verb(
            name="rotate",
            label=_("New secret"),
            question=_(
                "%(object)s gets a new client secret, shown once. The current secret works for 24 more hours."
            ),
            run=rotate,
            act=apps.ROTATE,
            consequences=who_sees_the_secret,
        ),
        Verb(
            name="replace-secret",
            label=_("Replace a leaked secret"),
            question=_(
                "%(object)s gets a new client secret, shown once. The current secret stops working immediately."
            ),
            run=replace_leaked,
            tone="danger",
            act=apps.ROTATE,
            consequences=who_sees_the_secret,
        ),
        WITHDRAW_LOGO,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(deleted_at__isnull=True).select_related("organization")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"removals": app_removals.under_way(active_organization(request))}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: OAuthApp, form: Any, change: bool) -> None:
        now, actor = timezone.now(), member(request)
        fields = form.changes() if change else dict(form.cleaned_data)
        if "redirect_uris" in fields:
            fields["redirect_uris"] = fields["redirect_uris"].split()
        if "new_logo" in fields:
            fields["logo"] = fields.pop("new_logo")
        if change:
            apps.change_app(app=obj, now=now, actor=actor, **fields)
            return
        created, secret = apps.create_app(
            organization=active_organization(request), now=now, actor=actor, **fields
        )
        obj.pk, obj.client_id = created.pk, created.client_id
        cast("WriteRequest", request).new_secret = secret

    @admin.display(description=_("last used"))
    def last_used(self, app: OAuthApp) -> str:
        """With a secret or a token that was right. An answer a minute old may not have come here yet."""
        if app.last_used_at is None:
            return gettext("Never")
        return format_html("{} ({})", to_the_second(app.last_used_at), CallKind(app.last_used_by).label)

    def offered_verbs(self, request: HttpRequest, obj: OAuthApp) -> list[Verb]:
        found = super().offered_verbs(request, obj)
        waits = organization_changes.waiting_change(active_organization(request), obj) is not None
        return [verb for verb in found if waits or verb is not WITHDRAW_LOGO]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        if obj := kwargs.get("obj"):
            organization, now = active_organization(request), timezone.now()
            context |= {
                "calls": throttle.left(obj.client_id, now=now),
                "token_calls": throttle.left(limits.key_of(obj.client_id), now=now),
                "calls_url": f"{site.admin_of(ApiCall).url('changelist')}?app__id__exact={obj.pk}",
                "last_used": self.last_used(obj),
            }
            context["logo_change"] = organization_changes.change_to_show(organization, obj, now=now)
        return super().render_change_form(request, context, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: OAuthApp) -> HttpResponse:
        response = super().response_change(request, obj)
        if organization_changes.waiting_change(active_organization(request), obj) is not None:
            messages.info(request, _("The new logo waits for approval."))
        return response

    def response_add(
        self, request: HttpRequest, obj: OAuthApp, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self.secret_page(request, obj, cast("WriteRequest", request).new_secret)

    def people_affected(self, obj: OAuthApp) -> int:
        return links.viewers_connected_by(obj, most=MANY)

    def delete_consequences(self, obj: OAuthApp) -> list[Consequence]:
        viewers = self.people_affected(obj)
        more = gettext("At least %(count)d viewers are connected through this app.")
        counted = ngettext(
            "%(count)d viewer is connected through this app.",
            "%(count)d viewers are connected through this app.",
            viewers,
        )
        found = [
            Consequence((more if viewers >= MANY else counted) % {"count": viewers}),
            Consequence(
                gettext(
                    "They count as unlinked immediately, and must connect again through another app before they can "
                    "claim. "
                    "The tokens and the client secret of this app stop working immediately."
                )
            ),
        ]
        if apps.is_last(obj):
            found.append(
                Consequence(
                    gettext(
                        "This is your last app. Viewers cannot connect or claim until you create another one."
                    )
                )
            )
        return found

    def delete_refusal(self, obj: OAuthApp) -> str:
        try:
            apps.check_deletable(app=obj, now=timezone.now())
        except ValidationError as refusal:
            return " ".join(refusal.messages)
        return ""

    def delete_model(self, request: HttpRequest, obj: OAuthApp) -> None:
        apps.delete_app(app=obj, now=timezone.now(), actor=member(request))

    def secret_page(self, request: HttpRequest, app: OAuthApp, secret: str) -> HttpResponse:
        """The one page that ever shows a secret: it is in no session, log or message."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Secret of %(app)s") % {"app": app.name},
            "app": app,
            "secret": secret,
            "back": self.url_of(app),
            "model_admin": self,
        }
        return TemplateResponse(request, "dashboard/secret.html", context)
