"""Text for Slack: foreign words made harmless, numbers as people read them, everything within Slack's limits."""

import math
import re
from collections.abc import Iterable
from typing import Any

from bot.model.time import format_instant
from bot.model.visible import clean_line

Block = dict[str, Any]
SECTION_LIMIT = 3000
HEADER_LIMIT = 150
BUTTON_LIMIT = 75
VALUE_LIMIT = 2000
BLOCKS_LIMIT = 50
FIELD_LIMIT = 300
"""How much of one foreign field is shown: an alert's summary must not push out the rest."""

_SLACK_PERSON = re.compile(r"^slack:([UW][A-Z0-9]{1,20})$")
_BROKEN_END = re.compile(r"(&[a-z]{0,3}|<[^>]*)$")


def clean(text: object, limit: int = FIELD_LIMIT) -> str:
    """`text` as one line without control and direction characters, cut to `limit` characters."""
    return cut(clean_line(text).strip(), limit)


def escape(text: object, limit: int = FIELD_LIMIT) -> str:
    """Foreign text for mrkdwn: one line in which no mention, link or date can stand."""
    return clean(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last an ellipsis where something is missing; no half entity or mention."""
    if len(text) <= limit:
        return text
    return _BROKEN_END.sub("", text[: limit - 1]) + "…"


def number(value: float | None, unit: str = "") -> str:
    """A value to four significant digits, `unknown` where there is none."""
    if value is None or not math.isfinite(value):
        return "unknown"
    shown = f"{value:.4g}"
    return f"{shown} {escape(unit)}" if unit and unit not in ("1", "ratio") else shown


def plural(count: int, thing: str) -> str:
    """So many things."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def who(person: str) -> str:
    """A mention for somebody of this workspace, the escaped name for anybody else."""
    match = _SLACK_PERSON.match(person)
    return f"<@{match[1]}>" if match else escape(person)


def moment(at: float) -> str:
    """An instant (Unix seconds) in the reader's own time zone; UTC where that cannot be shown."""
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time_secs}}|{format_instant(at)}>"


def mrkdwn(text: str, limit: int = SECTION_LIMIT) -> dict[str, Any]:
    """A text object; verbatim, so that Slack makes no links or mentions of its own."""
    return {"type": "mrkdwn", "text": cut(text, limit) or "-", "verbatim": True}


def section(text: str) -> Block:
    """A paragraph."""
    return {"type": "section", "text": mrkdwn(text)}


def header(text: str) -> Block:
    """A headline, plain."""
    return {"type": "header", "text": {"type": "plain_text", "text": clean(text, HEADER_LIMIT) or "-", "emoji": False}}


def context(text: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [mrkdwn(text, 2000)]}


def sections(lines: Iterable[str]) -> list[Block]:
    """Lines packed into as few paragraphs as fit, and as many as a message may have."""
    packed: list[str] = []
    for line in lines:
        if packed and len(packed[-1]) + 1 + len(line) <= SECTION_LIMIT:
            packed[-1] += f"\n{line}"
        else:
            packed.append(line)
    return within_limits([section(text) for text in packed])


def within_limits(blocks: list[Block]) -> list[Block]:
    """No more blocks than a message may have; what is left off is said."""
    if len(blocks) <= BLOCKS_LIMIT:
        return blocks
    return [*blocks[: BLOCKS_LIMIT - 1], context(f"{len(blocks) - BLOCKS_LIMIT + 1} more parts are left off …")]
