"""One run: `python -m tests.chaos.run DATABASE SECONDS SEED`. Exits 1 if an invariant is broken."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path

from bench.servers import set_up_django
from scripts.ports import free_port, wait_until_listening
from scripts.postgresql import running_server
from scripts.valkey import configure
from tests.chaos import invariants, troubles
from tests.chaos.load import Load
from tests.chaos.programs import Program, procfile_command
from tests.chaos.sink import running_sink

STUDIOS = 3
# Viewers at a time, and seconds that each waits before the next claim: about a hundred claims a second on two
# cores, while workers still get their turn. SQLite writes for one at a time: of more viewers, some wait for seconds.
VIEWERS = {"postgresql": 10, "sqlite": 6}
PAUSE = 0.05
# More than they can claim in a second of the run.
WISHES_PER_SECOND = 200


def main(database: str, seconds: int, seed: int) -> int:
    print(f"\nChaos on {database} for {seconds} s, seed {seed}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drops-chaos-")))
        server = stack.enter_context(running_server()) if database == "postgresql" else None
        valkey_command, redis_url = configure(folder / "valkey")
        port = free_port()
        settings = set_up_django(
            database_url=server.url if server else f"sqlite:///{folder}/db.sqlite3",
            redis_url=redis_url,
            migrated=False,
            STATE_DIR=str(folder),
            API_CALLS_PER_MINUTE="10000000",
            LOG_LEVEL="WARNING",
            PORT=str(port),
        )
        from django.core.management import call_command  # Django is set up

        from tests.chaos import studios
        from tests.tables import make_tables

        make_tables()
        call_command("collectstatic", verbosity=0, interactive=False)  # pages of errors need them
        sink = stack.enter_context(running_sink(seed))
        wishes, quiet_wishes = studios.fill(
            urls=[f"{sink.url}/{number}" for number in range(STUDIOS)],
            # A round of troubles that has begun is ended.
            wishes=WISHES_PER_SECOND * (seconds + 30),
        )

        def start(name: str, command: list[str]) -> Program:
            return stack.enter_context(Program(name, command, settings, folder / f"{name}.log"))

        valkey = start("valkey", valkey_command)
        web = start("web", procfile_command("web"))
        worker = start("worker", procfile_command("worker"))
        deliveries = start("deliveries", procfile_command("deliveries"))
        clock = start("clock", procfile_command("clock"))
        wait_until_listening(port)
        site = f"http://127.0.0.1:{port}"
        load = stack.enter_context(Load(site, wishes, seed, threads=VIEWERS[database], pause=PAUSE))
        # The studio without a server: nothing but this site can slow these claims, and few they are.
        quiet = stack.enter_context(Load(site, quiet_wishes, seed, threads=1, pause=PAUSE))
        troubles.seconds_until_claimed(quiet)

        hung: list[tuple[float, float]] = []
        choice: dict[str, Callable[[], None]] = {
            "kill -9 web": web.kill,
            "kill -9 worker": worker.kill,
            "kill -9 deliveries": deliveries.kill,
            "kill -9 clock": clock.kill,
            "kill -9 valkey": valkey.kill,
            "valkey hangs": partial(troubles.hang, valkey, hung),
            "valkey is flushed": partial(troubles.flush, redis_url),
        }
        if server:
            choice["postgresql crashes"] = partial(troubles.crash_postgresql, server)
            choice["postgresql restarts"] = partial(troubles.restart_postgresql, server)
        began = time.monotonic()
        recoveries = troubles.cause(choice, viewers=quiet, seconds=seconds, seed=seed)
        took = time.monotonic() - began
        load.stop()
        quiet.stop()
        requests = len(sink.seen)
        planned = invariants.what_waits_is_planned()
        waiting = studios.drain()

        answers = [*load.answers, *quiet.answers]
        found = [
            planned,
            invariants.nothing_is_left(waiting),
            invariants.every_claim_arrived(sink.seen),
            invariants.delivered_means_a_2xx(sink.seen),
            invariants.one_claim_each(answers),
            invariants.told_yes_or_try_again(answers),
            invariants.attempts_are_requests(sink.seen),
            invariants.same_message_every_time(sink.seen),
            invariants.signatures_are_valid(sink.seen),
            invariants.a_hung_broker_costs_little(quiet.told, hung),
            invariants.the_site_recovers(recoveries),
            invariants.the_load_lasted([load, quiet]),
        ]
        broken = not all(invariant.holds for invariant in found)
        if broken:
            for error in chain.from_iterable(
                program.errors() for program in (web, worker, deliveries, clock)
            ):
                print(f"\n{error}")
    killed = ", ".join(
        f"{program.name} {program.killed}" for program in (web, worker, deliveries, clock, valkey)
    )
    print(f"killed: {killed} times")
    print(f"claims: {len(load.told)} in {took:.0f} s, and {len(quiet.told)} of the studio without a server")
    print(f"requests to studios: {requests} meanwhile, {len(sink.seen) - requests} afterwards")
    for invariant in found:
        print(f"{'holds ' if invariant.holds else 'BROKEN'}  {invariant.name}: {invariant.counts}")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
