from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields

from django.conf import settings

from accounts.audit_words import ACTIONS, CODES, NAMES, action_words, change_words
from accounts.domain.organization_changes import DECISIONS
from drops.domain.campaigns.plans import CampaignPlan
from fulfillment.domain.claims.reading import ClaimFilter
from fulfillment.domain.delivery.reading import Arrival
from fulfillment.models import HoldReason


def test_actions_read_as_words() -> None:
    assert action_words("app.secret_rotated") == "Client secret replaced"
    assert action_words("webhook.set_up") == "Webhook set up"


def _records() -> Iterator[ast.Call]:
    """Each call that writes an audit event, or hands one on to be written."""
    for file in settings.BASE_DIR.glob("*/domain/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("record", "change")):
                yield node


def _action(call: ast.Call) -> ast.expr:
    """Of `record(action, target)` and `change(target, action)`."""
    return call.args["change" in ast.unparse(call.func)] if len(call.args) > 1 else ast.Constant(None)


def _texts(node: ast.AST) -> set[str]:
    return {
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


def test_every_action_that_is_recorded_has_words() -> None:
    recorded = {text for call in _records() for text in _texts(_action(call))} | set(DECISIONS.values())
    assert len(recorded) > 40
    assert recorded <= set(ACTIONS)


def test_every_action_with_words_is_recorded_somewhere() -> None:
    files = (
        file
        for app in ("accounts", "drops", "fulfillment")
        for file in (settings.BASE_DIR / app).rglob("*.py")
    )
    said = {
        text
        for file in files
        if file.name != "audit_words.py" and "migrations" not in file.parts
        for text in _texts(ast.parse(file.read_text()))
    }
    assert set(ACTIONS) <= said


def test_every_value_that_is_recorded_has_a_name() -> None:
    dicts = [
        each
        for call in _records()
        for keyword in call.keywords
        if keyword.arg == "data"
        for each in ast.walk(keyword.value)
        if isinstance(each, ast.Dict)
    ]
    named = {text for each in dicts for key in each.keys if key for text in _texts(key)}
    assert {"redirect_uris", "old", "arrival"} <= named
    named |= {field.name for kind in (CampaignPlan, ClaimFilter) for field in fields(kind)}
    assert named <= set(NAMES)


def test_every_code_that_is_recorded_has_words() -> None:
    for name, choices in (("reason", HoldReason.choices), ("arrival", Arrival.choices)):
        assert {code: str(words) for code, words in CODES[name].items()} == {
            code: str(words) for code, words in choices
        }


def test_changes_say_from_what_to_what() -> None:
    data = {
        "name": ["Cup", "Cup 2"],
        "test_mode": [True, False],
        "ends_at": ["2026-12-06T18:54:29.212351+00:00", "2026-12-07T18:00:00+00:00"],
        "rewards": [[["Cape", 60]], [["Cape", 30], ["Hat", 90]]],
        "category": [None, "Skyforge"],
    }
    assert change_words("campaign.changed", data) == [
        ("Name", "Cup → Cup 2"),
        ("Test mode", "yes → no"),
        ("Ends", "6 Dec 2026, 18:54 UTC → 7 Dec 2026, 18:00 UTC"),
        ("Rewards", "Cape after 60 min → Cape after 30 min, Hat after 90 min"),
        ("Category", "- → Skyforge"),
    ]


def test_other_events_list_what_they_carry() -> None:
    data = {
        "name": "Tall T",
        "redirect_uris": ["https://a", "https://b"],
        "which": {"arrival": "any"},
        "claims": 3,
    }
    assert change_words("app.created", data) == [
        ("Name", "Tall T"),
        ("Redirect URIs", "https://a, https://b"),
        ("Which claims", "Delivery: All"),
        ("Claims", "3"),
    ]


def test_codes_read_as_words() -> None:
    assert change_words("endpoint.held", {"reason": "gone"}) == [("Reason", "The server answered 410 Gone")]
    assert change_words("member.invited", {"invited": "ada", "role": "owner"})[1] == ("Role", "Owner")
