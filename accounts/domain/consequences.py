"""What an act makes final or takes away. People see it before they confirm."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

# If an act affects at least this many people, the person must type the object's name.
MANY = 1000


class Consequence(NamedTuple):
    """One sentence; and where a moment is set or moves, the moment it had and the moment it gets."""

    text: str
    before: datetime | None = None
    after: datetime | None = None
