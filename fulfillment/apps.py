from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FulfillmentConfig(AppConfig):
    name = "fulfillment"
    verbose_name = _("Fulfillment")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.domain.links import game_account_named
        from accounts.domain.notices.writing import written_for_chat
        from config import metrics
        from drops.domain.notices import first_day_over
        from fulfillment.domain import notices, readings
        from fulfillment.domain.chat import posting
        from fulfillment.domain.claims.game_accounts import name_claims

        metrics.sources["deliveries"] = readings.read_deliveries
        written_for_chat.connect(posting.write_posts)
        first_day_over.connect(notices.tell_first_day)
        game_account_named.connect(name_claims)
