"""Tells Drops, in the background, which claims have reached their player, until Drops has heard it."""

import logging
import sqlite3
from threading import Event

from . import drops, store

BATCH = 100  # claims, the most that Drops takes in one call
FIRST_PAUSE, LONGEST_PAUSE = 1, 300  # seconds between tries while Drops is away

log = logging.getLogger(__name__)
something_new = Event()


def soon() -> None:
    """Have the reporter look at once."""
    something_new.set()


def run_forever() -> None:
    """Report what is unreported, then sleep until there is more. The database is the list of what to do."""
    pause = None
    while True:
        something_new.clear()
        try:
            while claim_ids := store.unreported(BATCH):
                report_batch(claim_ids)
            pause = None
        except (*drops.DropsError, sqlite3.Error) as error:
            pause = min(pause * 2, LONGEST_PAUSE) if pause else FIRST_PAUSE
            log.warning("Drops has not heard of all deliveries, again in %s s: %s", pause, error)
        something_new.wait(pause)


def report_batch(claim_ids: list[str]) -> None:
    """Report up to 100 claims; raises DropsError when it should be tried again later."""
    if not reported(claim_ids):
        # A batch is all or nothing, so one claim that Drops refuses must not hold up the others.
        for claim_id in claim_ids:
            if not reported([claim_id]):
                log.error("Drops refuses to hear of claim %s", claim_id)
                store.set_status([claim_id], "refused")


def reported(claim_ids: list[str]) -> bool:
    """Whether Drops took the news; false when it finds fault with the claims themselves."""
    answer = drops.set_external_status(claim_ids, "delivered")
    if answer.status_code in {400, 404, 422}:
        return False
    answer.raise_for_status()
    store.set_status(claim_ids, "delivered")
    return True
