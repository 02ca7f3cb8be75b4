"""The only door to Slack's Web API: paced, patient with 429, and with errors that say whether trying again helps."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.chat.text import Block
from bot.errors import ChatUnavailableError, RefusedError
from bot.settings import SlackSettings

T = TypeVar("T")
log = logging.getLogger(__name__)

_TRANSIENT = frozenset(
    {"internal_error", "fatal_error", "ratelimited", "rate_limited", "request_timeout", "service_unavailable",
     "team_added_to_org", "accesslimited", "message_limit_exceeded"}
)  # fmt: skip
_BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"})
_HINTS: Mapping[str, str] = {
    "not_in_channel": "invite the bot to the channel: /invite @Bellhop",
    "channel_not_found": "slack.channel wants the channel's id, such as C0123456789; invite the bot if it is private",
    "is_archived": "unarchive the channel or name another in slack.channel",
    "missing_scope": "install the app again from slack-manifest.yaml",
    "invalid_auth": "check slack.bot_token",
    "not_authed": "check slack.bot_token",
    "token_revoked": "install the app again and renew slack.bot_token",
    "expired_trigger_id": "press the button again",
    "account_inactive": "install the app again and renew slack.bot_token",
}
_PATIENCE_S = 30.0
"""A longer Retry-After is handed to the caller."""
_PACES: Mapping[str, float] = {"chat.postMessage": 1.0, "chat.update": 1.2, "conversations": 1.2}
"""Seconds between two calls: one message a second and channel, tier 3 for the others."""


class SlackRefusedError(RefusedError):
    """Slack said no for good; `code` is its word for why."""

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class _Pace:
    """Gives each key its next turn, at least an interval after the last; keeps everybody in order."""

    def __init__(self) -> None:
        self._free_at: dict[str, float] = {}

    async def turn(self, key: str, interval: float) -> None:
        now = asyncio.get_running_loop().time()
        at = max(now, self._free_at.get(key, now))
        self._free_at[key] = at + interval
        await asyncio.sleep(at - now)

    def hold(self, key: str, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        self._free_at[key] = max(until, self._free_at.get(key, until))


class SlackClient:
    """What the bot asks of Slack. `pace` scales the waiting between calls (0: none)."""

    def __init__(self, settings: SlackSettings, *, pace: float = 1.0, timeout: int = 10) -> None:
        self.web = web_client(settings, timeout=timeout)
        self._pace = _Pace()
        self._speed = pace
        self._bot_id = ""

    async def bot_id(self) -> str:
        """The bot's own id, asked once."""
        if not self._bot_id:
            answer = await self._call("auth.test", 0.0, self.web.auth_test)
            self._bot_id = str(answer.get("bot_id") or "")
        return self._bot_id

    async def post(
        self,
        channel: str,
        text: str,
        blocks: list[Block],
        *,
        metadata: Mapping[str, Any],
        thread: str | None = None,
        loud: bool = False,
    ) -> tuple[str, str]:
        """Post a message; the id of its channel and its `ts`. `loud` shows a reply in the channel too."""

        async def send(parts: list[Block] | None) -> AsyncSlackResponse:
            return await self.web.chat_postMessage(
                channel=channel,
                text=text,
                blocks=parts,
                metadata=metadata,  # type: ignore[arg-type]  # a plain mapping is as good
                thread_ts=thread,
                reply_broadcast=True if thread and loud else None,
                unfurl_links=False,
                unfurl_media=False,
            )

        answer = await self._plain_if_refused("chat.postMessage", channel, blocks, send)
        return str(answer.get("channel") or channel), str(answer["ts"])

    async def update(
        self, channel: str, ts: str, text: str, blocks: list[Block], *, metadata: Mapping[str, Any]
    ) -> None:
        """Draw a message anew, in place."""

        async def send(parts: list[Block] | None) -> AsyncSlackResponse:
            return await self.web.chat_update(
                channel=channel,
                ts=ts,
                text=text,
                blocks=parts or [],
                metadata=metadata,  # type: ignore[arg-type]  # a plain mapping is as good
            )

        await self._plain_if_refused("chat.update", "", blocks, send)

    async def open_form(self, trigger: str, view: Mapping[str, Any]) -> None:
        """Open a modal for the person who pressed a button; Slack takes it within three seconds of that."""

        async def send() -> AsyncSlackResponse:
            return await self.web.views_open(trigger_id=trigger, view=dict(view))

        await self._call("views.open", 0.0, send)

    async def history(self, channel: str, cursor: str = "") -> tuple[list[dict[str, Any]], str]:
        """One page of a channel's messages, newest first, with their metadata; and the next page's cursor."""
        return await self._page(
            lambda: self.web.conversations_history(
                channel=channel, cursor=cursor or None, limit=100, include_all_metadata=True
            )
        )

    async def replies(self, channel: str, ts: str, cursor: str = "") -> tuple[list[dict[str, Any]], str]:
        """One page of a thread, with metadata; and the next page's cursor."""
        return await self._page(
            lambda: self.web.conversations_replies(
                channel=channel, ts=ts, cursor=cursor or None, limit=100, include_all_metadata=True
            )
        )

    async def _page(self, send: Callable[[], Awaitable[AsyncSlackResponse]]) -> tuple[list[dict[str, Any]], str]:
        answer = await self._call("conversations", _PACES["conversations"], send)
        following = answer.get("response_metadata") or {}
        return list(answer.get("messages") or []), str(following.get("next_cursor") or "")

    async def _plain_if_refused(
        self,
        method: str,
        channel: str,
        blocks: list[Block],
        send: Callable[[list[Block] | None], Awaitable[AsyncSlackResponse]],
    ) -> AsyncSlackResponse:
        key = f"{method} {channel}"
        try:
            return await self._call(key, _PACES[method], lambda: send(blocks))
        except SlackRefusedError as error:
            if error.code not in _BAD_BLOCKS:
                raise
            log.warning("Slack refuses the layout of a message (%s); it is sent as plain text", error.code)
        return await self._call(key, _PACES[method], lambda: send(None))

    async def _call(
        self, key: str, interval: float, send: Callable[[], Awaitable[AsyncSlackResponse]]
    ) -> AsyncSlackResponse:
        for attempt in range(3):
            await self._pace.turn(key, interval * self._speed)
            try:
                return await reached(send)
            except ChatUnavailableError as error:
                if error.retry_after is None:
                    raise
                self._pace.hold(key, error.retry_after)
                if error.retry_after > _PATIENCE_S or attempt == 2:
                    raise
        raise AssertionError("unreachable")


def web_client(settings: SlackSettings, *, timeout: int = 10) -> AsyncWebClient:
    """slack_sdk's client for the configured workspace, with no retries of its own: a lost answer is not a lost call."""
    return AsyncWebClient(
        token=settings.bot_token.read(), base_url=f"{settings.api_url}/", timeout=timeout, retry_handlers=[]
    )


async def reached(send: Callable[[], Awaitable[T]]) -> T:
    """What Slack answers; raises ChatUnavailableError when trying again can help, SlackRefusedError when not."""
    try:
        return await send()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ChatUnavailableError(f"Slack does not answer: {type(error).__name__}") from None
    except SlackApiError as error:
        raise _typed(error) from None


def _typed(error: SlackApiError) -> ChatUnavailableError | SlackRefusedError:
    answer = error.response
    if not isinstance(answer, AsyncSlackResponse):
        return ChatUnavailableError("Slack answers with something that is no JSON")
    data = answer.data if isinstance(answer.data, dict) else {}
    code = str(data.get("error") or "")
    if answer.status_code == 429 or code == "ratelimited":
        return ChatUnavailableError("Slack asks to wait", retry_after=_seconds(answer.headers.get("Retry-After")))
    if answer.status_code >= 500 or not code or code in _TRANSIENT:
        return ChatUnavailableError(f"Slack fails: {code or answer.status_code}")
    needed = f": {data['needed']}" if data.get("needed") else ""
    return SlackRefusedError(f"Slack refuses: {code}{needed}", code=code, hint=_HINTS.get(code, ""))


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdigit() else 1.0
