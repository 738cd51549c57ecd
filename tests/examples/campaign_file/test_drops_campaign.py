"""The command that keeps a campaign as a file, as a process, against the real site, from a file on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.docs.test_api import PATIENCE, Person
from tests.running import ROOT, Site, after_first_start, running_site

pytestmark = pytest.mark.processes

SCRIPT = ROOT / "examples" / "campaign_file" / "drops_campaign.py"
SAME, WRONG, DIFFERENT, REFUSED = range(4)


class Studio:
    """A studio's repository, and its app."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site, self.file = site, folder / "campaign.json"
        nora = Person(site)
        nora.sign_in("nora")
        self.client_id, self.client_secret = nora.add_app()
        token = requests.post(
            f"{site.url}/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "scope": "drops:write",
            },
            timeout=PATIENCE,
        ).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method,
            f"{self.site.url}/public/v1/drops/campaigns{path}",
            json=body,
            headers=self.headers,
            timeout=PATIENCE,
        )
        assert answer.ok, answer.text
        return answer.json()["data"]

    def run(self, *arguments: str, **settings: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", SCRIPT, *arguments],
            check=False,
            env={
                "DROPS_URL": self.site.url,
                "DROPS_CLIENT_ID": self.client_id,
                "DROPS_CLIENT_SECRET": self.client_secret,
                **settings,
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout + done.stderr

    def edit(self, **fields: Any) -> None:
        self.file.write_text(json.dumps(json.loads(self.file.read_text()) | fields))


def test_a_campaign_is_kept_as_a_file(tmp_path: Path) -> None:
    with running_site(after_first_start(tmp_path / "state")) as site:
        studio = Studio(site, tmp_path)
        live = next(each for each in studio.api("GET", "?limit=100")["campaigns"] if each["phase"] == "live")
        file = str(studio.file)

        code, text = studio.run("download", live["id"])
        assert code == SAME, text
        studio.file.write_text(text)
        assert json.loads(text)["id"] == live["id"]
        assert studio.run("plan", file)[0] == SAME
        assert studio.run("drift", file) == (SAME, "The campaign is as the file says.\n")

        # Something is changed in the file, and something of it is refused, since the campaign is live.
        studio.edit(
            name="Season of files", grace_days=live["grace_days"] + 1, starts_at="2030-01-01T00:00:00Z"
        )
        code, text = studio.run("plan", file)
        assert code == REFUSED, text
        assert "3 changes, 1 refused." in text
        assert "refused: The campaign has started. You can no longer change this." in text
        code, text = studio.run("apply", file)
        assert (code, "Nothing was changed." in text) == (REFUSED, True)
        assert studio.api("GET", f"/{live['id']}")["name"] == live["name"]

        studio.edit(starts_at=live["starts_at"])
        code, text = studio.run("plan", file)
        assert code == DIFFERENT, text
        assert f"~ name: {live['name']} -> Season of files" in text
        version = text.splitlines()[-1].removeprefix("Plan: ")

        # Somebody changes the campaign in the meantime: what was looked at is not what would be done.
        studio.api("PATCH", f"/{live['id']}", {"info_url": "https://northlight.example/elsewhere"})
        code, text = studio.run("apply", file, "--plan", version)
        assert code == REFUSED
        assert "out of date" in text
        code, text = studio.run("drift", file)
        assert code == DIFFERENT
        assert "info_url: https://northlight.example/elsewhere" in text

        code, text = studio.run("apply", file)
        assert (code, text.splitlines()[-1]) == (SAME, "Applied."), text
        after = studio.api("GET", f"/{live['id']}")
        assert (after["name"], after["info_url"]) == ("Season of files", live["info_url"])
        assert studio.run("drift", file)[0] == SAME

        # What is wrong is said, and ends with 1.
        for wrong, said in (
            (["plan", str(tmp_path / "nowhere.json")], "No such file"),
            (["plan", __file__], "Extra data"),
            (["plan", file, "--campaign", "01K0TDDR08Q5ZNWXK92VRXD7GW"], "is the file of the campaign"),
            (["download", "../../other"], "404"),
        ):
            code, text = studio.run(*wrong)
            assert (code, said in text) == (WRONG, True), text
        assert studio.run("drift", file, DROPS_CLIENT_SECRET="wrong")[0] == WRONG
        assert studio.run("drift", file, DROPS_URL="http://127.0.0.1:9")[0] == WRONG
        assert studio.run("drift", file, DROPS_URL="")[1] == "Set DROPS_URL.\n"
        studio.edit(nonsense=1)
        code, text = studio.run("plan", file)
        assert (code, "nonsense: Unknown field." in text) == (REFUSED, True), text
