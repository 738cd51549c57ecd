"""What waits for a second owner: the proposals, and the rule itself in the settings."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext, gettext_lazy as _

from accounts.audit_words import act_words, change_words
from accounts.dashboard.kit import access
from accounts.dashboard.kit.access import active_organization, may, member
from accounts.dashboard.kit.display import badge
from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.dashboard.kit.proposing import propose, waiting_context
from accounts.dashboard.kit.sites import site
from accounts.dashboard.kit.verbs import Verb
from accounts.domain import two_owners
from accounts.domain.apps import ROTATE
from accounts.domain.consequences import Consequence
from accounts.domain.permissions import Action
from accounts.domain.two_owners import SecondOwnerNeeded
from accounts.models import OAuthApp, Proposal, ProposalState

if TYPE_CHECKING:
    from accounts.dashboard.apps import OAuthAppAdmin

TONES = {
    ProposalState.OPEN: "wait",
    ProposalState.AGREED: "good",
    ProposalState.REFUSED: "bad",
}


def agree(model_admin: ProposalAdmin, request: HttpRequest, proposal: Proposal) -> HttpResponse | None:
    result = two_owners.agree(proposal=proposal, now=timezone.now(), actor=member(request))
    if proposal.act == ROTATE.code:
        apps: OAuthAppAdmin = site.admin_of(OAuthApp)  # type: ignore[assignment]
        return apps.secret_page(request, OAuthApp.objects.get(pk=proposal.target_id), result)
    messages.success(request, _("You agreed, and it was done."))
    return None


def refuse(model_admin: ProposalAdmin, request: HttpRequest, proposal: Proposal) -> None:
    two_owners.refuse(proposal=proposal, now=timezone.now(), actor=member(request))


def take_back(model_admin: ProposalAdmin, request: HttpRequest, proposal: Proposal) -> None:
    two_owners.take_back(proposal=proposal, now=timezone.now(), actor=member(request))


def what_it_does(proposal: Proposal, now: datetime) -> list[Consequence]:
    """What is proposed, and what whoever proposed it has read on the page of the button itself."""
    title = Consequence(f"{act_words(proposal.act)}: {proposal}")
    found = [title, *(Consequence(f"{name}: {value}") for name, value in change_words("", proposal.data))]
    row = two_owners.row_of(proposal)
    shown_by = admin_that_shows(row)
    if row is None or shown_by is None:
        return found
    if shown_by.delete_act is not None and shown_by.delete_act.code == proposal.act:
        return [*found, Consequence(str(shown_by.delete_question)), *shown_by.delete_consequences(row)]
    for verb in shown_by.verbs:
        if verb.act is not None and verb.act.code == proposal.act:
            question = verb.question % {"object": f"“{row}”"}
            return [*found, Consequence(question), *verb.consequences(row, now)]
    return found


def admin_that_shows(row: Model | None) -> OrganizationAdmin | None:
    shown_by = None if row is None else site._registry.get(type(row))
    return shown_by if isinstance(shown_by, OrganizationAdmin) else None


@admin.register(Proposal, site=site)
class ProposalAdmin(OrganizationAdmin):
    see = Action.SEE_PROPOSALS
    change = Action.ANSWER_PROPOSALS
    route = "proposals"
    label = _("Proposals")
    noun = _("proposal")
    icon = "shield"
    order = 97
    lede = _(
        "Under the two-owner rule, what does most harm waits until another owner agrees. "
        "Whoever proposed it can take it back."
    )
    empty_text = _(
        "An owner turns the two-owner rule on in the settings. What waits for a second owner is then listed here."
    )
    has_history = False
    list_display = ("what", "target_name", "asked_by", "asked_at", "where_it_stands")
    readonly_fields = (
        "what",
        "about",
        "details",
        "asked_by",
        "asked_at",
        "expires_at",
        "where_it_stands",
        "answered_by",
        "answered_at",
    )
    ordering = ("-id",)
    verbs = (
        Verb(
            name="agree",
            label=_("Agree"),
            question=_("If you agree, it is done at once, in the name of the person who proposed it:"),
            run=agree,
            why_not=two_owners.why_not_answer,
            consequences=what_it_does,
            tone="good",
        ),
        Verb(
            name="refuse",
            label=_("Refuse"),
            question=_("Nothing is done, and the person who proposed it is told. They can propose it again."),
            done=_("You refused it. Nothing was changed."),
            run=refuse,
            why_not=two_owners.why_not_answer,
        ),
        Verb(
            name="take-back",
            label=_("Take back"),
            question=_("Nothing is done. You can propose it again."),
            done=_("You took it back. Nothing was changed."),
            run=take_back,
            why_not=two_owners.why_not_answer,
            action=Action.SEE_PROPOSALS,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """One's own. Those who see the members see all: a proposal may be about a colleague."""
        rows = super().get_queryset(request).select_related("organization", "asked_by", "answered_by")
        return rows if may(request, Action.SEE_MEMBERS) else rows.filter(asked_by=member(request))

    def get_fields(self, request: HttpRequest, obj: Proposal | None = None) -> Any:
        """What there is to say of it."""
        without = set()
        if obj is not None and not obj.data:
            without.add("details")
        if obj is None or obj.answered_by is None:
            without |= {"answered_by", "answered_at"}
        return [name for name in self.readonly_fields if name not in without]

    def offered_verbs(self, request: HttpRequest, obj: Proposal) -> list[Verb]:
        own = obj.asked_by_id == member(request).pk
        return [verb for verb in super().offered_verbs(request, obj) if (verb.run is take_back) == own]

    def title_of(self, obj: Proposal) -> str:
        return f"{act_words(obj.act)}: {obj}"

    @admin.display(description=_("what"))
    def what(self, proposal: Proposal) -> str:
        return act_words(proposal.act)

    @admin.display(description=_("object"))
    def about(self, proposal: Proposal) -> str:
        """Its name, and the way to its page as long as there is one."""
        row = two_owners.row_of(proposal)
        shown_by = admin_that_shows(row)
        if shown_by is None:
            return proposal.target_name
        return format_html('<a href="{}">{}</a>', shown_by.url_of(row), proposal.target_name)

    @admin.display(description=_("details"))
    def details(self, proposal: Proposal) -> str:
        return format_html_join(mark_safe("<br>"), "{}: {}", change_words("", proposal.data))

    @admin.display(description=_("state"))
    def where_it_stands(self, proposal: Proposal) -> str:
        state = proposal.state_at(timezone.now())
        return badge(state.label, TONES.get(state, ""))


@site.page("settings/two-owners/", name="two_owners", action=Action.CHANGE_SETTINGS)
def rule(request: HttpRequest) -> HttpResponse:
    """Asks on GET, turns the rule on or off on POST."""
    organization = active_organization(request)
    if request.method == "POST":
        _turn(request, on="on" in request.POST)
        return redirect("dashboard:settings")
    context = {
        **site.each_context(request),
        "title": _("Two-owner rule"),
        "is_on": organization.two_owners_since is not None,
        **waiting_context(request, two_owners.TURN_OFF, organization),
    }
    return render(request, "dashboard/two_owners.html", context)


def _turn(request: HttpRequest, *, on: bool) -> None:
    verb = two_owners.turn_on if on else two_owners.turn_off
    try:
        with transaction.atomic():
            access.recheck(request, Action.CHANGE_SETTINGS)
            verb(organization=active_organization(request), now=timezone.now(), actor=member(request))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    except SecondOwnerNeeded as needed:
        propose(request, needed)
    else:
        messages.success(
            request, gettext("The two-owner rule is on.") if on else gettext("The two-owner rule is off.")
        )
