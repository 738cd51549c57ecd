"""Two organizations with something of everything, one of them marked wherever a text fits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import Model

from accounts.domain.encryption import encrypt
from accounts.models import (
    ApiCall,
    ApplicationStep,
    AuditEvent,
    Invitation,
    MemberRole,
    Membership,
    OAuthApp,
    Organization,
    Proposal,
    User,
    new_ulid,
)
from drops.models import (
    Campaign,
    CampaignReward,
    Category,
    Channel,
    ChannelDay,
    ChannelMove,
    ChannelUncountedHour,
    NetworkDay,
    Reason,
    Reward,
    UncountedHour,
    WatchHour,
)
from fulfillment.domain.claims.hours import count_claim
from fulfillment.domain.war_room.links import share
from fulfillment.models import (
    Attempt,
    CampaignMinute,
    ChatWebhook,
    Claim,
    ClaimStatusChange,
    Delivery,
    DeliveryState,
    WebhookEndpoint,
)
from tests import factories
from tests.dashboard import with_second_factor
from tests.factories import NOW

# Stands in everything that the rival owns: no byte of it may come out.
MARKER = "zzrival"


class Belongings:
    """One object of each kind that belongs to one organization, `word` in all its texts."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.organization = factories.OrganizationFactory(
            name=f"{word} studio",
            slug=f"{word}-studio",
            url=f"https://{word}.example.com",
            connect_url=f"https://{word}.example.com/connect",
            contact_email=f"{word}@example.com",
            requested_categories=f"{word} game",
        )
        self.membership = factories.MembershipFactory(
            organization=self.organization, user__username=f"{word}_owner"
        )
        self.owner: User = self.membership.user
        with_second_factor(self.owner)
        self.colleague = factories.MembershipFactory(
            organization=self.organization, user__username=f"{word}_mate"
        )
        self.invitation = Invitation.objects.create(
            organization=self.organization,
            role=MemberRole.SUPPORT,
            invited=f"{word}@{word}.example.com",
            created_at=NOW,
            expires_at=NOW + timedelta(days=14),
        )
        self.change = factories.OrganizationChangeFactory(
            organization=self.organization,
            name=f"{word} renamed",
            with_logo=True,
            logo=f"changes/{word}.webp",
            asked_by=self.owner,
        )
        self.step = ApplicationStep.objects.create(
            organization=self.organization, kind="sent", text=f"{word} plan", by=self.owner, at=NOW
        )
        self.category = factories.CategoryFactory(
            name=f"{word} game", slug=f"{word}-game", organization=self.organization
        )
        self.app = factories.OAuthAppFactory(
            organization=self.organization,
            name=f"{word} app",
            client_id=f"{word}-client",
            redirect_uris=f"https://{word}.example.com/callback",
        )
        self.call = ApiCall.objects.create(
            id=new_ulid(),
            app=self.app,
            organization=self.organization,
            kind="app",
            method="GET",
            route="/public/v1/drops/claims",
            path=f"/public/v1/drops/claims?external_status={word}",
            status_class=2,
            status=200,
            milliseconds=7,
            request_id=f"{word}-request",
        )
        self.logo_change = factories.OrganizationChangeFactory(
            organization=self.organization,
            app=self.app,
            name="",
            with_logo=True,
            logo=f"changes/{word}-app.webp",
            asked_by=self.owner,
        )
        self.reward = factories.RewardFactory(
            organization=self.organization,
            category=self.category,
            name=f"{word} reward",
            external_id=f"{word}-item",
            image=f"rewards/{word}.webp",
        )
        self.campaign = factories.CampaignFactory(
            organization=self.organization,
            category=self.category,
            name=f"{word} campaign",
            info_url=f"https://{word}.example.com/drops",
        )
        self.attached = factories.CampaignRewardFactory(campaign=self.campaign, reward=self.reward)
        self._watched(
            factories.AllowedChannelFactory(campaign=self.campaign, channel__slug=f"{word}-channel").channel
        )
        self.viewer = factories.UserFactory(username=f"{word}_viewer")
        factories.ProgressFactory(campaign=self.campaign, viewer=self.viewer)
        self.endpoint = factories.WebhookEndpointFactory(
            organization=self.organization,
            url=f"https://{word}.example.com/webhooks",
            acknowledge_within_hours=1,
        )
        self.chat = ChatWebhook.objects.create(
            organization=self.organization,
            encrypted_url=encrypt(f"https://{word}.example.com/services/{word}".encode()),
            name=f"{word} chat",
            host=f"{word}.example.com",
        )
        self.claim = self._claim()
        self.delivery = self._delivery()
        self._unanswered()
        self.rehearsal = factories.RehearsalFactory(
            campaign=self.campaign,
            reward=self.reward,
            viewer=self.colleague.user,
            delivered_to=self.endpoint,
        )
        self._minute()
        self.proposal = Proposal.objects.create(
            organization=self.organization,
            act="campaign.withdraw",
            target_type="drops.campaign",
            target_id=self.campaign.pk,
            target_name=f"{word} campaign",
            asked_by=self.colleague.user,
            asked_at=NOW,
            expires_at=NOW + timedelta(days=7),
        )
        self.event = AuditEvent.objects.create(
            at=NOW,
            organization=self.organization,
            actor=self.owner,
            action=f"{word}.done",
            target_type="drops.reward",
            target_id=str(self.reward.pk),
            data={word: word},
        )

    def _watched(self, channel: Channel) -> None:
        """A day of watch time with many viewers of one network."""
        day = {"channel": channel, "day": NOW.date()}
        hour = {"campaign": self.campaign, "channel": channel, "hour": NOW}
        WatchHour.objects.create(**hour, seconds=600)
        UncountedHour.objects.create(**hour, seconds=7200, reason=Reason.WRONG_CATEGORY)
        ChannelUncountedHour.objects.create(
            channel=channel, hour=NOW, seconds=7200, reason=Reason.WRONG_CATEGORY
        )
        ChannelMove.objects.create(campaign=self.campaign, from_channel=channel, to_channel=channel, moves=9)
        ChannelDay.objects.create(**day, viewers=20)
        NetworkDay.objects.create(**day, viewers=10, network=1)

    def _minute(self) -> None:
        """What a replay of the war room shows, and a link to it by `token`."""
        CampaignMinute.objects.create(
            campaign=self.campaign,
            minute=NOW,
            taken_at=NOW,
            **dict.fromkeys(("watching", "streams", "seconds", "viewers", "reached", "claims", "claimed"), 3),
            **dict.fromkeys(("delivered", "on_its_way", "needs_you"), 3),
            endpoints=[[self.endpoint.pk, "working", 1, 1, 12, ["2xx"]]],
            channels=[[f"{self.word}-channel", 3]],
        )
        self.link, self.token = share(
            campaign=self.campaign, lasts=timedelta(hours=1), actor=self.owner, now=NOW
        )

    def _claim(self) -> Claim:
        claim = Claim.objects.create(
            id=new_ulid(),
            organization=self.organization,
            viewer=self.viewer,
            campaign=self.campaign,
            reward=self.reward,
            external_id=f"{self.word}-item",
            external_status=f"{self.word}-status",
            created_at=NOW,
            updated_at=NOW,
        )
        count_claim(claim)
        ClaimStatusChange.objects.create(claim=claim, at=NOW, old="initiated", new=f"{self.word}-status")
        return claim

    def _delivery(self) -> Delivery:
        delivery = Delivery.objects.create(
            endpoint=self.endpoint,
            claim=self.claim,
            event_type=f"{self.word}.event",
            body=f'{{"external_id":"{self.word}"}}'.encode(),
            state=DeliveryState.PENDING,
            next_attempt_at=NOW + timedelta(minutes=1),
            attempt_count=1,
            created_at=NOW,
        )
        Attempt.objects.create(
            delivery=delivery,
            endpoint=self.endpoint,
            number=1,
            trigger="claim",
            started_at=NOW,
            duration_ms=12,
            status=500,
            error_class="status",
            error=f"{self.word} failed",
            request_headers={"X-Word": self.word},
            response_headers={"X-Word": self.word},
            response_body=self.word.encode(),
        )
        return delivery

    def _unanswered(self) -> None:
        """A claim that was delivered and never answered for."""
        claim = factories.ClaimFactory(
            campaign=self.campaign, reward=self.reward, external_id=f"{self.word}-item"
        )
        Delivery.objects.create(
            endpoint=self.endpoint,
            claim=claim,
            event_type="drops.claim.created",
            body=b"{}",
            state=DeliveryState.DELIVERED,
            delivered_at=NOW - timedelta(days=1),
            created_at=NOW - timedelta(days=1),
        )

    def of(self, model: type[Model]) -> Model:
        """The object of `model`. A model that is new on the dashboard gets its line here."""
        return OF_MODEL[model](self)


OF_MODEL: dict[type[Model], Callable[[Belongings], Any]] = {
    ApiCall: lambda own: own.call,
    AuditEvent: lambda own: own.event,
    Campaign: lambda own: own.campaign,
    CampaignReward: lambda own: own.attached,
    Category: lambda own: own.category,
    ChatWebhook: lambda own: own.chat,
    Claim: lambda own: own.claim,
    Delivery: lambda own: own.delivery,
    Invitation: lambda own: own.invitation,
    Membership: lambda own: own.colleague,
    OAuthApp: lambda own: own.app,
    Organization: lambda own: own.organization,
    Proposal: lambda own: own.proposal,
    Reward: lambda own: own.reward,
    WebhookEndpoint: lambda own: own.endpoint,
}
