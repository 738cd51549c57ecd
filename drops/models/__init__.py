from .campaigns import (
    MAX_REWARDS,
    AllowedChannel,
    Campaign,
    CampaignPhase,
    CampaignReward,
    PhaseChange,
    PhaseChangeKind,
    Reward,
)
from .catalogue import Category, Channel, Livestream
from .watch import Progress, WatchInterval

__all__ = [
    "MAX_REWARDS",
    "AllowedChannel",
    "Campaign",
    "CampaignPhase",
    "CampaignReward",
    "Category",
    "Channel",
    "Livestream",
    "PhaseChange",
    "PhaseChangeKind",
    "Progress",
    "Reward",
    "WatchInterval",
]
