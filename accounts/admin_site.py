"""The operators' site: Django's own, with our pages alone."""

from django.contrib.admin.apps import AdminConfig


class OperatorsAdminConfig(AdminConfig):
    """Django's admin without what other packages put into it: their forms change people's ways to sign
    in, and the platform's apps' tokens, past the domain and its audit trail."""

    def ready(self) -> None:
        super().ready()
        from django.contrib.admin import site

        from accounts.admin import OperatorAdmin

        for model, model_admin in list(site._registry.items()):
            if not isinstance(model_admin, OperatorAdmin):
                site.unregister(model)
