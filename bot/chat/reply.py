"""What Bellhop answers one person in chat."""

import msgspec

from bot.chat.text import Block, cut, escape, section
from bot.model.person import Answer


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that only the asker sees; `text` is escaped, and what notifications show."""

    text: str
    blocks: list[Block]


def said(text: str) -> Reply:
    """A reply of escaped text."""
    return Reply(text=cut(text, 2900), blocks=[section(text)])


def shown(text: str, blocks: list[Block]) -> Reply:
    """A reply with a layout."""
    return Reply(text=text, blocks=blocks)


def answered(answer: Answer) -> Reply:
    """The desk's one line, marked as done or refused."""
    return said(f"{'✅' if answer.done else '🚫'} {escape(answer.message, 1000)}")


def refused(reason: object) -> Reply:
    """Why not, in one line."""
    return said(f"🚫 {escape(reason, 1000)}")
