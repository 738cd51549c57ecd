"""Claims that were made before are for the game account of their time; the oldest of each keeps it."""

from __future__ import annotations

from datetime import timedelta

from accounts.models import Organization
from drops.models import Campaign, Reward
from fulfillment.models import Claim
from tests import factories

BEFORE = "0005_remember_the_release_of_a_failing_endpoint"


def test_claims_get_the_game_account_of_their_time(
    studio: Organization, rival_studio: Organization, campaign: Campaign, reward: Reward, now, migrate
) -> None:
    def claimed_with(*accounts: str, organization: Organization = studio) -> str:
        """The claim of a viewer who linked these accounts for an hour each, and claimed in the first hour."""
        made = factories.ClaimFactory(
            campaign=campaign, reward=reward, created_at=now + timedelta(minutes=30)
        )
        for hour, account in enumerate(accounts):
            factories.GameLinkFactory(
                viewer=made.viewer,
                organization=organization,
                game_account_id=account,
                linked_at=now + timedelta(hours=hour),
                unlinked_at=now + timedelta(hours=hour + 1),
            )
        return made.pk

    first = claimed_with("p-77")
    again = claimed_with("p-77")
    named_later = claimed_with("", "p-78")
    unnamed = claimed_with("")
    elsewhere = claimed_with("p-79", organization=rival_studio)

    migrate("fulfillment", BEFORE)
    migrate()

    assert dict(Claim.objects.values_list("pk", "game_account_id")) == {
        first: "p-77",
        again: "",
        named_later: "p-78",
        unnamed: "",
        elsewhere: "",
    }
