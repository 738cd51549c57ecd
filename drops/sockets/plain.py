"""What is no socket yet: plain requests, from whom they come, and their answers."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from django.http import HttpRequest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from accounts.requests import sender


def sender_of(connection: ServerConnection, request: Request) -> str:
    """From whom the request came, behind our proxies."""
    asked = HttpRequest()
    asked.META["REMOTE_ADDR"] = (connection.remote_address or ("",))[0]
    if passed := request.headers.get_all("X-Forwarded-For"):
        asked.META["HTTP_X_FORWARDED_FOR"] = ",".join(passed)
    return sender(asked)


def answer(status: HTTPStatus, message: str, data: object = None) -> Response:
    """What is no socket is answered as by all our APIs."""
    body = orjson.dumps({"data": data, "message": message})
    headers = Headers()
    headers["Content-Type"] = "application/json"
    headers["Content-Length"] = str(len(body))
    headers["Cache-Control"] = "no-store"
    headers["Connection"] = "close"
    return Response(status.value, status.phrase, headers, body)
