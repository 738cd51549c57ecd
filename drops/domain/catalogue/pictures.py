"""The picture of a reward: two sizes of it, and its hash."""

from __future__ import annotations

import hashlib
from datetime import datetime

import structlog
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction

from accounts.domain import images, unused_files
from accounts.domain.images import BROKEN
from config.locks import lock
from drops.models import IMAGE_SIDE, SMALL_SIDE, Reward

logger = structlog.get_logger(__name__)

IMAGE_SIZE = (IMAGE_SIDE, IMAGE_SIDE)
SMALL_SIZE = (SMALL_SIDE, SMALL_SIDE)
# At one time.
MOST = 200


def keep(reward: Reward, upload: File, *, now: datetime) -> None:
    """Take the square picture in `upload` for `reward`, for its row to be saved with it.

    The files that the row names until then live on for a while: pages, mails and caches name them too.
    ValidationError on `image` where it is no picture, or not square.
    """
    try:
        images.check_square(upload)
        picture = images.decode(upload).image
    except ValidationError as error:
        raise ValidationError({"image": error}) from error
    for file in (reward.image, reward.small_image):
        unused_files.keep_for_now(file, now=now)
    large = images.written(picture, IMAGE_SIZE)
    reward.image_hash = hashlib.sha256(large.read()).hexdigest()
    large.seek(0)
    reward.image.save("image.webp", large, save=False)
    reward.small_image.save("image.webp", images.written(picture, SMALL_SIZE), save=False)


def make_small_pictures() -> int:
    """Give rewards from before there were two sizes what they lack, `MOST` at a time. Returns how many."""
    made = 0
    lacking = Reward.objects.exclude(image="").filter(image_hash="")
    for reward in lacking.order_by("pk")[:MOST]:
        with transaction.atomic():
            made += _complete(lock(reward))
    return made


def _complete(reward: Reward) -> bool:
    """Whether `reward`, which is locked, lacked something."""
    if not reward.image or reward.image_hash:
        return False
    try:
        with reward.image.open() as file:
            reward.image_hash = hashlib.sha256(file.read()).hexdigest()
            small = images.written(images.decode(file).image, SMALL_SIZE)
    except (ValidationError, *BROKEN):
        # The file is gone: the row is not looked at again.
        logger.warning("picture_unreadable", reward=reward.pk)
        reward.image_hash = reward.image_hash or "-"
    else:
        reward.small_image.save("image.webp", small, save=False)
    # Not `updated_at`: nobody has changed the reward.
    Reward.objects.filter(pk=reward.pk).update(
        image_hash=reward.image_hash, small_image=reward.small_image.name
    )
    return True
