from django.urls import URLPattern, path

from . import public, viewer, watch

urlpatterns: list[URLPattern] = [
    path("public/v1/channels", public.ChannelsView.as_view(), name="api_channels"),
    path("public/v1/categories", public.CategoriesView.as_view(), name="api_categories"),
    path("public/v1/categories/<str:category_id>", public.CategoryView.as_view(), name="api_category"),
    path("api/v1/drops/campaigns", viewer.CampaignsView.as_view(), name="api_campaigns"),
    path(
        "api/v1/drops/campaigns/<str:campaign_id>/livestreams",
        viewer.CampaignLivestreamsView.as_view(),
        name="api_campaign_livestreams",
    ),
    path("api/v1/livestreams", viewer.LivestreamsView.as_view(), name="api_livestreams"),
    path("api/v2/channels/<str:slug>", viewer.ChannelView.as_view(), name="api_channel"),
    path("viewer/v1/token", watch.Token.as_view(), name="watch_token"),
    path("viewer/v1/beat", watch.beat, name="watch_beat"),
    path("viewer/v1/status", watch.status, name="watch_status"),
    path("api/v2/user/events", watch.Events.as_view(), name="user_events"),
]
