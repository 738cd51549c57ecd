from django.urls import path

from accounts.oauth import views

urlpatterns = [
    path("oauth/authorize", views.AuthorizeView.as_view(), name="oauth_authorize"),
    path("oauth/token", views.TokenView.as_view(), name="oauth_token"),
    path("oauth/revoke", views.RevokeView.as_view(), name="oauth_revoke"),
    path("oauth/token/introspect", views.IntrospectView.as_view(), name="oauth_introspect"),
    path("public/v1/token/introspect", views.OlderIntrospectView.as_view()),
]
