"""A message of one line and a link. Names in it are of owners, and mention nobody."""

from __future__ import annotations

import json
import re

from fulfillment.models import ChatShape

# Seen by nobody, and enough for a chat to see no mention and no address.
BREAK = "\u200b"
MARKDOWN = re.compile(r"([\\`*_~|>#\[\]()<!-])")
MENTIONS = re.compile(r"([@:])")


def body(shape: ChatShape, text: str, link: str) -> bytes:
    """JSON for an incoming webhook: `text` as it is read, then `link`, which is ours."""
    match shape:
        case ChatShape.SLACK:
            words = _for_slack(text)
            message: dict[str, object] = {
                "text": f"{words}\n<{link}>",
                "mrkdwn": False,
                "parse": "none",
                "link_names": False,
                "unfurl_links": False,
            }
        case ChatShape.DISCORD:
            message = {"content": f"{_for_discord(text)}\n<{link}>", "allowed_mentions": {"parse": []}}
    return json.dumps(message).encode()


def _for_slack(text: str) -> str:
    """Slack reads `<!channel>`, `<@…>` and `<#…>` in what is not escaped (and `@channel` in some clients)."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MENTIONS.sub(rf"\1{BREAK}", escaped)


def _for_discord(text: str) -> str:
    return MENTIONS.sub(rf"\1{BREAK}", MARKDOWN.sub(r"\\\1", text))
