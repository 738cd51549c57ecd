"""Webhooks on your own machine, while your server is not on the internet yet.

    export DROPS_CLIENT_ID=… DROPS_CLIENT_SECRET=…      # of an OAuth app of your organization
    python3 replay.py --drops https://drops.example.com --to http://localhost:9000/webhook

It asks Drops every other second for test events and for deliveries of your campaigns in test mode, and posts each to
your server: the same headers, the same bytes, signed with the real key at this moment. Nothing is taken from anybody:
they are copies, and your endpoints get their webhooks as ever. Campaigns that are not in test mode are not handed out.

    --test        begin with a test event that goes nowhere else
    --since 60    also what was made in the last 60 minutes (at most 1440); otherwise only what is new
    --endpoint ID only what is sent to this endpoint
    --once        end when there is nothing more to hand on

A message is posted once, whatever your server answers. To have it again, start the script with --since.
It needs Python 3.9 or newer and nothing else.
"""

import argparse
import base64
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import OrderedDict

SCOPE = "drops:replay"
REMEMBERED = 10_000  # ids of messages that were posted
LONGEST_PAUSE = 60


class Refused(Exception):
    """Drops said no, and asking again would not help."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Drops follows none either: your server gets what it would get."""

    def redirect_request(self, *_arguments):
        return None


# No proxy: what is on this machine is not asked of another.
LOCAL = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))


class Drops:
    """The API, with a token that is renewed when it ends."""

    def __init__(self, address, client_id, client_secret):
        self.address = address.rstrip("/")
        self.credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self.token = ""

    def fetch_token(self):
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": SCOPE}).encode()
        request = urllib.request.Request(f"{self.address}/oauth/token", form)
        request.add_header("Authorization", f"Basic {self.credentials}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                granted = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise Refused(f"No token: {error.code} {words_of(error)}") from None
            raise
        if SCOPE not in granted.get("scope", "").split():
            raise Refused(f"The token has no scope {SCOPE}: is this an app of an organization?")
        self.token = granted["access_token"]

    def call(self, method, path):
        """The `data` of the answer. Network errors and answers of 5xx are raised as they are."""
        for is_last in (False, True):  # the token may have ended: once more with a new one
            if not self.token:
                self.fetch_token()
            request = urllib.request.Request(f"{self.address}{path}", method=method)
            request.add_header("Authorization", f"Bearer {self.token}")
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)["data"]
            except urllib.error.HTTPError as error:
                if error.code == 401 and not is_last:
                    self.token = ""
                elif error.code < 500 and error.code != 429:
                    raise Refused(f"Drops answered {error.code}: {words_of(error)}") from None
                else:
                    raise
        raise Refused("Drops takes no token.")


def words_of(error):
    try:
        answer = json.load(error)
        return answer.get("message") or answer.get("error_description") or answer.get("error") or ""
    except (ValueError, AttributeError):
        return ""


def post(to, message):
    """Post a message as Drops would. Returns what came back, in a few words."""
    request = urllib.request.Request(to, message["body"].encode(), message["headers"], method="POST")
    started = time.monotonic()
    try:
        with LOCAL.open(request, timeout=10) as answer:
            answer.read(8192)
            came_back = str(answer.status)
    except urllib.error.HTTPError as error:
        came_back = f"{error.code} {error.read(200).decode('utf-8', 'replace').strip()}".strip()
    except (OSError, ValueError) as error:  # nobody listens, or what listens does not speak HTTP
        came_back = f"no answer: {getattr(error, 'reason', error)}"
    return f"{came_back} in {(time.monotonic() - started) * 1000:.0f} ms"


def hand_on(to, message, posted):
    if message["id"] in posted:
        return
    posted[message["id"]] = True
    while len(posted) > REMEMBERED:
        posted.popitem(last=False)
    say(f"{message['event_type']} {message['id']}: {post(to, message)}")


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def follow(drops, options):
    posted, pause, cursor = OrderedDict(), 1, ""
    asked_for_test = not options.test
    say(f"Messages of {drops.address} go to {options.to}. End with Ctrl-C.")
    while True:
        try:
            if not asked_for_test:
                hand_on(options.to, drops.call("POST", "/public/v1/drops/replay"), posted)
                asked_for_test = True
            query = {"limit": 100, "cursor": cursor, "endpoint_id": options.endpoint}
            if not cursor:
                query["since_minutes"] = options.since
            page = drops.call("GET", f"/public/v1/drops/replay?{urllib.parse.urlencode(query)}")
        except (OSError, ValueError, KeyError) as error:  # URLError and HTTPError are OSErrors
            wait = retry_after(error) or pause
            say(f"Drops cannot be asked now ({error}). Again in {wait} s.")
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        pause = 1
        new = [message for message in page["messages"] if message["id"] not in posted]
        for message in new:
            hand_on(options.to, message, posted)
        cursor = page["cursor"]
        if options.once and not new:
            return
        if not new:
            time.sleep(page["poll_after_seconds"])


def retry_after(error):
    text = error.headers.get("Retry-After", "") if isinstance(error, urllib.error.HTTPError) else ""
    return min(int(text), LONGEST_PAUSE) if text.isdecimal() else 0


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--drops", required=True, help="the address of Drops")
    parser.add_argument("--to", required=True, help="the address of your server, on this machine")
    parser.add_argument("--test", action="store_true", help="begin with a test event")
    parser.add_argument("--since", type=int, default=0, metavar="MINUTES", help="also what was made since")
    parser.add_argument("--endpoint", default="", metavar="ID", help="only what is sent to this endpoint")
    parser.add_argument("--once", action="store_true", help="end when there is nothing more")
    options = parser.parse_args(arguments)
    for address in (options.drops, options.to):
        if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
            parser.error(f"{address} is no address: begin it with http:// or https://")
    try:
        client_id, client_secret = (os.environ[f"DROPS_CLIENT_{name}"] for name in ("ID", "SECRET"))
    except KeyError as missing:
        parser.error(f"{missing.args[0]} is not set: it is that of an OAuth app of your organization")
    try:
        follow(Drops(options.drops, client_id, client_secret), options)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
