from django.urls import path, register_converter

from .converters import ULIDConverter
from .views import connections, platform_sign_in, settings

register_converter(ULIDConverter, "ulid")

app_name = "accounts"

urlpatterns = [
    path("accounts/oidc/<provider_id>/login/", platform_sign_in.start, name="platform_sign_in"),
    path("settings/", settings.profile, name="settings"),
    path("settings/picture/remove/", settings.remove_picture, name="remove_picture"),
    path("settings/delete/", settings.delete_account, name="delete_account"),
    path("settings/connections/", connections.connections, name="connections"),
    path("settings/connections/<ulid:organization_id>/unlink/", connections.unlink, name="unlink"),
]
