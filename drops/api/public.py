"""Channels and categories for partners' servers."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse, QueryDict
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

from accounts.api.authentication import TokenView
from config.api.envelope import answer, ok
from config.api.fields import EXAMPLE_ID, MAX_ID
from config.api.schema import documented, path_parameter
from config.api.views import AUTHENTICATED, parse_id
from drops.api.serializers.partners import (
    OFFLINE,
    PUBLIC_SORTS,
    CategoriesQuery,
    ChannelsQuery,
    PagedCategoriesQuery,
    PagedCategoriesSerializer,
    PublicCategorySerializer,
    PublicChannelSerializer,
    PublicLivestreamSerializer,
    PublicLivestreamsQuery,
    StreamingChannel,
)
from drops.domain.catalogue.categories import category_by_id
from drops.domain.catalogue.channels import channels_by_name
from drops.domain.catalogue.livestreams import livestreams_on_air
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


class PagedCategoriesView(TokenView):
    """Categories by any of some names or ids, from a cursor on."""

    needs = AUTHENTICATED

    @documented(
        "Channels",
        "paged_categories",
        "Categories by names or ids, page by page",
        PagedCategoriesSerializer,
        parameters=[PagedCategoriesQuery],
    )
    def get(self, request: Request) -> HttpResponse:
        query = PagedCategoriesQuery.read(_without_brackets(request.query_params))
        matching = Category.objects.filter(pk__gt=query["cursor"]).order_by("pk")
        if query["name"]:
            named = Q()
            for words in query["name"]:
                named |= Q(name__icontains=words)
            matching = matching.filter(named)
        if query["id"]:
            matching = matching.filter(pk__in=[number for number in query["id"] if number <= MAX_ID])
        limit = query["limit"]
        found = list(matching[: limit + 1])
        next_cursor = str(found[limit - 1].pk) if len(found) > limit else ""
        page = {"data": found[:limit], "pagination": {"next_cursor": next_cursor}}
        return answer(PagedCategoriesSerializer(page).data)


def _without_brackets(parameters: QueryDict) -> QueryDict:
    """Clients in the field write a list as name=a&name=b or as name[]=a&name[]=b."""
    plain = QueryDict(mutable=True)
    for written, values in parameters.lists():
        name = written.removesuffix("[]")
        plain.setlist(name, [*plain.getlist(name), *values])
    return plain


class LivestreamsView(TokenView):
    """What is on air: of some streamers, one category or language, or of all."""

    needs = AUTHENTICATED

    @documented(
        "Channels",
        "public_livestreams",
        "What is on air",
        PublicLivestreamSerializer(many=True),
        parameters=[PublicLivestreamsQuery],
    )
    def get(self, request: Request) -> HttpResponse:
        query = PublicLivestreamsQuery.read(_without_brackets(request.query_params))
        livestreams = livestreams_on_air().order_by(PUBLIC_SORTS[query["sort"]], "-started_at", "pk")
        if query["broadcaster_user_id"]:
            owners = [number for number in query["broadcaster_user_id"] if number <= MAX_ID]
            livestreams = livestreams.filter(channel__owner__in=owners)
        if query["category_id"] is not None:
            category = category_by_id(query["category_id"])
            livestreams = livestreams.filter(category=category) if category else livestreams.none()
        if query["language"]:
            livestreams = livestreams.filter(language=query["language"])
        first = (query["page"] - 1) * query["limit"]
        page = livestreams.select_related("channel__owner", "category")[first : first + query["limit"]]
        return ok(PublicLivestreamSerializer(page, many=True).data)


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
