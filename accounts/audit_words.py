"""The audit trail in words, for owners and operators. The trail itself holds codes and data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy as _

from accounts.models import MemberRole
from config import zones

ACTIONS: Mapping[str, Promise] = {
    "app.changed": _("App changed"),
    "app.created": _("App created"),
    "app.deleted": _("App deleted"),
    "app.logo_changed": _("Logo of an app changed"),
    "app.secret_rotated": _("Client secret replaced"),
    "app.viewers_unlinked": _("Viewers of a deleted app unlinked"),
    "campaign.archived": _("Campaign archived"),
    "campaign.changed": _("Campaign changed"),
    "campaign.created": _("Campaign created"),
    "campaign.deleted": _("Campaign deleted"),
    "campaign.ended": _("Campaign ended early"),
    "campaign.not_published": _("Campaign not published at its time"),
    "campaign.published": _("Campaign published"),
    "campaign.rehearsed": _("Campaign rehearsed"),
    "campaign.restored": _("Campaign restored"),
    "campaign.war_room_shared": _("Link to the war room made"),
    "campaign.war_room_unshared": _("Link to the war room revoked"),
    "campaign.withdrawn": _("Campaign withdrawn"),
    "category.changed": _("Category changed"),
    "category.created": _("Category created"),
    "category.merged": _("Category merged into another"),
    "channel.banner_changed": _("Banner of the channel changed"),
    "channel.created": _("Channel created"),
    "channel.described": _("Description of the channel changed"),
    "channel.renamed": _("Channel renamed"),
    "channel.opted_in": _("Channel opted in to global campaigns"),
    "channel.opted_out": _("Channel opted out of global campaigns"),
    "chat.added": _("Chat added"),
    "chat.changed": _("Chat changed"),
    "chat.deleted": _("Chat deleted"),
    "chat.tested": _("Test message sent to the chat"),
    "chat.turned_off": _("Chat turned off after failures"),
    "chat.turned_on": _("Chat turned on again"),
    "claims.resent": _("Claim sent again"),
    "claims.status_changed": _("Status of claims changed"),
    "consent.given": _("Consent given"),
    "delivery.resent": _("Delivery sent again"),
    "endpoint.changed": _("Endpoint changed"),
    "endpoint.claims_resent": _("Claims sent to the endpoint again"),
    "endpoint.deliveries_resent": _("Deliveries to the endpoint sent again"),
    "endpoint.created": _("Endpoint created"),
    "endpoint.deleted": _("Endpoint deleted"),
    "endpoint.held": _("Endpoint held"),
    "endpoint.load_stopped": _("Load rehearsal stopped"),
    "endpoint.load_tested": _("Load rehearsal begun"),
    "endpoint.released": _("Endpoint released"),
    "endpoint.tested": _("Test event sent to the endpoint"),
    "endpoint.verified": _("Endpoint verified"),
    "link.created": _("Game account connected"),
    "link.ended": _("Game account disconnected"),
    "link.named": _("Game account named by the studio"),
    "livestream.changed": _("Livestream changed"),
    "livestream.ended": _("Livestream ended"),
    "livestream.started": _("Livestream started"),
    "member.declined": _("Invitation declined"),
    "member.invitation_taken_back": _("Invitation taken back"),
    "member.invited": _("Member invited"),
    "member.joined": _("Member joined"),
    "member.left": _("Member left"),
    "member.removed": _("Member removed"),
    "member.role_changed": _("Role of a member changed"),
    "minutes.granted": _("Minutes granted in test mode"),
    "organization.answered": _("Question of an operator answered"),
    "organization.approved": _("Organization approved"),
    "organization.asked": _("Question asked by an operator"),
    "organization.change_approved": _("New name or logo approved"),
    "organization.change_refused": _("New name or logo refused"),
    "organization.change_requested": _("New name or logo asked for"),
    "organization.change_withdrawn": _("New name or logo withdrawn"),
    "organization.changed": _("Organization changed"),
    "organization.refused": _("Organization refused"),
    "organization.registered": _("Organization registered"),
    "organization.suspended": _("Organization suspended"),
    "organization.two_owner_rule_off": _("Two-owner rule turned off"),
    "organization.two_owner_rule_on": _("Two-owner rule turned on"),
    "organization.view_began": _("An operator looked at the dashboard"),
    "organization.view_ended": _("An operator stopped looking at the dashboard"),
    "proposal.agreed": _("Proposal agreed to"),
    "proposal.expired": _("Proposal expired"),
    "proposal.made": _("Proposed to the other owners"),
    "proposal.refused": _("Proposal refused"),
    "proposal.taken_back": _("Proposal taken back"),
    "reward.archived": _("Reward archived"),
    "reward.changed": _("Reward changed"),
    "reward.created": _("Reward created"),
    "reward.restored": _("Reward restored"),
    "signing_key.created": _("Signing key created"),
    "user.created": _("User created"),
    "user.deleted": _("User deleted"),
    "user.email_changed": _("Email address of the user changed"),
    "user.email_restored": _("Email address of the user restored"),
    "user.factor_reset": _("Second factor of the user taken away"),
    "user.factor_reset_asked": _("Second factor of the user to be taken away"),
    "user.factor_reset_refused": _("Second factor of the user kept"),
    "user.picture_changed": _("Picture of the user changed"),
    "user.renamed": _("User renamed"),
    "user.standing_changed": _("Rights of the user changed"),
    "user.time_zone_changed": _("Time zone of the user changed"),
}
NAMES: Mapping[str, Promise] = {
    "acknowledge_within_hours": _("Acknowledged within (hours)"),
    "events": _("Events"),
    "act": _("Proposal"),
    "after": _("After"),
    "announcement_days": _("Announcement (days)"),
    "answer": _("Answer"),
    "app": _("App"),
    "arrival": _("Delivery"),
    "asked_by": _("Asked by"),
    "before": _("Before"),
    "campaign_id": _("Campaign ID"),
    "category": _("Category"),
    "changes": _("Changes"),
    "campaigns": _("Campaigns"),
    "channel": _("Channel"),
    "channels": _("Channels"),
    "claim_id": _("Claim ID"),
    "claimed_by": _("Claimed by"),
    "channelstates": _("States of channels"),
    "claimed_before_by": _("Claimed before by"),
    "claims": _("Claims"),
    "closes_at": _("Claims close"),
    "connect_url": _("Connection page"),
    "contact_email": _("Contact address"),
    "copied_from": _("Copied from campaign ID"),
    "deliveries": _("Deliveries"),
    "delivery": _("Delivery"),
    "ends_at": _("Ends"),
    "endpoints": _("Endpoints"),
    "expires_at": _("Expires"),
    "explanation": _("Reason"),
    "external_id": _("External ID"),
    "external_status": _("Status"),
    "formercategorys": _("Former categories of streams"),
    "formertermss": _("Former terms of campaigns"),
    "grace_days": _("Grace period (days)"),
    "host": _("Host"),
    "id": _("ID"),
    "image": _("Image"),
    "info_url": _("Info URL"),
    "into": _("Merged into"),
    "invited": _("Invited"),
    "kinds": _("Notices"),
    "is_active": _("Can sign in"),
    "is_staff": _("Operator"),
    "link": _("Link"),
    "livestreams": _("Livestreams"),
    "logo": _("Logo"),
    "minutes": _("Minutes"),
    "name": _("Name"),
    "new": _("New"),
    "old": _("Old"),
    "overlap_hours": _("The previous secret works on for (hours)"),
    "previous_works_until": _("The previous secret works until"),
    "problems": _("Reason"),
    "publish_at": _("To be published"),
    "question": _("Question"),
    "rate": _("Events a second"),
    "reason": _("Reason"),
    "redirect_uris": _("Redirect URIs"),
    "requested_category": _("Requested category"),
    "rewards": _("Rewards"),
    "role": _("Role"),
    "scope": _("Scopes"),
    "seconds": _("Seconds"),
    "shape": _("Chat"),
    "since": _("Claimed since"),
    "starts_at": _("Starts"),
    "test_mode": _("Test mode"),
    "time_zone": _("Time zone"),
    "title": _("Title"),
    "unlinked_viewers": _("Unlinked viewers"),
    "until": _("Claimed before"),
    "updated_since": _("Changed since"),
    "url": _("URL"),
    "user_id": _("User ID"),
    "username": _("Username"),
    "viewer_id": _("User ID"),
    "which": _("Which claims"),
}
# What is a code among the values, by its name.
CODES: Mapping[str, Mapping[str, str | Promise]] = {
    "act": {
        "app.delete": _("Delete the OAuth app"),
        "app.rotate_secret": _("Replace the client secret"),
        "campaign.end": _("End the campaign"),
        "campaign.withdraw": _("Withdraw the campaign"),
        "endpoint.delete": _("Delete the webhook endpoint"),
        "member.change_role": _("Change the role of the member"),
        "member.remove": _("Remove the owner"),
        "organization.turn_off_two_owner_rule": _("Turn off the two-owner rule"),
    },
    "role": {role.value: role.label for role in MemberRole},
    "reason": {
        "operator": _("Held by the platform"),
        "owner": _("Held by an owner"),
        "gone": _("The server answered 410 Gone"),
        "failing": _("Nothing was delivered for five days"),
    },
    "problems": {
        "archived": _("the campaign was archived"),
        "category_not_claimed": _("the organization does not claim its category"),
        "ends_in_past": _("its end was in the past"),
        "late_for_announcement": _("the clock of Drops was down, and its announcement had passed"),
        "late_for_start": _("the clock of Drops was down, and its start had passed"),
        "no_connect_url": _("there was no connection page"),
        "no_oauth_app": _("there was no OAuth app"),
        "no_rewards": _("no reward was attached"),
        "not_approved": _("the platform had not approved the organization"),
        "reward_archived": _("a reward was archived"),
        "reward_category_not_claimed": _("the organization does not claim the category of a reward"),
        "reward_out_of_reach": _("a reward required more minutes than were left"),
        "suspended": _("the organization was suspended"),
    },
    "arrival": {
        "any": _("All"),
        "delivered": _("Delivered"),
        "undelivered": _("Not delivered yet"),
        "never_sent": _("Never sent to this endpoint"),
    },
}


# Of a list that an event carries, those that are shown.
MOST_ENTRIES = 100


def act_words(act: str) -> str:
    """What a proposal would do: "campaign.withdraw" as "Withdraw the campaign"."""
    return str(CODES["act"].get(act) or _from_code(act))


def action_words(action: str) -> str:
    """ "campaign.published" as "Campaign published"."""
    return str(ACTIONS.get(action) or _from_code(action))


def change_words(action: str, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of what an event carries. Where something changed, a pair is from what to what."""
    changed = action.endswith("changed") or action.startswith("organization.change_")
    return [
        (_name_words(name), _changed(name, value) if changed else _value_words(name, value))
        for name, value in data.items()
    ]


def _name_words(name: str) -> str:
    return str(NAMES.get(name) or _from_code(name))


def _from_code(code: str) -> str:
    """A code that has no words: one that is written no more."""
    return capfirst(code.replace(".", " ").replace("_", " "))


def _value_words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, Mapping):
        return (
            ", ".join(f"{_name_words(key)}: {_value_words(key, each)}" for key, each in value.items()) or "-"
        )
    if isinstance(value, list):
        shown = ", ".join(_entry(name, each) for each in value[:MOST_ENTRIES]) or "-"
        more = len(value) - MOST_ENTRIES
        return (
            shown if more <= 0 else gettext("%(shown)s and %(count)d more") % {"shown": shown, "count": more}
        )
    if isinstance(value, str) and value in CODES.get(name, ()):
        return str(CODES[name][value])
    return _moment(value) if isinstance(value, str) and value else str("-" if value in (None, "") else value)


def _changed(name: str, value: Any) -> str:
    if isinstance(value, list) and len(value) == 2:
        return f"{_value_words(name, value[0])} → {_value_words(name, value[1])}"
    return _value_words(name, value)


def _entry(name: str, value: Any) -> str:
    """One of a list; a reward with its minutes is a pair."""
    if isinstance(value, list) and len(value) == 2:
        return gettext("%(reward)s after %(minutes)s min") % {"reward": value[0], "minutes": value[1]}
    return _value_words(name, value)


def _moment(text: str) -> str:
    try:
        return zones.words(datetime.fromisoformat(text)) if "T" in text else text
    except ValueError:
        return text
