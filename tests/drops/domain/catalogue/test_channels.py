from __future__ import annotations

from datetime import datetime

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent, User
from drops.domain.catalogue import channels
from drops.models import Channel


def test_opening_a_channel_is_recorded(streamer: User, now: datetime):
    channel = channels.create_channel(owner=streamer, slug="Mira", description="", now=now)
    assert channel.slug == "mira"
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.at) == ("channel.created", streamer, now)


def test_nobody_has_two_channels(channel: Channel, now: datetime):
    with pytest.raises(ValidationError, match="You already have a channel"):
        channels.create_channel(owner=channel.owner, slug="second", description="", now=now)


def test_deleting_an_account_without_a_channel_touches_no_channel(
    channel: Channel, viewer: User, now: datetime
):
    channels.empty_channel(user=viewer, now=now)
    channel.refresh_from_db()
    assert channel.slug == "streamer"
