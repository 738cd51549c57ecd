"""Campaigns, the rewards that are earned in them, and the channels that a campaign is limited to."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Protocol

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils import dateformat
from django.utils.translation import gettext, gettext_lazy as _

from accounts.models import Organization, ULIDField, new_ulid
from config import zones
from config.one_line import one_line

from .catalogue import Category, Channel
from .rewards import Reward, reward_image_path

# The first migration looks for the address of a picture here.
__all__ = ["reward_image_path"]

MAX_REWARDS = 12


class CampaignPhase(models.TextChoices):
    """Where a campaign stands at a moment. Computed from its dates, never stored."""

    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    ANNOUNCED = "announced", _("Announced")
    LIVE = "live", _("Live")
    GRACE = "grace", _("Grace period")
    CLOSED = "closed", _("Closed")
    WITHDRAWN = "withdrawn", _("Withdrawn")

    @property
    def watchable(self) -> bool:
        """Watch time counts."""
        return self is CampaignPhase.LIVE

    @property
    def claimable(self) -> bool:
        """What was earned can be claimed: also after a withdrawal, until the promised last day."""
        return self in CLAIMABLE_PHASES

    @property
    def public(self) -> bool:
        """Shown to every viewer."""
        return self in PUBLIC_PHASES


CLAIMABLE_PHASES = (CampaignPhase.LIVE, CampaignPhase.GRACE, CampaignPhase.WITHDRAWN)
PUBLIC_PHASES = (CampaignPhase.ANNOUNCED, CampaignPhase.LIVE, CampaignPhase.GRACE, CampaignPhase.CLOSED)


class PhaseRule(NamedTuple):
    phase: CampaignPhase
    field: str
    unset: bool = False  # True: holds while `field` is empty; False: once `field` is reached


# The definition of the phases, first match wins: `Campaign.phase` and `CampaignQuerySet.with_phase`
# both read it, so that an instance and a query cannot disagree.
PHASE_RULES = (
    PhaseRule(CampaignPhase.DRAFT, "published_at", unset=True),
    PhaseRule(CampaignPhase.CLOSED, "closes_at"),
    PhaseRule(CampaignPhase.WITHDRAWN, "withdrawn_at"),
    PhaseRule(CampaignPhase.GRACE, "ends_at"),
    PhaseRule(CampaignPhase.LIVE, "starts_at"),
    PhaseRule(CampaignPhase.ANNOUNCED, "announces_at"),
)
LAST_RESORT = CampaignPhase.SCHEDULED


class HasMoments(Protocol):
    """What the phases are read of: a campaign, or what was read of one."""

    @property
    def published_at(self) -> datetime | None: ...
    @property
    def announces_at(self) -> datetime: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def closes_at(self) -> datetime: ...
    @property
    def withdrawn_at(self) -> datetime | None: ...


# What changes of phase depend on.
MOMENTS = frozenset(("published_at", "announces_at", "starts_at", "ends_at", "closes_at", "withdrawn_at"))


def phase_at(campaign: HasMoments, now: datetime) -> CampaignPhase:
    for rule in PHASE_RULES:
        moment: datetime | None = getattr(campaign, rule.field)
        if (moment is None) if rule.unset else (moment is not None and moment <= now):
            return rule.phase
    return LAST_RESORT


def in_phases(*phases: CampaignPhase) -> Q:
    """The rule for campaigns that `CampaignQuerySet.with_phase` has annotated."""
    return Q(("phase_now__in", phases))


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def with_phase(self, now: datetime) -> CampaignQuerySet:
        """Annotate `phase_now`, the phase at `now`, to filter and order by."""
        whens = [
            When(
                Q(**{f"{rule.field}__isnull": True}) if rule.unset else Q(**{f"{rule.field}__lte": now}),
                then=Value(rule.phase),
            )
            for rule in PHASE_RULES
        ]
        return self.annotate(
            phase_now=Case(*whens, default=Value(LAST_RESORT), output_field=models.CharField())
        )

    def in_phase(self, *phases: CampaignPhase, now: datetime) -> CampaignQuerySet:
        return self.with_phase(now).filter(in_phases(*phases))


class Campaign(models.Model):
    """Watch time between `starts_at` and `ends_at` earns the attached rewards.

    Announced from `announces_at`, claimable until `closes_at`. The dashboard and the API speak of
    the announcement and grace periods in days; the moments are what is stored, so that a query needs
    no date arithmetic and an index serves it.
    """

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="campaigns", verbose_name=_("organization")
    )
    name = models.CharField(_("name"), max_length=120, validators=[one_line])
    category = models.ForeignKey(
        Category,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="campaigns",
        verbose_name=_("category"),
        help_text=_(
            "Watch time counts while the stream is in this category. If empty, every category counts."
        ),
    )
    info_url = models.URLField(_("info URL"), blank=True)
    announces_at = models.DateTimeField(_("announcement"))
    starts_at = models.DateTimeField(_("start"))
    ends_at = models.DateTimeField(_("end"))
    closes_at = models.DateTimeField(_("close"))
    test_mode = models.BooleanField(
        _("test mode"),
        default=False,
        help_text=_("Only members of the organization can take part and claim."),
    )
    # When a draft is published by itself; empty once it is published, or could not be.
    publish_at = models.DateTimeField(_("publication"), null=True, blank=True)
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True, editable=False)
    # Out of the owners' list; nothing else depends on it.
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When the clock has something to do next (`drops.domain.campaigns.phases`); empty: that is to be found out.
    next_change_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(announces_at__lte=F("starts_at"))
                & Q(starts_at__lt=F("ends_at"))
                & Q(ends_at__lte=F("closes_at")),
                name="campaign_dates_in_order",
                violation_error_message=_("A campaign is announced, starts, ends and closes in this order."),
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(published_at__isnull=False),
                name="campaign_withdrawn_after_publishing",
                violation_error_message=_("Only a published campaign can be withdrawn."),
            ),
            models.CheckConstraint(
                condition=Q(publish_at__isnull=True) | Q(published_at__isnull=True),
                name="campaign_publication_of_drafts",
                violation_error_message=_("Only a draft can be published at a time."),
            ),
            models.CheckConstraint(
                condition=Q(archived_at__isnull=True)
                | Q(published_at__isnull=True)
                | Q(archived_at__gte=F("closes_at")),
                name="campaign_archived_when_over",
                violation_error_message=_("A published campaign can be archived once it has closed."),
            ),
        ]
        indexes = [
            # Which campaigns can count now: read for every batch of watch time.
            models.Index(
                fields=["starts_at", "ends_at"],
                condition=Q(published_at__isnull=False, withdrawn_at__isnull=True),
                name="campaign_running",
            ),
            models.Index(fields=["organization", "-starts_at"], name="campaign_by_organization"),
            # Which drafts are to be published by now: read every minute.
            models.Index(
                fields=["publish_at"],
                condition=Q(publish_at__isnull=False),
                name="campaign_to_publish",
            ),
            # Which campaigns change by now: read every minute.
            models.Index(
                fields=["next_change_at"],
                condition=Q(published_at__isnull=False),
                name="campaign_to_change",
            ),
            # The list is sorted by these.
            models.Index(fields=["organization", "name", "id"], name="campaign_by_name"),
            models.Index(fields=["organization", "ends_at", "id"], name="campaign_by_end"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Whatever moment is saved, the next change is another one."""
        fields = kwargs.get("update_fields")
        if fields is None or not MOMENTS.isdisjoint(fields):
            self.next_change_at = None
            if fields is not None:
                kwargs["update_fields"] = {*fields, "next_change_at"}
        super().save(*args, **kwargs)

    @property
    def dated_name(self) -> str:
        """With its days: campaigns may have one name."""
        start, end = (
            dateformat.format(moment.astimezone(zones.current()), "j M Y")
            for moment in (self.starts_at, self.ends_at)
        )
        return gettext("%(campaign)s (%(start)s to %(end)s)") % {
            "campaign": self.name,
            "start": start,
            "end": end,
        }

    def phase(self, now: datetime) -> CampaignPhase:
        return phase_at(self, now)

    @property
    def announcement_days(self) -> int:
        return (self.starts_at - self.announces_at).days

    @property
    def grace_days(self) -> int:
        return (self.closes_at - self.ends_at).days


class CampaignReward(models.Model):
    """A reward attached to a campaign: its threshold on the one counter of watch time."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="campaign_rewards")
    reward = models.ForeignKey(
        Reward, on_delete=models.PROTECT, related_name="campaign_rewards", verbose_name=_("reward")
    )
    required_minutes = models.PositiveIntegerField(
        _("required minutes"),
        validators=[MinValueValidator(1)],
        help_text=_("Minutes of watch time that earn this reward."),
    )
    position = models.PositiveSmallIntegerField(
        _("position"), validators=[MinValueValidator(1), MaxValueValidator(MAX_REWARDS)]
    )

    class Meta:
        verbose_name = _("attached reward")
        verbose_name_plural = _("attached rewards")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "reward"],
                name="campaign_reward_attached_once",
                violation_error_message=_("This reward is already attached."),
            ),
            models.UniqueConstraint(
                fields=["campaign", "position"],
                name="campaign_reward_position_unique",
                violation_error_message=_("Two rewards have the same position."),
            ),
            models.CheckConstraint(
                condition=Q(position__gte=1, position__lte=MAX_REWARDS),
                name="campaign_reward_position_1_to_12",
                violation_error_message=_("A campaign can have at most 12 rewards."),
            ),
            models.CheckConstraint(
                condition=Q(required_minutes__gte=1),
                name="campaign_reward_minutes_positive",
                violation_error_message=_("A reward requires at least one minute."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reward} after {self.required_minutes} min"

    @property
    def required_seconds(self) -> int:
        return self.required_minutes * 60


class AllowedChannel(models.Model):
    """One entry of a campaign's allow-list. A campaign without any is global."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="allowed_channels")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="allowed_in")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "channel"],
                name="allowed_channel_once",
                violation_error_message=_("This channel is already on the allow-list."),
            )
        ]

    def __str__(self) -> str:
        return str(self.channel)


class PhaseChangeKind(models.TextChoices):
    ANNOUNCED = "announced", _("Announced")
    STARTED = "started", _("Started")
    FIRST_DAY = "first_day", _("First day over")
    LAST_DAY = "last_day", _("Last day to watch")
    ENDED = "ended", _("Ended, grace period began")
    LAST_CHANCE = "last_chance", _("Last day to claim")
    CLOSED = "closed", _("Closed")

    @property
    def outlives_withdrawal(self) -> bool:
        """What was earned stays claimable after a withdrawal, so the end of claims still comes."""
        return self in (PhaseChangeKind.LAST_CHANCE, PhaseChangeKind.CLOSED)


class PhaseChange(models.Model):
    """A phase change that was noted, once. What it entails is written with it.

    A campaign has a second one of a kind where its dates were moved after the first, by a day or more.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="phase_changes")
    kind = models.CharField(max_length=16, choices=PhaseChangeKind)
    # When the change happened according to the campaign's dates.
    due_at = models.DateTimeField()
    noted_at = models.DateTimeField()

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "kind", "due_at"], name="phase_change_noted_once"),
            models.CheckConstraint(
                condition=Q(kind__in=PhaseChangeKind.values), name="phase_change_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.get_kind_display()}"
