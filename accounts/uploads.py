"""Pictures that a person sends with a form: so many an hour, and decoded before any transaction begins."""

from __future__ import annotations

from contextlib import suppress
from typing import cast

from allauth.core.internal import ratelimit
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import ngettext

from accounts import rates
from accounts.domain import images

APP, ACTION = "drops", "pictures"


def pictures_of(request: HttpRequest) -> MultiValueDict[str, UploadedFile]:
    """`request.FILES`, counted and decoded. Nothing else that takes pictures reads it.

    What is wrong with a picture is kept with it, for the field to tell when the form is looked at.
    """
    for name in request.FILES:
        upload = cast("UploadedFile", request.FILES[name])
        with suppress(ValidationError):
            _count(request, upload)
            images.decode(upload)
    return request.FILES


def _count(request: HttpRequest, upload: UploadedFile) -> None:
    rate = f"{settings.PICTURES_PER_HOUR}/h/user"
    if ratelimit.consume(request, app=APP, action=ACTION, config={ACTION: rate}, user=request.user) is None:
        minutes = rates.minutes_left(request, app=APP, action=ACTION, rates=rate, user=request.user)
        images.refuse(
            upload,
            ValidationError(
                ngettext(
                    "You have uploaded too many pictures. Try again in %(minutes)d minute.",
                    "You have uploaded too many pictures. Try again in %(minutes)d minutes.",
                    minutes,
                )
                % {"minutes": minutes},
                code="too_many_pictures",
            ),
        )
