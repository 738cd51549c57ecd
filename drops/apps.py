from django.apps import AppConfig


class DropsConfig(AppConfig):
    name = "drops"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.domain.applications import claims_asked
        from accounts.domain.apps import last_app_deleted
        from accounts.domain.links import connecting
        from accounts.domain.notices import viewers
        from accounts.domain.organizations import (
            application_approved,
            connection_page_emptied,
            suspension_asked,
        )
        from accounts.domain.users import account_deleted
        from config import metrics
        from config.middleware import health
        from drops.domain import readings, viewer_notices  # noqa: F401 - registers its kinds
        from drops.domain.campaigns import conditions, consequences
        from drops.domain.catalogue import categories
        from drops.domain.catalogue.channels import empty_channel
        from drops.domain.following import forget_follows
        from drops.domain.watch.connecting import note_connection
        from drops.domain.watch.history import forget_visits
        from drops.domain.watch.stream import ages

        account_deleted.connect(empty_channel)
        account_deleted.connect(forget_follows)
        account_deleted.connect(viewers.forget)
        account_deleted.connect(forget_visits)
        application_approved.connect(categories.give_categories)
        claims_asked.connect(categories.claims_of)
        connecting.connect(note_connection)
        connection_page_emptied.connect(conditions.keep_the_connection_page)
        suspension_asked.connect(consequences.of_suspending)
        last_app_deleted.connect(conditions.keep_an_app)
        health.ages_of.append(ages)
        metrics.sources |= {"watch time": readings.read_watch_time, "campaigns": readings.read_campaigns}
