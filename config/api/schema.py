"""The document of the APIs, in OpenAPI 3.1: the serializers say what is sent and answered, views the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, cast

from django.utils import translation
from drf_spectacular import openapi
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from config.api.fields import EXAMPLE_ULID, Field, Is, Nothing, Query, Schema, Serializer, Text
from config.api.views import WITHOUT_SCOPE, ApiView

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


class FailureSerializer(Serializer):
    data = Nothing()  # type: ignore[assignment]  # REST framework's property is not used here
    message = Text(example="What was wrong, and what would be right.")


class AutoSchema(openapi.AutoSchema):
    """An answer has all keys of its serializer but the optional ones, and no others."""

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Schema:
        serializer = force_instance(serializer)  # type: ignore[no-untyped-call]
        schema: Schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "response":
            schema["required"] = [name for name in schema["properties"] if name not in serializer.optional]
        if not serializer.open_ended:
            schema["additionalProperties"] = False
        return schema

    def get_auth(self) -> list[dict[str, list[str]]]:
        """With the scope that an access token needs."""
        found: list[dict[str, list[str]]] = super().get_auth()
        need = cast("ApiView", self.view).need_of(self.method)
        if need is None or need in WITHOUT_SCOPE:
            return found
        return [entry | {name: [need] for name in entry if name == "oauth2"} for entry in found]


class FieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = Field
    match_subclasses = True

    def map_serializer_field(self, auto_schema: openapi.AutoSchema, direction: str) -> Schema:
        schema: Schema = self.target.schema()
        if direction == "response":  # what is kept may be older than a limit
            schema = {name: value for name, value in schema.items() if name not in ("minLength", "maxLength")}
        if self.target.example is not None:
            schema = {**schema, "examples": [self.target.example]}
        return schema


def path_parameter(name: str, description: str, example: Any = EXAMPLE_ULID) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        {"type": "string", "minLength": 1},
        OpenApiParameter.PATH,
        description=description,
        examples=[OpenApiExample("example", example)],
    )


def header_parameter(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, {"type": "string", "maxLength": 255}, OpenApiParameter.HEADER, description=description
    )


def enveloped(name: str, data: serializers.Field, message: str = "OK") -> type[Serializer]:
    """`{"data": …, "message": "OK"}` as a serializer, called `name` in the document."""
    fields = {"data": data, "message": Is({"type": "string", "const": message})}
    return type(f"{name}Serializer", (Serializer,), fields)


def documented(
    tag: str,
    name: str,
    summary: str,
    answer: Any,
    *,
    message: str = "OK",
    status: int = 200,
    refusals: Sequence[int] = (400, 401, 403, 429),
    parameters: Sequence[OpenApiParameter | type[Query]] = (),
    body: Any = None,
    media_type: str = "application/json",
    example: Any = None,
    failure: Any = FailureSerializer,
    also: Mapping[int, Any] | None = None,
    security: Sequence[Mapping[str, list[str]]] | None = None,
    bare: bool = False,
) -> Callable[[Any], Any]:
    """Describe one operation. `example` is a body that is accepted.

    `answer`: what stands in the envelope, as a field or an instance of a serializer; a class of serializers
    or a schema is a whole answer without envelope, as is all with `bare`; None an empty body. `also`: further
    answers that are no refusals, by status.
    """
    responses: dict[Any, Any] = {}
    for code, content in ({status: answer} | dict(also or {})).items():
        title = f"{name.title().replace('_', '')}Answer{'' if code == status else code}"
        if content is None:
            responses[code] = OpenApiResponse(description="Done; the body is empty.")
            continue
        whole = content if bare or isinstance(content, type | dict) else enveloped(title, content, message)
        responses[(code, "application/json")] = OpenApiResponse(whole, description="Done.")
    for code in refusals:
        responses[(code, "application/json")] = OpenApiResponse(failure, description=REASONS[code])
    return extend_schema(
        operation_id=name,
        tags=[tag],
        summary=summary,
        parameters=list(parameters),
        request=None if body is None else {media_type: body},
        responses=responses,
        examples=None if example is None else [OpenApiExample("example", example, request_only=True)],
        auth=security,  # type: ignore[arg-type]  # as the document has it, whatever the hint says
    )


@cache
def document() -> dict[str, Any]:
    """The same for everybody, made once in a process."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    with translation.override(None):  # in English, whoever asks first
        made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made
