"""Valid objects with as little said as possible. Times are given; nothing reads the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import factory
from factory.django import DjangoModelFactory

from accounts.models import GameLink, MemberRole, Membership, OAuthApp, Organization, OrganizationChange, User
from config.ulid import ulid_of
from drops.models import (
    AllowedChannel,
    Campaign,
    CampaignReward,
    Category,
    Channel,
    Grant,
    Livestream,
    Progress,
    Reward,
)
from fulfillment.domain.claims.hours import count_claim
from fulfillment.domain.delivery import signing
from fulfillment.models import Attempt, Claim, Delivery, Rehearsal, SigningKey, WebhookEndpoint

# The moment in which every test happens, unless it says otherwise.
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"user_{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")


class OrganizationFactory(DjangoModelFactory):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Studio {n}")
    slug = factory.Sequence(lambda n: f"studio-{n}")
    url = "https://studio.example.com"
    connect_url = "https://studio.example.com/connect"
    approved_at = NOW - timedelta(days=100)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)
    role = MemberRole.OWNER


class OrganizationChangeFactory(DjangoModelFactory):
    class Meta:
        model = OrganizationChange

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Studio {n} renamed")
    asked_by = factory.SubFactory(UserFactory)
    asked_at = NOW - timedelta(hours=1)


class OAuthAppFactory(DjangoModelFactory):
    """The secret of every app made here is "secret" (stored hashed)."""

    class Meta:
        model = OAuthApp

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"App {n}")
    client_type = OAuthApp.CLIENT_CONFIDENTIAL
    authorization_grant_type = OAuthApp.GRANT_AUTHORIZATION_CODE
    client_secret = "secret"
    redirect_uris = "https://studio.example.com/callback"


class GameLinkFactory(DjangoModelFactory):
    class Meta:
        model = GameLink

    viewer = factory.SubFactory(UserFactory)
    organization = factory.SubFactory(OrganizationFactory)
    app = factory.SubFactory(OAuthAppFactory, organization=factory.SelfAttribute("..organization"))
    linked_at = NOW - timedelta(days=1)


class CategoryFactory(DjangoModelFactory):
    class Meta:
        model = Category

    name = factory.Sequence(lambda n: f"Game {n}")
    slug = factory.Sequence(lambda n: f"game-{n}")


class ChannelFactory(DjangoModelFactory):
    class Meta:
        model = Channel

    owner = factory.SubFactory(UserFactory)
    slug = factory.LazyAttribute(lambda channel: channel.owner.username.lower())


class LivestreamFactory(DjangoModelFactory):
    class Meta:
        model = Livestream

    channel = factory.SubFactory(ChannelFactory)
    category = factory.SubFactory(CategoryFactory)
    title = "Playing"
    started_at = NOW - timedelta(hours=2)


class RewardFactory(DjangoModelFactory):
    class Meta:
        model = Reward

    organization = factory.SubFactory(OrganizationFactory)
    category = factory.SubFactory(CategoryFactory, organization=factory.SelfAttribute("..organization"))
    name = factory.Sequence(lambda n: f"Reward {n}")
    external_id = factory.Sequence(lambda n: f"item-{n}")


class CampaignFactory(DjangoModelFactory):
    """Live at NOW, global, published."""

    class Meta:
        model = Campaign

    organization = factory.SubFactory(OrganizationFactory)
    category = factory.SubFactory(CategoryFactory, organization=factory.SelfAttribute("..organization"))
    name = factory.Sequence(lambda n: f"Campaign {n}")
    info_url = "https://studio.example.com/drops"
    starts_at = NOW - timedelta(days=1)
    ends_at = NOW + timedelta(days=6)
    announces_at = factory.LazyAttribute(lambda campaign: campaign.starts_at - timedelta(days=2))
    closes_at = factory.LazyAttribute(lambda campaign: campaign.ends_at + timedelta(days=3))
    published_at = factory.LazyAttribute(lambda campaign: campaign.announces_at - timedelta(days=1))


class CampaignRewardFactory(DjangoModelFactory):
    """Attaches a new reward of the campaign's own organization and category."""

    class Meta:
        model = CampaignReward

    campaign = factory.SubFactory(CampaignFactory)
    reward = factory.SubFactory(
        RewardFactory,
        organization=factory.SelfAttribute("..campaign.organization"),
        category=factory.SelfAttribute("..campaign.category"),
    )
    required_minutes = 60
    position = factory.LazyAttribute(lambda attached: attached.campaign.campaign_rewards.count() + 1)


class AllowedChannelFactory(DjangoModelFactory):
    class Meta:
        model = AllowedChannel

    campaign = factory.SubFactory(CampaignFactory)
    channel = factory.SubFactory(ChannelFactory)


class ProgressFactory(DjangoModelFactory):
    class Meta:
        model = Progress

    viewer = factory.SubFactory(UserFactory)
    campaign = factory.SubFactory(CampaignFactory)
    seconds = 3600
    created_at = NOW - timedelta(hours=2)
    updated_at = NOW - timedelta(minutes=1)


class WebhookEndpointFactory(DjangoModelFactory):
    class Meta:
        model = WebhookEndpoint

    organization = factory.SubFactory(OrganizationFactory)
    url = factory.Sequence(lambda n: f"https://studio.example.com/webhooks/{n}")
    verified_at = NOW - timedelta(days=90)


class ClaimFactory(DjangoModelFactory):
    """Ids grow from one to the next, a millisecond apart from NOW on."""

    class Meta:
        model = Claim

    id = factory.Sequence(lambda n: ulid_of(NOW + timedelta(milliseconds=n)))
    campaign = factory.SubFactory(CampaignFactory)
    organization = factory.SelfAttribute("campaign.organization")
    reward = factory.SubFactory(
        RewardFactory,
        organization=factory.SelfAttribute("..campaign.organization"),
        category=factory.SelfAttribute("..campaign.category"),
    )
    viewer = factory.SubFactory(UserFactory)
    external_id = factory.SelfAttribute("reward.external_id")
    created_at = NOW
    updated_at = NOW

    @classmethod
    def _create(cls, model_class: type[Claim], *args: Any, **kwargs: Any) -> Claim:
        """As a claim is made: counted in its hour."""
        claim: Claim = super()._create(model_class, *args, **kwargs)
        if claim.rehearsal_id is None:
            count_claim(claim)
        return claim


class GrantFactory(DjangoModelFactory):
    class Meta:
        model = Grant

    campaign = factory.SubFactory(CampaignFactory, test_mode=True)
    viewer = factory.SubFactory(UserFactory)
    granted_by = factory.SelfAttribute("viewer")
    minutes = 60
    reason = "rehearsal"
    at = NOW


class RehearsalFactory(DjangoModelFactory):
    """One that is over: it failed at the delivery to `delivered_to`, or passed without one."""

    class Meta:
        model = Rehearsal
        skip_postgeneration_save = True

    campaign = factory.SubFactory(CampaignFactory, test_mode=True)
    organization = factory.SelfAttribute("campaign.organization")
    reward = factory.SubFactory(
        RewardFactory,
        organization=factory.SelfAttribute("..campaign.organization"),
        category=factory.SelfAttribute("..campaign.category"),
    )
    viewer = factory.SubFactory(UserFactory)
    started_by = factory.SelfAttribute("viewer")
    grant = factory.SubFactory(
        GrantFactory, campaign=factory.SelfAttribute("..campaign"), viewer=factory.SelfAttribute("..viewer")
    )
    stand_in = True
    state = "passed"
    started_at = NOW - timedelta(minutes=2)
    until = NOW - timedelta(minutes=1)
    ended_at = NOW - timedelta(minutes=2)

    @factory.post_generation
    def delivered_to(self, create: bool, endpoint: WebhookEndpoint | None, **kwargs: object) -> None:
        claim = ClaimFactory(
            campaign=self.campaign, reward=self.reward, viewer=self.viewer, test=True, rehearsal=self
        )
        codes = {"watch": "granted_no_stream", "link": "stand_in", "claim": "claimed"}
        codes["delivery"] = "not_delivered" if endpoint else "no_endpoint"
        for kind, code in codes.items():
            state = {"stand_in": "skipped", "no_endpoint": "skipped", "not_delivered": "failed"}.get(
                code, "passed"
            )
            data = {"minutes": self.grant.minutes} if kind == "watch" else {}
            self.steps.create(
                kind=kind, state=state, code=code, data=data, started_at=self.started_at, duration_ms=4
            )
        if endpoint is None:
            return
        delivery = Delivery.objects.create(
            endpoint=endpoint,
            claim=claim,
            event_type="drops.claim.created",
            body=b"{}",
            state="failed",
            trigger="rehearsal",
            attempt_count=1,
            created_at=NOW,
        )
        Attempt.objects.create(
            delivery=delivery, endpoint=endpoint, number=1, trigger="rehearsal", started_at=NOW, status=500
        )
        self.state = "failed"
        self.save()


def make_signing_key(now: datetime = NOW) -> SigningKey:
    """What webhooks are signed with. All tests share one pair, since making one takes a moment."""
    return signing.add_signing_key(pair=_key_pair(), now=now)


@cache
def _key_pair() -> signing.KeyPair:
    return signing.generate_key_pair()
