"""The game's items. A reward on Drops names one of them by its external id."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    name: str
    kind: str
    image: str


ITEMS = {
    "skyforge-aurora-livery": Item("Aurora livery", "Paint job", "livery.svg"),
    "skyforge-comet-trail": Item("Comet trail", "Exhaust", "trail.svg"),
    "skyforge-storm-turbo": Item("Storm turbo", "Engine part", "turbo.svg"),
    "skyforge-north-pennant": Item("North pennant", "Flag", "pennant.svg"),
    "skyforge-pilot-helmet": Item("Pilot helmet", "Gear", "helmet.svg"),
    "skyforge-copper-wheel": Item("Copper wheel", "Steering", "wheel.svg"),
}


def item(reward: sqlite3.Row) -> Item:
    """The item of a reward; one that the game does not know yet goes by its id."""
    unknown = Item(f"Reward {reward['external_id'] or reward['reward_id']}", "Crate", "crate.svg")
    return ITEMS.get(reward["external_id"], unknown)
