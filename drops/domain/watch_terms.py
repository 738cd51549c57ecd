"""What campaigns asked for before they were edited.

Watch time is judged by the terms of the moment it was watched in. A beat is credited a second after
it was accepted, or much later when crediting is behind, and it earns up to 150 s of the time before
it: an edit in between must neither take that away nor count it by the new terms.
"""

from __future__ import annotations

from datetime import datetime

from drops.models import Campaign, FormerTerms


def remember_terms(*, campaign: Campaign, now: datetime) -> None:
    """Keep the terms of a published campaign. Call it before changing them, in the same transaction,
    with `campaign` as it was read from the database."""
    if campaign.published_at is None:
        return
    FormerTerms.objects.create(
        campaign=campaign,
        until=now,
        category_id=campaign.category_id,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        test_mode=campaign.test_mode,
        channel_ids=list(campaign.allowed_channels.values_list("channel_id", flat=True)),
    )
