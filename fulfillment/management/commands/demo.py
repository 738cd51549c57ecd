"""`manage.py demo`: two studios, two streamers, an audience and a viewer, to try everything with.

Run by `make run` at every start: what is there is left alone, only the clock is caught up with (the
streams are live, the first campaign has time left, the studio's addresses are today's).
"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.domain import apps, invitations, links, organizations
from accounts.domain.images import prepare_image
from accounts.models import MemberRole, Organization, User
from drops.domain.campaigns import lifecycle, phases, plans
from drops.domain.campaigns.plans import CampaignPlan, RewardPlan
from drops.domain.catalogue import channels, livestreams, rewards
from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.models import Campaign, CampaignPhase, Category, Channel, Reward
from drops.models.fields import to_ms
from fulfillment.domain.delivery import endpoints, signing
from fulfillment.management import demo_crowd
from fulfillment.management.demo_crowd import Wish
from fulfillment.management.demo_mails import send_no_mails

PASSWORD = "drops-demo"  # noqa: S105 - printed on the screen, for loopback addresses only
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - likewise
PICTURES = settings.BASE_DIR / "examples" / "demo_pictures"
STUDIO_APP = "Skyforge Rally"
STUDIO_HOOK = "/webhooks/drops"
DAY = timedelta(days=1)
# Who has watched before anybody signs in, and how many minutes.
AUDIENCE = {"anouk": 190, "bela": 130, "chidi": 75, "dora": 62, "emre": 34, "finn": 16, "gita": 7}


class Command(BaseCommand):
    help = "Fill the database with demo data, and print the demo sign-ins."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--studio-url", default="http://127.0.0.1:9000", help="where the example studio is"
        )
        parser.add_argument("--code", action="store_true", help="print the current sign-in code")

    def handle(self, *, studio_url: str, code: bool, **options: Any) -> None:
        if urlsplit(settings.SITE_URL).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise CommandError("Demo accounts have public passwords: SITE_URL must be on this machine.")
        if code:
            self.stdout.write(f"{current_code()}   for nora, ines, talia and oscar, each code once a person")
            return
        now = timezone.now()
        with transaction.atomic():
            season = fill(studio_url=studio_url.rstrip("/"), now=now)
            phases.note_phase_changes(now=now)
            send_no_mails(now=now)
        ensure_audience(season, now=now)
        Path(settings.STATE_DIR, "demo.txt").write_text(SIGN_INS)
        self.stdout.write(SIGN_INS)


SIGN_INS = f"""\
Demo sign-ins, the password is always {PASSWORD}
  viewer        vera   watch {settings.SITE_URL}/channels/mira/ for a minute, connect, claim
  streamer      mira   {settings.SITE_URL}/settings/channel/
  studio owner  nora   {settings.SITE_URL}/dashboard/   (asks for a code: make code)
  her support   ines   {settings.SITE_URL}/dashboard/   (asks for a code: make code)
  operator      oscar  {settings.SITE_URL}/admin/       (asks for a code: make code)
"""


def current_code() -> str:
    """The six digits that an authenticator app would show now: the demo's owners and operator share a secret."""
    return str(format_hotp_value(hotp_value(TOTP_SECRET, int(time.time()) // 30)))


def fill(*, studio_url: str, now: datetime) -> Campaign:
    """Everything but the audience. Returns the campaign that it watches."""
    if not signing.published_keys(now).exists():
        signing.create_signing_key(now=now)
    oscar = ensure_user("oscar", is_staff=True, is_superuser=True)
    ensure_second_factor(oscar)
    mira = ensure_user("mira", picture_name="user-mira")
    tomo = ensure_user("tomo", picture_name="user-tomo")
    ensure_user("vera", picture_name="user-viewer")

    nora = ensure_user("nora")
    northlight = ensure_organization(
        "Northlight Games", owner=nora, logo="logo-northlight", operator=oscar, now=now
    )
    rally = ensure_category("Skyforge Rally", picture_name="category-skyforge-rally", organization=northlight)
    ensure_studio_server(northlight, studio_url=studio_url, owner=nora, now=now)
    ensure_colleague(northlight, ensure_user("ines"), MemberRole.SUPPORT, owner=nora, now=now)

    talia = ensure_user("talia")
    tidepool = ensure_organization(
        "Tidepool Interactive", owner=talia, logo="logo-tidepool", operator=oscar, now=now
    )
    harbor = ensure_category("Harbor Lights", picture_name="category-harbor-lights", organization=tidepool)
    if not tidepool.oauth_apps.exists():
        callback = ["https://example.com/callback"]
        apps.create_app(organization=tidepool, name="Harbor", redirect_uris=callback, now=now, actor=talia)
    connect_at(tidepool, "https://example.com/connect", owner=talia, now=now)
    ensure_category("Just Talk", picture_name="category-just-chatting", organization=None)

    ensure_live_channel(mira, banner="banner-mira", category=rally, title="Night stages, no assists", now=now)
    pier = ensure_live_channel(
        tomo, banner="banner-tomo", category=harbor, title="Building the old pier", now=now
    )

    pennant = ensure_reward(northlight, rally, "North pennant", owner=nora, now=now)
    trail = ensure_reward(northlight, rally, "Comet trail", owner=nora, now=now)
    livery = ensure_reward(northlight, rally, "Aurora livery", owner=nora, now=now)
    turbo = ensure_reward(northlight, rally, "Storm turbo", owner=nora, now=now)
    helmet = ensure_reward(northlight, rally, "Pilot helmet", owner=nora, now=now)
    wheel = ensure_reward(northlight, rally, "Copper wheel", owner=nora, now=now)
    lantern = ensure_reward(tidepool, harbor, "Lantern", owner=talia, now=now)
    cat = ensure_reward(tidepool, harbor, "Harbor cat", owner=talia, now=now)

    season = ensure_campaign(
        northlight,
        nora,
        CampaignPhase.LIVE,
        plan(
            "Aurora Season",
            rally,
            now - 2 * DAY,
            now + 14 * DAY,
            {pennant: 1, trail: 15, livery: 60, turbo: 180},
        ),
        now,
    )
    ensure_campaign(
        northlight,
        nora,
        CampaignPhase.ANNOUNCED,
        plan("Copper Cup", rally, now + 4 * DAY, now + 18 * DAY, {wheel: 120}),
        now,
    )
    ensure_campaign(
        northlight,
        nora,
        CampaignPhase.GRACE,
        plan("Founders' Lap", rally, now - 16 * DAY, now - 2 * DAY, {helmet: 90}),
        now,
    )
    ensure_campaign(
        northlight,
        nora,
        CampaignPhase.DRAFT,
        plan("Winter Rally", rally, now + 30 * DAY, now + 44 * DAY, {helmet: 60, livery: 240}),
        now,
    )
    ensure_campaign(
        tidepool,
        talia,
        CampaignPhase.LIVE,
        replace(
            plan("Lanterns on the Pier", harbor, now - DAY, now + 10 * DAY, {lantern: 30, cat: 120}),
            channels=[pier],
        ),
        now,
    )
    return season


def ensure_audience(season: Campaign, *, now: datetime) -> None:
    """People who have watched mira until now, connected, and claimed what they had earned as soon as they had.

    Not to be called in a transaction: claims are delivered.
    """
    if season.claims.exists():
        return
    mira = Channel.objects.get(owner__username="mira")
    app = season.organization.oauth_apps.filter(deleted_at__isnull=True, name=STUDIO_APP).earliest("created")
    beats, reached = [], []
    for username, watched in AUDIENCE.items():
        viewer = ensure_user(username)
        links.link(viewer=viewer, app=app, now=now)
        began = now - timedelta(minutes=watched)
        kinds = [BeatKind.START, *[BeatKind.WATCH] * (watched - 1), BeatKind.GOODBYE]
        beats += [
            # All from one network, as at a school: then the lists of such groups have something to show.
            Beat(viewer.pk, mira.pk, to_ms(began + timedelta(minutes=minute)), kind, network=1)
            for minute, kind in enumerate(kinds)
        ]
        reached += [
            (began + timedelta(minutes=entry.required_minutes), viewer, entry.reward_id)
            for entry in season.campaign_rewards.filter(required_minutes__lte=watched)
        ]
    wishes = [Wish(at, viewer, season, reward_id) for at, viewer, reward_id in reached]
    # At the first start alone: a later season has the seven.
    is_first = not Channel.objects.filter(slug__in=demo_crowd.STREAMERS).exists()
    if is_first:
        last = season.organization.campaigns.get(name="Founders' Lap")
        talk = Category.objects.get(name="Just Talk")
        wishes += demo_crowd.draw_a_crowd(
            last=last, season=season, mira=mira, app=app, elsewhere=talk, now=now
        )
    credit(sorted(beats, key=lambda beat: beat.at), now=now)
    demo_crowd.claim_all(wishes)
    if is_first:
        endpoint = season.organization.webhook_endpoints.filter(deleted_at__isnull=True).earliest("pk")
        demo_crowd.write_what_became_of_claims(endpoint=endpoint, app=app, now=now)


def picture(name: str) -> ContentFile[bytes]:
    return ContentFile((PICTURES / f"{name}.webp").read_bytes(), name=f"{name}.webp")


def ensure_user(username: str, *, picture_name: str = "", **flags: bool) -> User:
    user = User.objects.filter(username=username).first()
    if user is not None:
        return user
    user = User(username=username, email=f"{username}@example.com", **flags)
    user.set_password(PASSWORD)
    if picture_name:
        image = prepare_image(picture(picture_name), size=(256, 256))
        user.profile_picture.save(image.name or "", image, save=False)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def ensure_second_factor(user: User) -> None:
    if not Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
        TOTP.activate(user, TOTP_SECRET)


def ensure_colleague(
    organization: Organization, user: User, role: MemberRole, *, owner: User, now: datetime
) -> None:
    ensure_second_factor(user)
    if organization.memberships.filter(user=user).exists():
        return
    invitation = invitations.invite(
        organization=organization, invited=user.email, role=role, now=now, actor=owner
    )
    invitations.accept(invitation_id=invitation.pk, user=user, now=now)


def ensure_organization(name: str, *, owner: User, logo: str, operator: User, now: datetime) -> Organization:
    ensure_second_factor(owner)
    organization = Organization.objects.filter(slug=slugify(name)).first()  # it may have another name by now
    if organization is not None:
        return organization
    organization = organizations.register_organization(
        founder=owner,
        name=name,
        url="https://example.com",
        connect_url="",
        requested_categories="",
        contact_email=owner.email,
        logo=picture(logo),
        now=now,
    )
    return organizations.approve_organization(organization=organization, now=now, actor=operator)


def ensure_category(name: str, *, picture_name: str, organization: Organization | None) -> Category:
    category = Category.objects.filter(name=name).first()
    if category is not None:
        return category
    category = Category(name=name, slug=slugify(name), organization=organization)
    image = prepare_image(picture(picture_name), size=(600, 800))
    category.image.save(image.name or "", image, save=False)
    category.save()
    return category


def ensure_live_channel(
    owner: User, *, banner: str, category: Category, title: str, now: datetime
) -> Channel:
    channel = Channel.objects.filter(owner=owner).first()
    if channel is None:
        about = f"{title}. Live every evening."
        channel = channels.create_channel(owner=owner, slug=owner.username, description=about, now=now)
        channel = channels.change_banner(channel=channel, banner=picture(banner), now=now, actor=owner)
    if not channel.livestreams.filter(ended_at__isnull=True).exists():
        # Long enough for an audience to have watched.
        began = now - timedelta(minutes=max(AUDIENCE.values()))
        livestreams.go_live(channel=channel, category=category, title=title, now=began, actor=None)
    return channel


def ensure_studio_server(organization: Organization, *, studio_url: str, owner: User, now: datetime) -> None:
    """What the example studio needs: its app, its connection page, its endpoint, and a file with the secret."""
    connect_at(organization, f"{studio_url}/connect", owner=owner, now=now)
    ensure_studio_app(organization, redirect_uri=f"{studio_url}/connect/callback", owner=owner, now=now)
    url = f"{studio_url}{STUDIO_HOOK}"
    present = organization.webhook_endpoints.filter(deleted_at__isnull=True).order_by("pk")
    if present.filter(url=url).exists():
        return
    # The studio's own, at the port it had before: the owner may have added others.
    before = present.filter(url__startswith="http://127.0.0.1:", url__endswith=STUDIO_HOOK).first()
    if before is not None:
        endpoints.change_endpoint(endpoint=before, url=url, now=now, actor=owner, limited=False)
    elif present.count() < endpoints.MAX_ENDPOINTS:
        endpoints.create_endpoint(organization=organization, url=url, now=now, actor=owner, limited=False)


def ensure_studio_app(organization: Organization, *, redirect_uri: str, owner: User, now: datetime) -> None:
    """The secret is known only when it is made, so it goes into the studio's file then; a lost file gets a new one."""
    file = Path(settings.STATE_DIR, "studio.env")
    app = organization.oauth_apps.filter(deleted_at__isnull=True, name=STUDIO_APP).order_by("created").first()
    if app is None:
        app, secret = apps.create_app(
            organization=organization,
            name=STUDIO_APP,
            redirect_uris=[redirect_uri],
            now=now,
            actor=owner,
        )
    else:
        if app.redirect_uris != redirect_uri:
            apps.change_app(app=app, name=app.name, redirect_uris=[redirect_uri], now=now, actor=owner)
        if file.exists():
            return
        secret = apps.rotate_secret(app=app, now=now, actor=owner)
    file.touch(mode=0o600)
    file.write_text(f"DROPS_CLIENT_ID={app.client_id}\nDROPS_CLIENT_SECRET={secret}\n")


def connect_at(organization: Organization, connect_url: str, *, owner: User, now: datetime) -> None:
    if organization.connect_url != connect_url:
        organizations.change_organization(
            organization=organization, connect_url=connect_url, now=now, actor=owner
        )


def ensure_reward(
    organization: Organization, category: Category, name: str, *, owner: User, now: datetime
) -> Reward:
    reward = organization.rewards.filter(name=name).first()
    if reward is not None:
        return reward
    return rewards.create_reward(
        organization=organization,
        name=name,
        category=category,
        external_id=f"{slugify(category.name).split('-')[0]}-{slugify(name)}",
        image=picture(f"reward-{slugify(name)}"),
        now=now,
        actor=owner,
    )


def plan(
    name: str, category: Category, starts_at: datetime, ends_at: datetime, minutes: dict[Reward, int]
) -> CampaignPlan:
    return CampaignPlan(
        name=name,
        category=category,
        info_url="https://example.com/drops",
        starts_at=starts_at,
        ends_at=ends_at,
        announcement_days=7,
        grace_days=7,
        rewards=[
            RewardPlan(reward, required, position)
            for position, (reward, required) in enumerate(minutes.items(), start=1)
        ],
    )


def ensure_campaign(
    organization: Organization, owner: User, phase: CampaignPhase, wanted: CampaignPlan, now: datetime
) -> Campaign:
    """One campaign of this name in `phase`; a live one that ends soon gets its full time again."""
    present = organization.campaigns.in_phase(phase, now=now).filter(name=wanted.name).first()
    if present is None:
        # Announced on time: the past campaigns were published in the past.
        published = min(now, wanted.announces_at)
        present = lifecycle.create_campaign(
            organization=organization, plan=wanted, now=published, actor=owner
        )
        if phase is not CampaignPhase.DRAFT:
            lifecycle.publish_campaign(campaign=present, now=published, actor=owner)
    elif phase is CampaignPhase.LIVE and present.ends_at < now + 3 * DAY:
        longer = replace(plans.plan_of(present), ends_at=wanted.ends_at)
        lifecycle.change_campaign(campaign=present, plan=longer, now=now, actor=owner)
    return present
