from django.urls import URLPattern, path

from . import watch

urlpatterns: list[URLPattern] = [
    path("viewer/v1/token", watch.Token.as_view(), name="watch_token"),
    path("viewer/v1/beat", watch.beat, name="watch_beat"),
    path("viewer/v1/status", watch.status, name="watch_status"),
    path("api/v2/user/events", watch.Events.as_view(), name="user_events"),
]
