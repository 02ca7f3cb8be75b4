"""The workspace that a test holds: its people, what they do, what the bot said, and what goes wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.support.slack import payloads
from tests.support.slack.answers import acknowledged
from tests.support.slack.delivery import Delivery, send_signed
from tests.support.slack.methods import direct_message
from tests.support.slack.socket_mode import Connection, SocketMode
from tests.support.slack.state import (
    APP_TOKEN,
    BOT_NAME,
    BOT_SCOPES,
    BOT_TOKEN,
    BOT_USER_ID,
    SIGNING_SECRET,
    Channel,
    Json,
    Message,
    State,
    User,
    UserGroup,
    View,
)  # fmt: skip
from tests.support.slack.web_api import Refusals, WebApi

PATIENCE_S = 10.0


class Workspace:
    """A Slack workspace with one app installed; start it with `running_workspace`."""

    bot_token, app_token, signing_secret = BOT_TOKEN, APP_TOKEN, SIGNING_SECRET

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.state = State(clock)
        self.refusals = Refusals()
        self.request_url = ""
        """Where the app takes signed HTTP requests; while empty, everything goes over Socket Mode."""
        self.address = ""
        self._changed = asyncio.Condition()
        self.socket_mode = SocketMode(self.state, self.announce)
        self.socket_mode.refusing = lambda: self.refusals.down
        self.web_api = WebApi(self.state, self.refusals, self.announce)
        self.web_api.open_connection = self.socket_mode.new_address
        self.state.tokens = {BOT_TOKEN: set(BOT_SCOPES), APP_TOKEN: {"connections:write"}}
        self.state.users[BOT_USER_ID] = User(BOT_USER_ID, BOT_NAME, bot=True)

    @property
    def base_url(self) -> str:
        """What AsyncWebClient takes as base_url."""
        return f"{self.address}/api/"

    @property
    def scopes(self) -> set[str]:
        """What the bot's token may do; add and remove at will."""
        return self.state.tokens[BOT_TOKEN]

    @property
    def connections(self) -> list[Connection]:
        """The Socket Mode connections that stand now."""
        return self.socket_mode.connections

    @property
    def down(self) -> bool:
        """Whether every request is answered 503; connections that stand stay (see `drop_connections`)."""
        return self.refusals.down

    @down.setter
    def down(self, value: bool) -> None:
        self.refusals.down = value

    def add_user(self, name: str) -> User:
        """A new person: U1, U2 and so on."""
        user = User(f"U{len(self.state.users)}", name)
        self.state.users[user.id] = user
        return user

    def add_channel(self, name: str, *members: User, private: bool = False, bot: bool = True) -> Channel:
        """A new channel (C1, C2 and so on) with these members, and the bot unless told otherwise."""
        channel = Channel(f"C{len(self.state.channels) + 1}", name, "groups" if private else "channels")
        channel.members = {user.id for user in members} | ({BOT_USER_ID} if bot else set())
        self.state.channels[channel.id] = channel
        return channel

    def add_group(self, handle: str, *members: User) -> UserGroup:
        """A new user group: S1, S2 and so on."""
        group = UserGroup(f"S{len(self.state.groups) + 1}", handle, [user.id for user in members])
        self.state.groups[group.id] = group
        return group

    def direct(self, user: User) -> Channel:
        """The direct message between this person and the bot."""
        return direct_message(self.state, user.id)

    def messages(self, channel: Channel | None = None) -> list[Message]:
        """What stands in the channel (or in all), replies too, oldest first."""
        standing = [each for each in self.state.messages if not each.deleted]
        return [each for each in standing if channel is None or each.channel == channel.id]

    def ephemerals(self, user: User) -> list[Message]:
        """What only this person was shown, oldest first."""
        return [each for each in self.state.ephemerals if each.ephemeral_to == user.id]

    def replies(self, parent: Message) -> list[Message]:
        """The thread below a message, oldest first."""
        return [each for each in self.messages() if each.is_reply and (each.channel, each.thread_ts) == (parent.channel, parent.ts)]  # fmt: skip  # noqa: E501

    def calls(self, method: str) -> list[Any]:
        """The calls of one method so far, refused ones too."""
        return [each for each in self.state.calls if each.method == method]

    def limit(self, method: str, times: int = 1, retry_after: int = 1) -> None:
        """Answer the next calls of a method with 429 and Retry-After, in seconds."""
        self.refusals.limits.setdefault(method, []).extend([retry_after] * times)

    def refuse(self, method: str, error: str, times: int = 1) -> None:
        """Answer the next calls of a method with an error code, such as internal_error."""
        self.refusals.errors.setdefault(method, []).extend([error] * times)

    def lose_answer(self, method: str, times: int = 1) -> None:
        """Carry out the next calls of a method, and cut the connection before the answer."""
        self.refusals.lost[method] = self.refusals.lost.get(method, 0) + times

    async def say(self, user: User, text: str, channel: Channel, thread: Message | None = None) -> Message:
        """A person writes a message; the app is not told."""
        message = Message(channel.id, self.state.next_ts(), user.id, text, thread_ts=thread.ts if thread else None)
        self.state.messages.append(message)
        await self.announce()
        return message

    async def slash(self, user: User, text: str, channel: Channel) -> Delivery:
        """A person types a command, its name first: "/bellhop status"."""
        assert text.startswith("/"), f"a command starts with /, not {text!r}"
        return await self._tell("slash_commands", payloads.slash_command(self.state, self.address, user, channel, text))

    async def press(self, user: User, message: Message, action_id: str, *, chosen: str = "") -> Delivery:
        """A person presses a button, or takes the option with the value `chosen` from a menu."""
        assert action_id in message.action_ids, f"no {action_id!r} to press: the message has {message.action_ids}"
        pressed = payloads.block_action(self.state, self.address, user, message, action_id, chosen=chosen)
        return await self._tell("interactive", pressed)

    async def submit(self, user: User, view: View, values: dict[str, dict[str, Json]]) -> Delivery:
        """A person sends off a modal; `values` is block id -> action id -> {"type": …, "value": …}."""
        return await self._tell("interactive", payloads.view_submission(self.state, user, view, values))

    async def react(self, user: User, message: Message, name: str) -> Delivery:
        """A person adds a reaction, such as eyes; the app gets reaction_added."""
        message.reactions.setdefault(name, []).append(user.id)
        return await self._tell("events_api", payloads.reaction(self.state, user, message, name))

    async def redeliver(self, delivery: Delivery, connection: Connection | None = None) -> None:
        """Send the same envelope, or the same HTTP body signed anew, once more."""
        delivery.failure = ""
        if self.request_url:
            await self._send_over_http(delivery)
        else:
            await self.socket_mode.deliver(delivery, connection)
        await self.announce()

    async def _tell(self, kind: str, payload: Json) -> Delivery:
        delivery = Delivery(f"e{self.state.next_number()}", kind, payload)
        await self.redeliver(delivery)
        return delivery

    async def _send_over_http(self, delivery: Delivery) -> None:
        first = not delivery.acknowledged
        await send_signed(delivery, self.request_url, self.signing_secret, int(self.state.clock()))
        if first and delivery.acknowledged:
            acknowledged(self.state, delivery.payload, delivery.acknowledgements[0].payload)

    async def refresh_connections(self) -> None:
        """Ask the app over Socket Mode to connect anew."""
        await self.socket_mode.refresh()

    async def drop_connections(self) -> None:
        """Close all Socket Mode connections without a word."""
        await self.socket_mode.drop()

    async def announce(self) -> None:
        """Wake all who wait with `until`."""
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], Any], timeout: float = PATIENCE_S) -> None:  # noqa: ASYNC109
        """Wait until the condition holds, looked at after each change here; AssertionError after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise AssertionError(f"not so within {timeout:g} s; {self._account()}") from None

    def _account(self) -> str:
        said = [f"{each.channel} {each.ts} {each.text!r} {each.action_ids}" for each in self.messages()]
        failed = [f"{each.method}: {each.error}" for each in self.state.calls if each.error]
        return f"messages: {said or 'none'}; refused calls: {failed or 'none'}; connections: {len(self.connections)}"


@asynccontextmanager
async def running_workspace(clock: Callable[[], float] = time.time) -> AsyncIterator[Workspace]:
    """Start a workspace on a free loopback port; at the end its connections are closed."""
    workspace = Workspace(clock)
    application = web.Application(client_max_size=4 * 1024 * 1024)
    application.add_routes([*workspace.web_api.routes(), *workspace.socket_mode.routes()])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        workspace.address = workspace.web_api.base = f"http://{host}:{port}"
        workspace.socket_mode.base = f"ws://{host}:{port}"
        yield workspace
    finally:
        await workspace.drop_connections()
        await runner.cleanup()
