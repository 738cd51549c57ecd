"""What a field takes, what it refuses and in which words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import QueryDict
from rest_framework.exceptions import ParseError, ValidationError

from config.api import fields
from config.api.envelope import problems_of, text_of


class ItemSerializer(fields.Serializer):
    number = fields.Number(least=1, most=9)
    note = fields.Text(most=5, default="")


class BodySerializer(fields.Serializer):
    id = fields.Ulid(read_only=True)
    name = fields.Text(least=1, most=8)
    flag = fields.Flag(required=False)
    at = fields.Moment(required=False)
    kind = fields.Choice(("a", "b"), required=False)
    items = fields.List(ItemSerializer(), least=1, most=2, required=False)


def problems(body: Any, **options: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as refused:
        BodySerializer(data=body, **options).checked()
    return problems_of(refused.value)


def test_what_is_right_comes_out_by_name() -> None:
    body = {"name": " Wings ", "flag": False, "at": "2026-11-20T13:00:00+01:00", "items": [{"number": 9}]}
    assert BodySerializer(data=body).checked() == {
        "name": "Wings",
        "flag": False,
        "at": datetime(2026, 11, 20, 12, tzinfo=UTC),
        "items": [{"number": 9, "note": ""}],
    }


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "name", "is required."),
        ({"name": None}, "name", "must not be null."),
        ({"name": 5}, "name", "must be a string of 1 to 8 characters."),
        ({"name": " "}, "name", "must be a string of 1 to 8 characters."),
        ({"name": "a\x00b"}, "name", "must be a string of 1 to 8 characters."),
        ({"name": "x", "flag": 1}, "flag", "must be true or false."),
        ({"name": "x", "flag": "true"}, "flag", "must be true or false."),
        ({"name": "x", "at": "2026-11-20"}, "at", "must be a time with zone, such as 2026-11-20T12:00:00Z."),
        ({"name": "x", "kind": ["a"]}, "kind", "must be one of a, b."),
        ({"name": "x", "items": {}}, "items", "must be a list."),
        ({"name": "x", "items": []}, "items", "must be a list of 1 to 2 items."),
        ({"name": "x", "items": [{"number": True}]}, "items[0].number", "must be a whole number from 1 to 9."),
        ({"name": "x", "items": [{"number": 1}, {}]}, "items[1].number", "is required."),
        ({"name": "x", "items": [{"number": "1"}]}, "items[0].number", "must be a whole number from 1 to 9."),
        ({"name": "x", "items": [{}]}, "items[0].number", "is required."),
        ({"name": "x", "items": [1]}, "items[0]", "must be an object."),
        ({"name": "x", "id": "y"}, "id", "Unknown field. Allowed: name, flag, at, kind, items."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_the_path_that_was_sent(body: Any, field: str, message: str) -> None:
    assert problems(body) == {field: [message]}


def test_everything_wrong_is_told_at_once_and_what_was_right_is_kept() -> None:
    serializer = BodySerializer(data={"flag": True, "kind": "c", "colour": "red"})
    with pytest.raises(ValidationError) as refused:
        serializer.checked()
    assert text_of(problems_of(refused.value)) == (
        "colour: Unknown field. Allowed: name, flag, at, kind, items. name: is required. kind: must be one of a, b."
    )
    assert serializer.valid == {"flag": True}


def test_a_change_needs_no_field_but_whole_items() -> None:
    assert BodySerializer(data={}, partial=True).checked() == {}
    assert problems({"items": [{}]}, partial=True) == {"items[0].number": ["is required."]}


@pytest.mark.parametrize("body", [None, [], "x", 1, True])
def test_a_body_is_an_object(body: Any) -> None:
    with pytest.raises(ParseError, match=r"^The body must be a JSON object\.$"):
        BodySerializer(data=body).checked()


class ParametersQuery(fields.Page):
    id = fields.List(fields.Number(), most=2)
    before = fields.Moment(default=None)
    dry = fields.Flag(default=False)


def test_parameters_that_are_missing_or_empty_have_their_defaults_and_unknown_ones_are_ignored() -> None:
    defaults = {"limit": 10, "cursor": None, "id": [], "before": None, "dry": False}
    assert ParametersQuery.read(QueryDict("limit=&cursor=&colour=red&id=")) == defaults


def test_parameters_are_read_as_what_they_stand_for() -> None:
    read = ParametersQuery.read(QueryDict("limit=5&id=1&id=2&dry=true&before=2026-11-20T13:00:00+01:00"))
    assert (read["limit"], read["id"], read["dry"]) == (5, [1, 2], True)
    assert read["before"] == datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "limit: must be a whole number from 1 to 100."),
        ("limit=%EF%BC%91", "limit: must be a whole number from 1 to 100."),
        ("limit=1e2", "limit: must be a whole number from 1 to 100."),
        ("id=1&id=x", f"id: must be a whole number from 0 to {fields.MAX_ID}."),
        ("id=1&id=2&id=3", "id: must be a list of at most 2 items."),
        ("cursor=x&dry=yes", "cursor: must be a ULID (26 characters). dry: must be true or false."),
    ],
)
def test_parameters_that_are_wrong_are_told_by_name(query: str, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ParametersQuery.read(QueryDict(query))
    assert text_of(problems_of(refused.value)) == message
