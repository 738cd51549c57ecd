from django.urls import path, register_converter

from .converters import ULIDConverter
from .views import (
    connections,
    email_changes,
    email_confirmation,
    notices,
    organizations,
    platform_sign_in,
    second_factor,
    settings,
)

register_converter(ULIDConverter, "ulid")

app_name = "accounts"

urlpatterns = [
    path("accounts/oidc/<provider_id>/login/", platform_sign_in.start, name="platform_sign_in"),
    # In front of allauth's own page, which does not ask for a fresh sign-in.
    path("accounts/password/set/", settings.set_password),
    path("accounts/confirm-email/<str:key>/", email_confirmation.ConfirmEmail.as_view()),
    path("accounts/email/undo/<str:key>/", email_changes.undo, name="undo_email_change"),
    path("settings/", settings.profile, name="settings"),
    path("settings/picture/remove/", settings.remove_picture, name="remove_picture"),
    path("settings/time-zone/", settings.time_zone, name="time_zone"),
    path("settings/delete/", settings.delete_account, name="delete_account"),
    path("settings/second-factor/", second_factor.second_factor, name="second_factor"),
    path("settings/organizations/", organizations.organizations, name="organizations"),
    path("settings/organizations/invited/<str:key>/", organizations.invited, name="invited"),
    path(
        "settings/organizations/invitations/<int:invitation_id>/",
        organizations.answer,
        name="answer_invitation",
    ),
    path("settings/organizations/<ulid:organization_id>/leave/", organizations.leave, name="leave"),
    path("notices/", notices.notices, name="notices"),
    path("settings/notices/", notices.notice_settings, name="notice_settings"),
    path("settings/notices/<str:key>/", notices.switch, name="notices_off"),
    path("settings/connections/", connections.connections, name="connections"),
    path("settings/connections/<ulid:organization_id>/unlink/", connections.unlink, name="unlink"),
]
