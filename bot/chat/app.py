"""The door to Slack: takes commands and presses, acknowledges at once, answers later; tells incidents beside."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from starlette.routing import Route

from bot.chat.actions import Presses
from bot.chat.asked import Asked
from bot.chat.buttons import PREFIX, read_press
from bot.chat.client import SlackClient, SlackRefusedError, reached
from bot.chat.commands import answer
from bot.chat.forms import FORMS, Filled, form, missing, read_form, told
from bot.chat.http_door import slack_routes
from bot.chat.manifest import COMMANDS
from bot.chat.nonces import StoredNonces
from bot.chat.notifier import Notifier
from bot.chat.ports import Desk
from bot.chat.reply import Reply, refused
from bot.chat.text import escape
from bot.clock import Clock
from bot.errors import BellhopError, ChatUnavailableError
from bot.settings import SlackSettings
from bot.store import Store

log = logging.getLogger(__name__)
_OPENED_BEFORE = "exchanged_trigger_id"
"""What Slack says when it delivers a press again whose form is open."""
_START_PATIENCE_S = 3.0
"""How long a start waits for Slack; the connection is made later if Slack is away."""


class SlackDoor:
    """Slack in Socket Mode or HTTP mode. `pace` scales the waiting between calls to Slack (0: none, for tests)."""

    def __init__(
        self,
        settings: SlackSettings,
        *,
        desk: Desk,
        store: Store,
        clock: Clock,
        pace: float = 1.0,
        recheck: float = 5.0,
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._nonces = StoredNonces(store, clock)
        self._presses = Presses(desk, self._nonces)
        self._client = SlackClient(settings, pace=pace)
        self._notifier = Notifier(store=store, client=self._client, channel=settings.channel, recheck=recheck)
        self._app = self._listening(settings)
        self._handler: AsyncSocketModeHandler | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take commands and presses from now on. Slack being away is no failure: it is tried until it is there."""
        self._connecting = asyncio.create_task(self._connect(), name="slack connection")
        await asyncio.wait([self._connecting], timeout=_START_PATIENCE_S)

    def routes(self) -> list[Route]:
        """`POST /slack/events` in HTTP mode; nothing in Socket Mode."""
        secret = self._settings.signing_secret
        if self._settings.mode != "http" or secret is None:
            return []
        return slack_routes(self._app, secret.read())

    async def notify(self) -> None:
        """Tell incidents, for ever."""
        await self._notifier.work()

    async def close(self) -> None:
        """Hang up; answers that are not ready are lost, what people asked for is in the store or was not done."""
        for task in tuple(self._working):
            task.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        if self._handler is not None:
            await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _connect(self) -> None:
        try:
            await self._client.bot_id()
        except (ChatUnavailableError, SlackRefusedError) as error:
            log.warning("Slack is not ready: %s", error)
        token = self._settings.app_token
        if self._settings.mode == "socket" and token is not None:
            self._handler = AsyncSocketModeHandler(self._app, token.read())
            await self._handler.connect_async()  # type: ignore[no-untyped-call]

    def _listening(self, settings: SlackSettings) -> AsyncApp:
        token = settings.bot_token.read()

        async def authorize() -> AuthorizeResult:
            """One workspace, one token: asking Slack on each request would only delay the acknowledgement."""
            return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token)

        app = AsyncApp(
            name="bellhop",
            client=AsyncWebClient(base_url=f"{settings.api_url}/"),
            authorize=authorize,
            signing_secret=settings.signing_secret.read() if settings.signing_secret else "unused in Socket Mode",
        )
        for command in COMMANDS:
            app.command(command)(self._commanded)
        ours = re.compile(f"^{re.escape(PREFIX)}")
        app.action(ours)(self._pressed)
        app.view(ours)(self._sent)
        return app

    async def _commanded(self, ack: AsyncAck, body: Mapping[str, Any], respond: AsyncRespond) -> None:
        await ack()
        self._beside(self._answer(self._command_reply(body), respond), respond)

    async def _pressed(self, ack: AsyncAck, body: Mapping[str, Any], respond: AsyncRespond) -> None:
        await ack()
        self._beside(self._answer(self._press_reply(body), respond), respond)

    async def _sent(self, ack: AsyncAck, body: Mapping[str, Any]) -> None:
        """A form: sent back at once while something is missing, else answered where its button was pressed."""
        try:
            filled = read_form(body["view"])
        except BellhopError as error:
            await ack(response_action="update", view=told(f"🚫 {escape(error)}"))
            return
        if unfinished := missing(filled):
            await ack(response_action="errors", errors=unfinished)
            return
        await ack()
        respond = AsyncRespond(response_url=filled.answer_to, proxy=None, ssl=None)
        self._beside(self._answer(self._form_reply(filled, body), respond), respond)

    def _beside(self, work: Coroutine[Any, Any, None], respond: AsyncRespond | None) -> None:
        """Work that no acknowledgement waits for, not even when it fails."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(partial(self._ended, respond))

    def _ended(self, respond: AsyncRespond | None, task: asyncio.Task[None]) -> None:
        """A fault of ours is whole in the log, and the person is not left waiting."""
        self._working.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        log.error("a wish from Slack failed", exc_info=error)
        if respond is not None:
            self._beside(self._say(respond, refused("Bellhop failed at this; its log says why")), None)

    async def _answer(self, reply: Coroutine[Any, Any, Reply | None], respond: AsyncRespond) -> None:
        made = await reply
        if made is not None:
            await self._say(respond, made)

    async def _command_reply(self, body: Mapping[str, Any]) -> Reply | None:
        """What to answer; None for a command that Slack delivers again."""
        key = f"command:{body['trigger_id']}"
        try:
            if not await self._nonces.use(key):
                return None
            by = await self._desk.person(f"slack:{body['user_id']}")
        except BellhopError as error:
            return refused(error)
        return await answer(self._desk, Asked(by, key), str(body["command"]), str(body.get("text") or ""))

    async def _press_reply(self, body: Mapping[str, Any]) -> Reply | None:
        """What to answer; None for a press that Slack delivers again."""
        action = body["actions"][0]
        try:
            press = read_press(str(action.get("value") or ""))
        except BellhopError as error:
            return refused(error)
        act, by = str(action["action_id"]).removeprefix(PREFIX), f"slack:{body['user']['id']}"
        if act in FORMS:
            return await self._open(act, body, str(action["value"]))
        return await self._presses.press(act, press, by, str(action.get("action_ts") or ""))

    async def _open(self, act: str, body: Mapping[str, Any], value: str) -> Reply | None:
        """Open the button's form before Slack's three seconds are over: nothing is read or written first."""
        made = form(act, value, str(body.get("response_url") or ""))
        if made is None:
            return refused("this is too long for a form in Slack; the command line takes it")
        try:
            await self._client.open_form(str(body["trigger_id"]), made)
        except SlackRefusedError as error:
            return None if error.code == _OPENED_BEFORE else refused(error)
        except ChatUnavailableError as error:
            return refused(f"{error}; press the button again")
        return None

    async def _form_reply(self, filled: Filled, body: Mapping[str, Any]) -> Reply | None:
        return await self._presses.send(filled, f"slack:{body['user']['id']}", str(body["view"]["id"]))

    async def _say(self, respond: AsyncRespond, reply: Reply) -> None:
        async def send() -> int:
            done = await respond(
                text=reply.text, blocks=reply.blocks, response_type="ephemeral", replace_original=False
            )
            return done.status_code

        try:
            status = await reached(send)
        except ChatUnavailableError as error:
            log.warning("an answer to somebody in Slack is lost: %s", error)
            return
        if status != 200:
            log.warning("an answer to somebody in Slack is lost: Slack answers %d", status)
