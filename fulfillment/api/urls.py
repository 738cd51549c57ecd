from django.urls import path

from fulfillment.api import claims, deliveries, keys, progress, rehearsals, replay, statistics, viewer

urlpatterns = [
    path("public/v1/drops/claims", claims.ClaimsView.as_view(), name="api_claims"),
    path(
        "public/v1/drops/campaigns/<str:campaign_id>/statistics",
        statistics.StatisticsView.as_view(),
        name="api_statistics",
    ),
    path(
        "public/v1/drops/campaigns/<str:campaign_id>/rehearsals",
        rehearsals.RehearsalsView.as_view(),
        name="api_rehearsals",
    ),
    path(
        "public/v1/drops/rehearsals/<str:rehearsal_id>",
        rehearsals.RehearsalView.as_view(),
        name="api_rehearsal",
    ),
    path("public/v1/drops/deliveries", deliveries.DeliveriesView.as_view(), name="api_deliveries"),
    path(
        "public/v1/drops/deliveries/<str:delivery_id>",
        deliveries.DeliveryView.as_view(),
        name="api_delivery",
    ),
    path("public/v1/drops/replay", replay.ReplayView.as_view(), name="api_replay"),
    path("public/v1/public-key", keys.PublicKeyView.as_view(), name="api_public_key"),
    path(".well-known/jwks.json", keys.JWKSView.as_view(), name="api_jwks"),
    path("api/v1/drops/progress", progress.ProgressView.as_view(), name="api_progress"),
    path("api/v1/drops/progress/summary", progress.SummaryView.as_view(), name="api_progress_summary"),
    path("api/v1/drops/claim", viewer.ClaimView.as_view(), name="api_claim"),
]
