"""A name is read as it is written, whatever a chat would make of it."""

from __future__ import annotations

import json

import pytest

from fulfillment.domain.chat.messages import BREAK, body
from fulfillment.models import ChatShape

LINK = "https://drops.example.com/dashboard/"
HOSTILE = (
    "@everyone",
    "@here",
    "<!channel>",
    "<!here|here>",
    "<@U024BE7LH>",
    "<@&165511591545143296>",
    "<#C024BE7LR>",
    "<https://evil.example|your dashboard>",
    "[your dashboard](https://evil.example)",
    "https://evil.example",
    "*bold* _it_ ~no~ `code` ||spoiler|| > quote # head - list",
    "&lt;!channel&gt;",
    'quotes " and \\ and \u2028',
)


@pytest.mark.parametrize("name", HOSTILE)
def test_slack_reads_no_mention_and_no_link_in_a_name(name: str) -> None:
    message = json.loads(body(ChatShape.SLACK, name, LINK))
    words, link = message["text"].rsplit("\n", 1)
    assert link == f"<{LINK}>"
    assert not set("<>") & set(words)
    assert all(part.startswith(BREAK) for part in words.split("@")[1:])
    assert "://" not in words
    assert (message["mrkdwn"], message["parse"], message["link_names"]) == (False, "none", False)
    read = words.replace(BREAK, "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert read == name


@pytest.mark.parametrize("name", HOSTILE)
def test_discord_reads_no_mention_and_no_markdown_in_a_name(name: str) -> None:
    message = json.loads(body(ChatShape.DISCORD, name, LINK))
    words, link = message["content"].rsplit("\n", 1)
    assert link == f"<{LINK}>"
    assert message["allowed_mentions"] == {"parse": []}
    assert all(part.startswith(BREAK) for part in words.split("@")[1:])
    assert "://" not in words
    for position, sign in enumerate(words):
        if sign in "`*_~|>#[]()<":
            assert words[position - 1] == "\\", (sign, words)
    assert read_by_discord(words) == name


def read_by_discord(words: str) -> str:
    """A backslash shows the sign after it."""
    shown, signs = "", iter(words.replace(BREAK, ""))
    for sign in signs:
        shown += next(signs) if sign == "\\" else sign
    return shown
