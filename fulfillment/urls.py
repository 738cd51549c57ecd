from django.urls import path

from . import views

app_name = "fulfillment"

urlpatterns = [
    path("inventory/", views.inventory, name="inventory"),
    path("inventory/claim/", views.claim, name="claim"),
    path("inventory/claim-all/", views.claim_all, name="claim_all"),
    path("inventory/claims/<ulid:claim_id>/", views.claimed, name="claimed"),
]
