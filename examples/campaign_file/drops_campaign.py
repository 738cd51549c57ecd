#!/usr/bin/env python3
"""Keeps a campaign of Drops as a file in a repository.

    drops_campaign.py download ID > storm.json      the campaign as a file
    drops_campaign.py plan storm.json               what the file would change
    drops_campaign.py apply storm.json              change it
    drops_campaign.py apply storm.json --plan V     change it if it still is what the plan V said
    drops_campaign.py drift storm.json              whether somebody changed the campaign elsewhere

The file is the JSON of the API and of the dashboard's export, with the campaign's "id" (or give --campaign ID).

DROPS_URL, DROPS_CLIENT_ID and DROPS_CLIENT_SECRET name the site and an OAuth app of your organization. The script needs
Python 3.11 and nothing else.

Ends with 0: there is nothing to change, or it is done; 2: the file and the campaign differ; 3: a change is refused, or
the plan is out of date; 1: the file, the network or the app is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

SAME, WRONG, DIFFERENT, REFUSED = range(4)
TIMEOUT = 30  # seconds
# What the API answers and does not take.
READ_ONLY = ("id", "phase", "published_at", "withdrawn_at", "created_at", "updated_at", "before_publishing")


class Failed(Exception):
    def __init__(self, text: str, code: int = WRONG) -> None:
        super().__init__(text)
        self.code = code


class Site:
    """The API, with an access token of its own."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        names = ("DROPS_URL", "DROPS_CLIENT_ID", "DROPS_CLIENT_SECRET")
        if missing := [name for name in names if not settings.get(name)]:
            raise Failed(f"Set {', '.join(missing)}.")
        self.url = settings["DROPS_URL"].rstrip("/")
        if not self.url.startswith(("https://", "http://")):
            raise Failed("DROPS_URL: must begin with https:// or http://.")
        form = {
            "grant_type": "client_credentials",
            "client_id": settings["DROPS_CLIENT_ID"],
            "client_secret": settings["DROPS_CLIENT_SECRET"],
            "scope": "drops:write",
        }
        self.token = ""
        self.token = self._call("POST", "/oauth/token", urlencode(form).encode(), "form")["access_token"]

    def _call(self, method: str, path: str, body: bytes | None, kind: str = "json") -> Any:
        media_type = {"json": "application/json", "form": "application/x-www-form-urlencoded"}[kind]
        headers = {"Content-Type": media_type, "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = Request(self.url + path, body, headers, method=method)  # noqa: S310 - https or http, see above
        try:
            with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                return json.load(answer)
        except HTTPError as error:
            said = error.read(65536)
            try:
                told = json.loads(said)
                text = told.get("message") or told.get("error_description") or told.get("error") or ""
            except (ValueError, AttributeError):
                text = ""
            code = REFUSED if error.code in (409, 422) else WRONG
            raise Failed(f"{method} {path}: {error.code} {text}".strip(), code) from None
        except (URLError, TimeoutError, ValueError) as error:
            raise Failed(f"{method} {self.url}{path}: {error}") from None

    def campaign(self, campaign_id: str, *, method: str = "GET", more: str = "", body: Any = None) -> Any:
        path = f"/public/v1/drops/campaigns/{quote(campaign_id, safe='')}{more}"
        return self._call(method, path, None if body is None else json.dumps(body).encode())["data"]


def read(name: str, campaign_id: str) -> tuple[str, dict[str, Any]]:
    """The campaign's id and the fields that the file has. "-" is the standard input."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8-sig")
        fields = json.loads(text)
    except (OSError, ValueError) as error:
        raise Failed(f"{name}: {error}") from None
    if not isinstance(fields, dict):
        raise Failed(f"{name}: is not a JSON object.")
    found = campaign_id or fields.get("id")
    if not isinstance(found, str) or not found:
        raise Failed(f'{name}: has no "id". Add it, or give --campaign.')
    if campaign_id and fields.get("id", campaign_id) != campaign_id:
        raise Failed(f"{name}: is the file of the campaign {fields['id']}.")
    return found, {key: value for key, value in fields.items() if key not in READ_ONLY}


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def tell(plan: dict[str, Any]) -> None:
    changes, refused = plan["changes"], [change for change in plan["changes"] if change["refused"]]
    for change in changes:
        what = f"{change['field']}: {change['about']}" if change["about"] else change["field"]
        sign = "!" if change["refused"] else "~"
        say(f"{sign} {what}: {_short(change['before'])} -> {_short(change['after'])}")
        if change["refused"]:
            say(f"    refused: {change['refused']}")
    for problem in plan["problems"]:
        say(f"! {problem['field']}: {problem['message']}" if problem["field"] else f"! {problem['message']}")
    counted = f"{len(changes)} change{'s' if len(changes) != 1 else ''}"
    say(f"{counted}, {len(refused)} refused." if refused else f"{counted}.")


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def download(site: Site, campaign_id: str) -> int:
    campaign = site.campaign(campaign_id)
    fields = {name: value for name, value in campaign.items() if name not in READ_ONLY}
    say(json.dumps({"id": campaign["id"], **fields}, indent=2, ensure_ascii=False))
    return SAME


def plan(site: Site, campaign_id: str, fields: dict[str, Any]) -> int:
    found = site.campaign(campaign_id, method="POST", more="/plan", body=fields)
    tell(found)
    if found["problems"] or any(change["refused"] for change in found["changes"]):
        return REFUSED
    if not found["changes"]:
        return SAME
    say(f"Plan: {found['version']}")
    return DIFFERENT


def apply(site: Site, campaign_id: str, fields: dict[str, Any], version: str) -> int:
    found = site.campaign(campaign_id, method="POST", more="/plan", body=fields)
    if version and version != found["version"]:
        raise Failed("The plan is out of date. Make a new one. Nothing was changed.", REFUSED)
    tell(found)
    if not found["changes"] and not found["problems"]:
        return SAME
    if not found["can_be_applied"]:
        say("Nothing was changed.")
        return REFUSED
    site.campaign(campaign_id, method="PATCH", more=f"?plan={found['version']}", body=fields)
    say("Applied.")
    return SAME


def drift(site: Site, campaign_id: str, fields: dict[str, Any]) -> int:
    found = site.campaign(campaign_id, method="POST", more="/plan", body=fields)
    if found["problems"] and not found["changes"]:
        tell(found)
        return REFUSED
    if not found["changes"]:
        say("The campaign is as the file says.")
        return SAME
    say("The campaign is not as the file says:")
    tell(found | {"problems": [], "changes": [change | {"refused": ""} for change in found["changes"]]})
    return DIFFERENT


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("download").add_argument("campaign", metavar="ID")
    for name in ("plan", "apply", "drift"):
        verb = verbs.add_parser(name)
        verb.add_argument("file", metavar="FILE")
        verb.add_argument("--campaign", metavar="ID", default="")
        if name == "apply":
            verb.add_argument("--plan", metavar="VERSION", default="")
    given = parser.parse_args(arguments)
    try:
        if given.verb == "download":
            return download(Site(os.environ), given.campaign)
        campaign_id, fields = read(given.file, given.campaign)
        site = Site(os.environ)
        if given.verb == "plan":
            return plan(site, campaign_id, fields)
        if given.verb == "apply":
            return apply(site, campaign_id, fields, given.plan)
        return drift(site, campaign_id, fields)
    except Failed as failed:
        sys.stderr.write(f"{failed}\n")
        return failed.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
