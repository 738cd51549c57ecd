"""Words to describe the APIs with, in OpenAPI 3.1. What is described here is what is answered, key for key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

Schema = dict[str, Any]

# The things that every example speaks of.
EXAMPLE_ULID = "01K0TDDR08Q5ZNWXK92VRXD7GW"
EXAMPLE_ID = 1234
EXAMPLE_TIME = "2026-11-20T12:00:00Z"


def text(example: str | None = None, **more: Any) -> Schema:
    return {"type": "string", **({} if example is None else {"examples": [example]}), **more}


def choice(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def number(example: int = EXAMPLE_ID, **more: Any) -> Schema:
    return {"type": "integer", "format": "int64", "examples": [example], **more}


def share() -> Schema:
    return {"type": "number", "minimum": 0, "maximum": 1}


def flag() -> Schema:
    return {"type": "boolean"}


def ulid(example: str = EXAMPLE_ULID) -> Schema:
    return text(example, pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$")


def moment() -> Schema:
    return text(EXAMPLE_TIME, format="date-time")


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def record(*, optional: Iterable[str] = (), **fields: Schema) -> Schema:
    """An object with exactly these keys; those in `optional` may be missing."""
    return {
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name not in optional],
        "additionalProperties": False,
    }


def enveloped(data: Schema, *, message: str = "OK") -> Schema:
    return record(data=data, message={"type": "string", "const": message})


FAILURE = record(data={"type": "null"}, message=text("What was wrong, and what would be right."))
REASONS = {
    400: "A parameter or the body is not as documented; the message says which and why.",
    401: "There is no live access token.",
    403: "The token may not do this.",
    404: "There is no such thing, or it is not yours.",
    409: "It conflicts with what is there.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
    422: "Understood, and not possible; the message tells every problem.",
    429: "Too many calls; `Retry-After` says when to go on.",
}


def path_parameter(name: str, description: str, example: Any = EXAMPLE_ULID) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        {"type": "string", "minLength": 1},
        OpenApiParameter.PATH,
        description=description,
        examples=[OpenApiExample("example", example)],
    )


def parameter(
    name: str, schema: Schema, description: str, *, example: Any = None, many: bool = False
) -> OpenApiParameter:
    """A query parameter. One without `example` is left out of the example call."""
    return OpenApiParameter(
        name,
        array(schema) if many else schema,
        description=description,
        explode=True if many else None,
        style="form" if many else None,
        examples=[] if example is None else [OpenApiExample("example", example)],
    )


def header_parameter(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, text(maxLength=255), OpenApiParameter.HEADER, description=description)


def page_parameters(*, most: int) -> list[OpenApiParameter]:
    return [
        parameter("limit", number(10, minimum=1, maximum=most, default=10), "How many at most.", example=10),
        parameter("cursor", ulid(), "Only what comes after this id: the `cursor` of the page before."),
    ]


def documented(
    tag: str,
    name: str,
    summary: str,
    answer: Schema | None,
    *,
    status: int = 200,
    refusals: Sequence[int] = (400, 401, 403, 429),
    parameters: Sequence[OpenApiParameter] = (),
    body: Schema | None = None,
    form: Schema | None = None,
    security: list[dict[str, list[str]]] | None = None,
    example: Any = None,
    failure: Schema = FAILURE,
    also: Mapping[int, Schema] | None = None,
) -> Callable[[Any], Any]:
    """Describe one operation. `answer` None: an empty body. `example` is a body that is accepted.

    `also`: further answers that are no refusals, by status.
    """
    responses: dict[Any, Any] = {
        (status, "application/json"): OpenApiResponse(answer, description="Done.")
        if answer is not None
        else OpenApiResponse(description="Done; the body is empty.")
    }
    for other, schema in (also or {}).items():
        responses[(other, "application/json")] = OpenApiResponse(schema, description="Done.")
    for refusal in refusals:
        responses[(refusal, "application/json")] = OpenApiResponse(failure, description=REASONS[refusal])
    if answer is None:
        responses[status] = responses.pop((status, "application/json"))
    return extend_schema(
        operation_id=name,
        tags=[tag],
        summary=summary,
        parameters=list(parameters),
        request={"application/x-www-form-urlencoded": form}
        if form
        else None
        if body is None
        else {"application/json": body},
        auth=security,  # type: ignore[arg-type]  # as the document has it, whatever the hint says
        responses=responses,
        examples=[OpenApiExample("example", example, request_only=True)] if example is not None else None,
    )


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1. The same for everybody, made once in a process."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made
