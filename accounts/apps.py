from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Every app's `dashboard` registers its models on the owners' site, as `admin` does on the operators'."""
        autodiscover_modules("dashboard")
        from accounts import signals  # noqa: F401 - connects them
        from config import checks  # noqa: F401 - registers them
