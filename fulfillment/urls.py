from django.urls import path

from . import views
from .dashboard.war_room import shared_war_room

app_name = "fulfillment"

urlpatterns = [
    path("campaigns/<ulid:campaign_id>/promises/", views.promises, name="promises"),
    path("campaigns/<ulid:campaign_id>/promises.json", views.promises_json, name="promises_json"),
    path("campaigns/<ulid:campaign_id>/promises.jws", views.promises_jws, name="promises_jws"),
    path("war-room/<str:token>/", shared_war_room, name="shared_war_room"),
    path("inventory/", views.inventory, name="inventory"),
    path("inventory/claim/", views.claim, name="claim"),
    path("inventory/claim-all/", views.claim_all, name="claim_all"),
    path("inventory/claims/<ulid:claim_id>/", views.claimed, name="claimed"),
    path("settings/channel/numbers/", views.channel_numbers, name="channel_numbers"),
]
