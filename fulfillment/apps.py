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
        from drops.domain.notices import phase_noted
        from fulfillment.domain import notices, readings, viewer_notices  # noqa: F401 - registers its kinds
        from fulfillment.domain.analytics import results
        from fulfillment.domain.chat import posting
        from fulfillment.domain.claims.game_accounts import name_claims
        from fulfillment.domain.delivery import events

        metrics.sources["deliveries"] = readings.read_deliveries
        written_for_chat.connect(posting.write_posts)
        phase_noted.connect(notices.tell_first_day)
        phase_noted.connect(events.write_deliveries)
        phase_noted.connect(results.begin)
        game_account_named.connect(name_claims)
