"""Channels and categories for partners' servers."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

from accounts.api.authentication import TokenView
from config.api.envelope import ok
from config.api.fields import EXAMPLE_ID, MAX_ID
from config.api.schema import documented, path_parameter
from config.api.views import AUTHENTICATED, parse_id
from drops.api.serializers.partners import (
    OFFLINE,
    CategoriesQuery,
    ChannelsQuery,
    PublicCategorySerializer,
    PublicChannelSerializer,
    StreamingChannel,
)
from drops.domain.catalogue.categories import category_by_id
from drops.domain.catalogue.channels import channels_by_name
from drops.models import Category, Channel, Livestream

CATEGORIES_A_PAGE = 100


class ChannelsView(TokenView):
    """Channels by their owners' ids or by slug; without either the one of the token's user."""

    needs = AUTHENTICATED

    @documented(
        "Channels",
        "channels",
        "Channels by owner or slug; without either the token's own",
        PublicChannelSerializer(many=True),
        parameters=[ChannelsQuery],
    )
    def get(self, request: Request) -> HttpResponse:
        channels = (
            self._asked_for(ChannelsQuery.read(request.query_params)).select_related("owner").order_by("pk")
        )
        live = {
            livestream.channel_id: livestream
            for livestream in Livestream.objects.filter(
                channel__in=[channel.pk for channel in channels], ended_at__isnull=True
            ).select_related("category")
        }
        shown = [StreamingChannel(channel, live.get(channel.pk, OFFLINE)) for channel in channels]
        return ok(PublicChannelSerializer(shown, many=True).data)

    def _asked_for(self, query: dict[str, Any]) -> QuerySet[Channel]:
        owners, slugs = query["broadcaster_user_id"], query["slug"]
        if owners and slugs:
            raise ParseError("broadcaster_user_id: cannot be combined with slug.")
        present = Channel.objects.filter(owner__deleted_at__isnull=True)
        if slugs:
            return channels_by_name(slugs)
        if owners:
            return present.filter(owner__in=[user_id for user_id in owners if user_id <= MAX_ID])
        if self.caller.user_id is None:
            raise ParseError(
                "broadcaster_user_id or slug: is required, since an app access token has no channel."
            )
        return present.filter(owner=self.caller.user_id)


class CategoriesView(TokenView):
    """Categories by name, a page at a time."""

    needs = AUTHENTICATED

    @documented(
        "Channels",
        "categories",
        "Categories by name",
        PublicCategorySerializer(many=True),
        parameters=[CategoriesQuery],
    )
    def get(self, request: Request) -> HttpResponse:
        query = CategoriesQuery.read(request.query_params)
        words = query["q"]
        matching = (
            Category.objects.filter(Q(name__icontains=words) | Q(slug=words)) if words else Category.objects
        )
        first = (query["page"] - 1) * CATEGORIES_A_PAGE
        page = matching.order_by("name")[first : first + CATEGORIES_A_PAGE]
        return ok(PublicCategorySerializer(page, many=True).data)


class CategoryView(TokenView):
    needs = AUTHENTICATED

    @documented(
        "Channels",
        "category",
        "One category",
        PublicCategorySerializer(),
        parameters=[path_parameter("category_id", "The category's id.", EXAMPLE_ID)],
        refusals=(400, 401, 404, 429),
    )
    def get(self, request: Request, category_id: str) -> HttpResponse:
        number = parse_id("id", category_id)
        category = category_by_id(number)
        if category is None:
            raise NotFound(f"No such category: {number}.")
        return ok(PublicCategorySerializer(category).data)
