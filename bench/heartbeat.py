"""What taking a beat in over HTTP costs beside a view that does nothing."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import measure, servers

VIEWERS = 2_000
SECONDS = 6
ROUNDS = 2

# Each request is put together before the clock runs: what is measured is the server.
SCRIPT = """
local requests, i = {}, 0
init = function()
  for body in io.lines("%s") do
    requests[#requests + 1] = wrk.format("POST", nil, {["Content-Type"] = "application/json"}, body)
  end
end
request = function()
  i = i %% #requests + 1
  return requests[i]
end
"""


@measure(floor=0.5, unit="beats/s")
def heartbeat_http() -> tuple[float, float]:
    """Beats accepted over HTTP, token check and stream append included, beside a no-op view."""
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.running_database("sqlite") as database_url,
        servers.running_valkey() as redis_url,
    ):
        # Nobody credits here, the stream must take all that comes in; and each viewer stands for many.
        settings = servers.set_up_django(
            database_url=database_url,
            redis_url=redis_url,
            WATCH_STREAM_LIMIT="100000000",
            WATCH_BEATS_PER_MINUTE="100000000",
        )
        script = _script(Path(folder))
        beats = nothing = 0.0
        with (
            servers.running_web(settings) as drops,
            servers.running_web(settings, application="bench.noop:application") as noop,
        ):
            for _ in range(ROUNDS):
                nothing += servers.load(f"{noop}/", seconds=SECONDS, script=script).per_second
                beats += servers.load(f"{drops}/viewer/v1/beat", seconds=SECONDS, script=script).per_second
        return beats / ROUNDS, nothing / ROUNDS


def _script(folder: Path) -> Path:
    from accounts.models import User
    from drops.domain.watch.tokens import LIFETIME, issue_watch_token
    from drops.models import Channel

    streamer = User.objects.create(username="streamer")
    channel = Channel.objects.create(owner=streamer, slug="streamer")
    # The measure may take longer than a token lives.
    later = datetime.now(UTC) + timedelta(hours=1) - LIFETIME
    bodies = folder / "bodies"
    bodies.write_text(
        "\n".join(
            json.dumps(
                {
                    "token": issue_watch_token(viewer_id=viewer_id, now=later),
                    "channel_id": channel.pk,
                    "event": "watch",
                    "player": viewer_id,
                }
            )
            for viewer_id in range(1, VIEWERS + 1)
        )
    )
    script = folder / "beats.lua"
    script.write_text(SCRIPT % bodies)
    return script
