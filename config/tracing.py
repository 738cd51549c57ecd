"""Traces for OpenTelemetry, off unless TRACES_ENDPOINT is set: of claims, and of a share of the beats.

A trace has the id of what it is about, so web processes and workers write to one trace without handing anything on:
a claim's is its ULID, which has 128 bits too, and a beat's is made of its place in the watch stream.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from django.conf import settings
from ulid import ULID

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

HALF = 1 << 64


def is_on() -> bool:
    return bool(settings.TRACES_ENDPOINT)


def trace_of_ulid(ulid: str) -> int:
    return int(ULID.from_str(ulid))


def trace_of_entry(stream: str, entry_id: str) -> int:
    return int.from_bytes(blake2b(f"{stream} {entry_id}".encode(), digest_size=16).digest(), "big")


def is_chosen(trace: int) -> bool:
    """Whether the trace is one of the share that is kept: every process decides alike."""
    return is_on() and trace % HALF < settings.TRACES_SHARE * HALF


def note(name: str, *, trace: int, began: int, ended: int, first: bool = False, **attributes: Any) -> None:
    """Tell of something that happened from `began` to `ended` (nanoseconds since 1970).

    `first`: it is what the trace begins with, and all else in it is below. Nothing waits for it: what is told goes out
    from a thread of its own, and is dropped if nobody takes it.
    """
    if not is_chosen(trace):
        return
    from opentelemetry import trace as api

    root = trace % HALF or 1
    parent = api.SpanContext(trace, root, is_remote=True, trace_flags=api.TraceFlags(api.TraceFlags.SAMPLED))
    context = None if first else api.set_span_in_context(api.NonRecordingSpan(parent))
    tracer = _provider(settings.TRACES_ENDPOINT).get_tracer("drops")
    known = {key.replace("__", "."): value for key, value in attributes.items() if value is not None}
    with _ids(trace, root if first else None):
        span = tracer.start_span(name, context=context, start_time=began, attributes=known)
    span.end(ended)


def flush() -> None:
    """Send what was told so far."""
    _provider(settings.TRACES_ENDPOINT).force_flush()


_next = threading.local()


@contextmanager
def _ids(trace: int, span: int | None) -> Iterator[None]:
    """The ids of the span that this thread starts now."""
    _next.trace, _next.span = trace, span
    try:
        yield
    finally:
        _next.trace = _next.span = None


@cache
def _provider(endpoint: str) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return int(_next.trace)

        def generate_span_id(self) -> int:
            return int(_next.span or super().generate_span_id())

    provider = TracerProvider(id_generator=Ids(), resource=Resource.create({"service.name": "drops"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider
