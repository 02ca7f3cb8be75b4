"""What tests of the double share: a workspace with alice in it, the bot's client, and a bolt app that runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.support.slack import Channel, User, Workspace, running_workspace

APPROVE = {
    "type": "button",
    "action_id": "approve",
    "value": "act-42",
    "text": {"type": "plain_text", "text": "Approve"},
}
BLOCKS: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Realign* the link?"}},
    {"type": "actions", "elements": [APPROVE]},
]


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """A running workspace with nobody in it but the bot."""
    async with running_workspace() as running:
        yield running


@pytest.fixture
def alice(workspace: Workspace) -> User:
    """A person in the workspace."""
    return workspace.add_user("alice")


@pytest.fixture
def alerts(workspace: Workspace, alice: User) -> Channel:
    """A channel in which alice and the bot are."""
    return workspace.add_channel("qnet-alerts", alice)


@pytest.fixture
def client(workspace: Workspace) -> AsyncWebClient:
    """The bot's own client."""
    return AsyncWebClient(token=workspace.bot_token, base_url=workspace.base_url)


@asynccontextmanager
async def connected(workspace: Workspace, app: AsyncApp) -> AsyncIterator[None]:
    """Run a bolt app over Socket Mode against the workspace."""
    before = len(workspace.connections)
    handler = AsyncSocketModeHandler(app, workspace.app_token, ping_interval=1)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await workspace.until(lambda: len(workspace.connections) == before + 1)
    try:
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


def app_of(workspace: Workspace, client: AsyncWebClient) -> AsyncApp:
    """A bolt app that answers /bellhop and approves in place."""
    app = AsyncApp(client=client, signing_secret=workspace.signing_secret)

    async def bellhop(ack: Any, respond: Any, command: dict[str, Any]) -> None:
        await ack()
        await respond(f"you said {command['text']}")

    async def approve(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        text = f"approved {body['actions'][0]['value']}"
        await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text=text, blocks=[])

    app.command("/bellhop")(bellhop)
    app.action("approve")(approve)
    return app


async def refusal(call: Any) -> Any:
    """The answer of a call that Slack must refuse."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


@asynccontextmanager
async def serving(app: AsyncApp) -> AsyncIterator[str]:
    """Serve a bolt app over HTTP on a free loopback port; yields its address."""

    async def take(request: web.Request) -> web.Response:
        answer = await app.async_dispatch(AsyncBoltRequest(body=await request.text(), headers=dict(request.headers)))
        return web.Response(status=answer.status, text=answer.body, headers=answer.first_headers())

    application = web.Application()
    application.add_routes([web.post("/slack/events", take)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


def plain_text(length: int) -> dict[str, str]:
    """A text object of this many characters."""
    return {"type": "plain_text", "text": "x" * length}
