from django.urls import path

from accounts.api import links, users

urlpatterns = [
    path("public/v1/users", users.UsersView.as_view(), name="api_users"),
    path("public/v1/drops/links/<str:user_id>", links.LinkView.as_view(), name="api_link"),
]
