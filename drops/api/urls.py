from django.urls import URLPattern, path

from . import campaign_files, managed_campaigns, managed_rewards, platform, public, viewer, watch

urlpatterns: list[URLPattern] = [
    path("public/v1/channels", public.ChannelsView.as_view(), name="api_channels"),
    path("public/v1/categories", public.CategoriesView.as_view(), name="api_categories"),
    path("public/v1/categories/<str:category_id>", public.CategoryView.as_view(), name="api_category"),
    path("public/v2/categories", public.PagedCategoriesView.as_view(), name="api_paged_categories"),
    path("public/v1/livestreams", public.LivestreamsView.as_view(), name="api_public_livestreams"),
    path(
        "public/v1/drops/campaigns",
        managed_campaigns.ManagedCampaignsView.as_view(),
        name="api_managed_campaigns",
    ),
    path(
        "public/v1/drops/campaigns/<str:campaign_id>",
        managed_campaigns.ManagedCampaignView.as_view(),
        name="api_managed_campaign",
    ),
    path(
        "public/v1/drops/campaigns/<str:campaign_id>/plan",
        campaign_files.CampaignPlanView.as_view(),
        name="api_plan",
    ),
    path(
        "public/v1/drops/campaigns/<str:campaign_id>/publish",
        managed_campaigns.PublishView.as_view(),
        name="api_publish",
    ),
    path(
        "public/v1/drops/campaigns/<str:campaign_id>/end",
        managed_campaigns.EndView.as_view(),
        name="api_end",
    ),
    path(
        "public/v1/drops/campaigns/<str:campaign_id>/withdraw",
        managed_campaigns.WithdrawView.as_view(),
        name="api_withdraw",
    ),
    path("public/v1/drops/rewards", managed_rewards.ManagedRewardsView.as_view(), name="api_managed_rewards"),
    path(
        "public/v1/drops/rewards/<str:reward_id>",
        managed_rewards.ManagedRewardView.as_view(),
        name="api_managed_reward",
    ),
    path("api/v1/drops/campaigns", viewer.CampaignsView.as_view(), name="api_campaigns"),
    path(
        "api/v1/drops/campaigns/<str:campaign_id>/livestreams",
        viewer.CampaignLivestreamsView.as_view(),
        name="api_campaign_livestreams",
    ),
    path("api/v1/livestreams", viewer.LivestreamsView.as_view(), name="api_livestreams"),
    path("api/v2/channels/<str:slug>", viewer.ChannelView.as_view(), name="api_channel"),
    path("api/v2/channels/<str:slug>/videos", viewer.VideosView.as_view(), name="api_videos"),
    path("viewer/v1/token", watch.Token.as_view(), name="watch_token"),
    path("viewer/v1/connect", watch.ConnectView.as_view(), name="watch_connect"),
    path("viewer/v1/beat", watch.BeatView.as_view(), name="watch_beat"),
    path("viewer/v1/history", watch.History.as_view(), name="watch_history_json"),
    path("viewer/v1/status", watch.StatusView.as_view(), name="watch_status"),
    path("api/v2/user/events", watch.Events.as_view(), name="user_events"),
    path("platform/v1/users", platform.UsersView.as_view(), name="platform_users"),
    path("platform/v1/channels", platform.ChannelsView.as_view(), name="platform_channels"),
    path(
        "platform/v1/channels/<str:channel_id>/livestream",
        platform.LivestreamView.as_view(),
        name="platform_livestream",
    ),
    path("platform/v1/audiences", platform.AudiencesView.as_view(), name="platform_audiences"),
]
