"""After a crash: finds messages that were posted and not saved, by the metadata that every message carries."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from bot.chat.client import SlackClient, SlackRefusedError
from bot.model.chat import ChatThread
from bot.model.incident import Incident

log = logging.getLogger(__name__)
replace = msgspec.structs.replace

EVENT_TYPE = "bellhop_incident"
_PAGES = 10
"""How far back a lost message is looked for: 1,000 messages."""


def metadata(view: Incident, seq: int) -> dict[str, Any]:
    """What a message says to Bellhop itself: which incident, and the last event that it tells.

    The instant of opening tells this incident from one of the same id in another database.
    """
    payload = {"incident": view.id, "opened_at": round(view.opened_at * 1000), "seq": seq}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


class Finder:
    """Looks in Slack for what was already told."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    async def message(self, view: Incident, thread: ChatThread) -> ChatThread:
        """The thread with its message, if one is there; unchanged if there is none or Slack lets nobody look."""
        bot = await self._client.bot_id()
        cursor = ""
        for _ in range(_PAGES):
            try:
                page, cursor = await self._client.history(thread.channel, cursor)
            except SlackRefusedError as error:
                log.warning("cannot look for the message of %s, it is posted again: %s", view.id, error)
                return thread
            for message in page:
                seq = _seq(message, view, bot)
                if seq and message.get("thread_ts", message["ts"]) == message["ts"]:
                    return replace(thread, ts=str(message["ts"]), shown_seq=seq)
            if not cursor:
                break
        return thread

    async def told(self, view: Incident, thread: ChatThread) -> ChatThread:
        """The thread with the last event that stands in it."""
        bot = await self._client.bot_id()
        told, cursor = thread.told_seq, ""
        while True:
            try:
                page, cursor = await self._client.replies(thread.channel, thread.ts, cursor)
            except SlackRefusedError as error:
                if error.code != "missing_scope":
                    raise
                log.warning("cannot look into the thread of %s, a line may come twice: %s", view.id, error)
                return thread
            seqs = [_seq(message, view, bot) for message in page if message.get("ts") != thread.ts]
            told = max([told, *seqs])
            if not cursor:
                return replace(thread, told_seq=min(told, view.last_seq))


def _seq(message: Mapping[str, Any], view: Incident, bot: str) -> int:
    """The event that a message of ours about this incident tells; 0 for any other message."""
    given = message.get("metadata") or {}
    payload = given.get("event_payload") or {}
    expected = metadata(view, payload.get("seq", 0))
    ours = not bot or message.get("bot_id") == bot
    same = given.get("event_type") == EVENT_TYPE and payload == expected["event_payload"]
    seq = payload.get("seq") if ours and same else 0
    return seq if isinstance(seq, int) else 0
