from __future__ import annotations

from accounts.audit_words import action_words, change_words


def test_actions_read_as_words() -> None:
    assert action_words("app.secret_rotated") == "App secret rotated"


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
        ("Ends at", "6 Dec 2026, 18:54 UTC → 7 Dec 2026, 18:00 UTC"),
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
        ("Which", "arrival: any"),
        ("Claims", "3"),
    ]
