"""docs/api.md, as a newcomer follows it: its shell blocks, in order, in one bash, against the real processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import IO, cast

import pytest
import requests

from fulfillment.management.commands.demo import PASSWORD, current_code
from tests.running import ROOT, Site, after_first_start, running_site

pytestmark = pytest.mark.processes

PAGE = ROOT / "docs" / "api.md"
DROPS = "export DROPS=http://127.0.0.1:8000 "
REDIRECT_URI = "http://localhost:9090/callback"
PATIENCE = 300  # seconds, for one answer


def script_of(page: str) -> str:
    """All that the page tells to type."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))


class Person(requests.Session):
    """Somebody with a browser, for what the page asks a person to do."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def press(self, path: str, **fields: str) -> requests.Response:
        """Open the page at `path`, fill in its form and send it. Returns what comes of it, redirects not followed."""
        address = path if path.startswith("http") else f"{self.site.url}{path}"
        page = self.get(address, timeout=PATIENCE)
        assert page.status_code == 200, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', page.text))
        return self.post(
            page.url,
            {name: unescape(value) for name, value in hidden.items() if name != "next"} | fields,
            headers={"Referer": page.url},
            allow_redirects=False,
            timeout=PATIENCE,
        )

    def sign_in(self, username: str) -> None:
        """By password, and by the code that an authenticator app shows."""
        self.press("/accounts/login/", login=username, password=PASSWORD)
        passed = self.press("/accounts/2fa/authenticate/", code=current_code())
        assert passed.status_code == 302, passed.text

    def add_app(self) -> tuple[str, str]:
        """The client ID and the secret, as the dashboard shows them."""
        page = self.press("/dashboard/apps/add/", name="From the page", redirect_uris=REDIRECT_URI).text
        shown = dict(re.findall(r'id="(client-id|client-secret)"[^>]*>([^<]+)<', page))
        return unescape(shown["client-id"]), unescape(shown["client-secret"])

    def allow(self, address: str) -> str:
        """Agree on the consent page. Returns the address that the browser is sent to."""
        return self.press(address, allow="yes").headers["Location"]


def test_the_page_leads_from_a_registered_studio_to_its_first_claim(tmp_path: Path) -> None:
    page = PAGE.read_text()
    assert page.count(DROPS) == 1
    with running_site(after_first_start(tmp_path / "state")) as site:
        nora = Person(site)
        nora.sign_in("nora")
        client_id, client_secret = nora.add_app()

        script = tmp_path / "page.sh"
        script.write_text(script_of(page).replace(DROPS, f"export DROPS={site.url} "))
        # Whatever is refused ends the script: the page uses no answer by accident.
        (tmp_path / ".curlrc").write_text("fail-with-body\nmax-time = 300\n")
        shell = subprocess.Popen(
            ["timeout", "900", "bash", "-e", "-u", "-o", "pipefail", str(script)],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "CURL_HOME": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with shell:
            answers, said = cast("IO[str]", shell.stdin), cast("IO[str]", shell.stdout)
            answers.write(f"{client_id}\n{client_secret}\n")
            answers.flush()
            heard = []
            for line in said:
                heard.append(line)
                if address := re.search(rf"{site.url}/oauth/authorize\?\S+", line):
                    break
            else:
                pytest.fail("".join(heard))
            answers.write(f"{nora.allow(address[0])}\n")
            answers.close()
            heard += said
        assert shell.returncode == 0, "".join(heard)

    (claim,) = json.loads((tmp_path / "claims.json").read_text())["data"]["claims"]
    assert (claim["external_id"], claim["external_status"]) == ("storm-wings", "initiated")
