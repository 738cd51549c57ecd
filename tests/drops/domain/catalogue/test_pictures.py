"""Rewards have their picture in two sizes; those of before get the second."""

from __future__ import annotations

import hashlib
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image

from drops.domain.catalogue import pictures
from drops.models import Reward
from drops.tasks import make_small_pictures
from tests import factories


def webp(side: int = 512) -> bytes:
    data = BytesIO()
    Image.new("RGB", (side, side), "teal").save(data, "WEBP")
    return data.getvalue()


def of_before(content: bytes) -> Reward:
    """A reward as there were before pictures had two sizes."""
    name = default_storage.save("rewards/of-before.webp", ContentFile(content))
    reward: Reward = factories.RewardFactory(image=name)
    return reward


def test_a_reward_of_before_has_one_address_and_then_two(db: None) -> None:
    reward = of_before(webp())
    changed = reward.updated_at
    assert reward.pictures == ""
    assert make_small_pictures() == 1
    reward.refresh_from_db()
    assert reward.image_hash == hashlib.sha256(webp()).hexdigest()
    with reward.small_image.open() as file, Image.open(file) as small:
        assert (small.format, small.size) == ("WEBP", (128, 128))
    assert reward.pictures == f"{reward.small_image.url} 128w, {reward.image.url} 512w"
    assert reward.updated_at == changed
    assert make_small_pictures() == 0


def test_a_file_that_is_gone_or_broken_is_looked_at_once(db: None) -> None:
    broken = of_before(b"RIFF")
    gone = factories.RewardFactory(image="rewards/never-there.webp")
    factories.RewardFactory()  # without a picture
    assert make_small_pictures() == 2
    assert make_small_pictures() == 0
    for reward in (broken, gone):
        reward.refresh_from_db()
        assert reward.pictures == ""


def test_so_many_are_made_at_a_time(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST", 2)
    for _ in range(3):
        of_before(webp())
    assert [make_small_pictures() for _ in range(3)] == [2, 1, 0]
