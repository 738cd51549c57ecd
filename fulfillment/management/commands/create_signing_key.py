from argparse import ArgumentParser
from datetime import timedelta

from django.core.management.base import BaseCommand
from django.utils import timezone

from fulfillment.domain.delivery import signing


class Command(BaseCommand):
    help = (
        "Make a key that webhooks are signed with. The first is used at once. A further one is published now "
        "and used first after the rotation time; the ones before it are retired after another rotation time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-none", action="store_true", help="do nothing if a key is published already")
        parser.add_argument(
            "--rotation-hours",
            type=float,
            default=signing.ROTATION / timedelta(hours=1),
            help="longer than receivers cache the public key (default: %(default)s)",
        )

    def handle(self, *, if_none: bool, rotation_hours: float, **options: object) -> None:
        now = timezone.now()
        if if_none and signing.published_keys(now).exists():
            return
        key = signing.create_signing_key(now=now, rotation=timedelta(hours=rotation_hours))
        self.stdout.write(f"Key {key.pk} is published, and used from {key.active_from:%Y-%m-%d %H:%M} UTC.")
