"""What reporting an audience over HTTP costs beside crediting it."""

from __future__ import annotations

import http.client
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import orjson

from bench import measure, servers, watch

AUDIENCE = 10_000
ROUNDS = 12


@measure(floor=0.5, unit="viewers/s")
def watch_batch_http() -> tuple[float, float]:
    """Viewers credited through the batch endpoint, beside `credit` alone on the same viewers."""
    with servers.running_database("postgresql") as database_url:
        settings = servers.set_up_django(database_url=database_url)
        # The endpoint takes what was watched in the last minutes; each report is some seconds later.
        watch.NOON = datetime.now(UTC) - timedelta(minutes=9)
        world = watch.World(AUDIENCE, batch=AUDIENCE)
        world.minute = timedelta(seconds=15)
        world.warm_up()
        token = _platform_token()
        over_http = alone = 0.0
        with servers.running_web(settings) as url:
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
            _report(connection, token, world.batch(0))
            for _ in range(ROUNDS):
                over_http += _report(connection, token, world.batch(0))
                alone += watch.seconds(world.batch(0).credit)
            connection.close()
        return ROUNDS * AUDIENCE / over_http, ROUNDS * AUDIENCE / alone


def _report(connection: http.client.HTTPConnection, token: str, batch: watch.Batch) -> float:
    audiences = defaultdict(list)
    for beat in batch.beats:
        audiences[beat.channel_id].append(beat.viewer_id)
    body = orjson.dumps(
        {
            "at": batch.at,
            "audiences": [{"channel_id": channel, "user_ids": users} for channel, users in audiences.items()],
        }
    )
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": batch.at.isoformat(),
    }
    started = time.perf_counter()
    connection.request("POST", "/platform/v1/audiences", body, headers)
    response = connection.getresponse()
    answer = response.read()
    took = time.perf_counter() - started
    assert response.status == 200, answer
    assert orjson.loads(answer)["data"]["credited_seconds"] > 0
    return took


def _platform_token() -> str:
    from oauth2_provider.models import AccessToken, set_token_value

    from accounts.models import OAuthApp

    app = OAuthApp.objects.create(
        is_platform=True,
        name="Platform",
        client_type=OAuthApp.CLIENT_CONFIDENTIAL,
        authorization_grant_type=OAuthApp.GRANT_CLIENT_CREDENTIALS,
    )
    token = AccessToken(application=app, scope="platform", expires=datetime.now(UTC) + timedelta(hours=1))
    set_token_value(token, "bench-token")
    token.save()
    return "bench-token"
