"""What a streamer does with the own channel.

A GET of a view that only changes something comes from the sign-in on the way: it goes back to where the form is.
"""

from __future__ import annotations

from django.conf import settings as django_settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.requests import SignedInRequest
from accounts.uploads import pictures_of
from drops.domain.campaigns import participation
from drops.domain.catalogue import channels, livestreams
from drops.forms import BannerForm, ChannelForm, LivestreamForm, NewChannelForm
from drops.models import Channel, Livestream


@login_required
def settings(request: SignedInRequest) -> HttpResponse:
    """Opens a channel for those who have none; else describes it and says what it takes part in."""
    channel = Channel.objects.filter(owner=request.user).select_related("owner").first()
    if channel is None:
        return _open_channel(request)
    now = timezone.now()
    form = ChannelForm(
        request.POST if request.method == "POST" else None, initial={"description": channel.description}
    )
    if request.method == "POST" and form.is_valid():
        channels.describe_channel(
            channel=channel, description=form.cleaned_data["description"], now=now, actor=request.user
        )
        messages.success(request, _("Your channel was saved."))
        return redirect("drops:streamer_settings")
    return _show_settings(request, channel, form=form, banner_form=BannerForm())


@login_required
def banner(request: SignedInRequest) -> HttpResponse:
    """Shows an uploaded banner, or with `remove` none."""
    if request.method != "POST":
        return redirect("drops:streamer_settings")
    channel = own_channel(request.user)
    now = timezone.now()
    if "remove" in request.POST:
        channels.change_banner(channel=channel, banner=None, now=now, actor=request.user)
        messages.success(request, _("Your banner was removed."))
        return redirect("drops:streamer_settings")
    banner_form = BannerForm(request.POST, pictures_of(request))
    if banner_form.is_valid():
        try:
            channels.change_banner(
                channel=channel, banner=banner_form.cleaned_data["banner"], now=now, actor=request.user
            )
        except ValidationError as error:
            banner_form.add_error("banner", error.messages)
        else:
            messages.success(request, _("Your banner was changed."))
            return redirect("drops:streamer_settings")
    form = ChannelForm(initial={"description": channel.description})
    return _show_settings(request, channel, form=form, banner_form=banner_form)


@login_required
def take_part(request: SignedInRequest) -> HttpResponse:
    """Leaves the campaigns that are open to every channel, or comes back to them."""
    if request.method != "POST":
        return redirect("drops:streamer_settings")
    opted_out = request.POST.get("take_part") != "yes"
    livestreams.set_opt_out(
        channel=own_channel(request.user), opted_out=opted_out, now=timezone.now(), actor=request.user
    )
    if opted_out:
        messages.success(request, _("Your channel no longer takes part in global campaigns."))
    else:
        messages.success(request, _("Your channel takes part in global campaigns."))
    return redirect("drops:streamer_settings")


@login_required
def go_live(request: SignedInRequest) -> HttpResponse:
    """Starts a stream with this title and category, or changes the one that runs, where streamers do so themselves."""
    channel = own_channel(request.user)
    if request.method != "POST":
        return redirect("drops:channel", channel.slug)
    form = LivestreamForm(request.POST)
    if not form.is_valid():
        context = {"channel": channel, "livestream": live_on(channel), "form": form}
        return render(request, "drops/stream_form.html", context)
    was_live = live_on(channel) is not None
    try:
        livestreams.go_live(channel=channel, **form.cleaned_data, now=timezone.now(), actor=request.user)
    except PermissionDenied as refused:
        messages.error(request, str(refused))
        return redirect("drops:channel", channel.slug)
    messages.success(request, _("Your stream was changed.") if was_live else _("You are live."))
    return redirect("drops:channel", channel.slug)


@login_required
def end_stream(request: SignedInRequest) -> HttpResponse:
    """Ends it on POST, and asks first on GET."""
    channel = own_channel(request.user)
    livestream = live_on(channel)
    if request.method != "POST":
        if livestream is None:
            return redirect("drops:channel", channel.slug)
        return render(request, "drops/end_stream.html", {"channel": channel})
    if livestream is not None:
        livestreams.end_livestream(livestream=livestream, now=timezone.now(), actor=request.user)
    messages.success(request, _("Your stream has ended."))
    return redirect("drops:channel", channel.slug)


def own_channel(user: User) -> Channel:
    return get_object_or_404(Channel.objects.select_related("owner"), owner=user)


def live_on(channel: Channel) -> Livestream | None:
    return channel.livestreams.filter(ended_at=None).select_related("category").first()


def _open_channel(request: SignedInRequest) -> HttpResponse:
    form = NewChannelForm(
        request.POST if request.method == "POST" else None, initial={"slug": request.user.username.lower()}
    )
    if request.method == "POST" and form.is_valid():
        try:
            channels.create_channel(owner=request.user, **form.cleaned_data, now=timezone.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Your channel is open."))
            return redirect("drops:streamer_settings")
    return render(request, "drops/channel_new.html", {"form": form})


def _show_settings(request: SignedInRequest, channel: Channel, **forms: object) -> HttpResponse:
    now = timezone.now()
    context = {
        "now": now,
        "channel": channel,
        "livestream": live_on(channel),
        "campaigns": participation.campaigns_touching(channel, now=now),
        "streamers_go_live": django_settings.STREAMERS_GO_LIVE,
        **forms,
    }
    return render(request, "drops/channel_settings.html", context)
