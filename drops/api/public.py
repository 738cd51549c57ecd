"""Channels and categories for partners' servers."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

from accounts.api.authentication import TokenView
from config.api.envelope import ok
from config.api.schema import EXAMPLE_ID, documented, number, parameter, path_parameter, text
from config.api.views import MAX_ID, Query, parse_id
from drops.api.schema import CATEGORIES, CATEGORY, CHANNELS
from drops.api.shapes import public_category, public_channel
from drops.models import Category, Channel, Livestream

MAX_CHANNELS = 50
CATEGORIES_A_PAGE = 100
MAX_PAGE = 10_000


class ChannelsView(TokenView):
    """Channels by their owners' ids or by slug; without either the one of the token's user."""

    @documented(
        "Channels",
        "channels",
        "Channels by owner or slug; without either the token's own",
        CHANNELS,
        parameters=[
            parameter("broadcaster_user_id", number(), "Owners, up to 50.", example=[EXAMPLE_ID], many=True),
            parameter("slug", text("streamer"), "Slugs, up to 50.", many=True),
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        channels = self._asked_for(Query(request.query_params)).select_related("owner").order_by("pk")
        live = {
            livestream.channel_id: livestream
            for livestream in Livestream.objects.filter(
                channel__in=[channel.pk for channel in channels], ended_at__isnull=True
            ).select_related("category")
        }
        return ok([public_channel(channel, live.get(channel.pk)) for channel in channels])

    def _asked_for(self, query: Query) -> QuerySet[Channel]:
        owners = query.user_ids("broadcaster_user_id", most=MAX_CHANNELS)
        slugs = query.texts("slug", most=MAX_CHANNELS, max_length=50)
        if owners and slugs:
            raise ParseError("broadcaster_user_id: cannot be combined with slug.")
        present = Channel.objects.filter(owner__deleted_at__isnull=True)
        if slugs:
            return present.filter(slug__in=[slug.lower() for slug in slugs])
        if owners:
            return present.filter(owner__in=[user_id for user_id in owners if user_id <= MAX_ID])
        if self.caller.user_id is None:
            raise ParseError(
                "broadcaster_user_id or slug: is needed, since an app access token has no channel."
            )
        return present.filter(owner=self.caller.user_id)


class CategoriesView(TokenView):
    """Categories by name, a page at a time."""

    @documented(
        "Channels",
        "categories",
        "Categories by name",
        CATEGORIES,
        parameters=[
            parameter("q", text("Skyforge"), "A part of the name.", example="Skyforge"),
            parameter("page", number(1, minimum=1, maximum=MAX_PAGE, default=1), "A page of 100.", example=1),
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        query = Query(request.query_params)
        words = query.text("q", max_length=120)
        page = query.integer("page", default=1, least=1, most=MAX_PAGE)
        matching = (
            Category.objects.filter(Q(name__icontains=words) | Q(slug=words)) if words else Category.objects
        )
        first = (page - 1) * CATEGORIES_A_PAGE
        return ok(
            [public_category(found) for found in matching.order_by("name")[first : first + CATEGORIES_A_PAGE]]
        )


class CategoryView(TokenView):
    @documented(
        "Channels",
        "category",
        "One category",
        CATEGORY,
        parameters=[path_parameter("category_id", "The category's id.", EXAMPLE_ID)],
        refusals=(400, 401, 404, 429),
    )
    def get(self, request: Request, category_id: str) -> HttpResponse:
        number = parse_id("id", category_id)
        category = Category.objects.filter(pk=number).first() if number <= MAX_ID else None
        if category is None:
            raise NotFound(f"No such category: {number}.")
        return ok(public_category(category))
