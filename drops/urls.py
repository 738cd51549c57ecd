from django.urls import path

from .views import campaigns, channels, feeds, following, history, status, streaming

app_name = "drops"

urlpatterns = [
    path("campaigns/", campaigns.campaign_list, name="campaigns"),
    path("campaigns/feed/", feeds.CampaignFeed(), name="feed"),
    path("campaigns/<ulid:campaign_id>/", campaigns.campaign_detail, name="campaign"),
    path("campaigns/<ulid:campaign_id>/calendar.ics", feeds.calendar, name="calendar"),
    path("channels/", channels.channel_list, name="channels"),
    path("channels/<slug:slug>/", channels.channel, name="channel"),
    path("channels/<slug:slug>/status/", channels.watch_status, name="watch_status"),
    path("status/", status.status, name="status"),
    path("following/", following.followed, name="following"),
    path("following/change/", following.follow, name="follow"),
    path("settings/channel/", streaming.settings, name="streamer_settings"),
    path("settings/channel/banner/", streaming.banner, name="banner"),
    path("settings/channel/drops/", streaming.take_part, name="take_part"),
    path("settings/channel/stream/", streaming.go_live, name="go_live"),
    path("settings/channel/stream/end/", streaming.end_stream, name="end_stream"),
    path("settings/watch-history/", history.watch_history, name="watch_history"),
]
