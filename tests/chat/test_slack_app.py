"""Commands and buttons, over Socket Mode and HTTP: acknowledged at once, counted once, answered to one person."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette

from bot.chat.app import SlackDoor
from bot.chat.check import check_slack
from bot.chat.client import SlackClient
from bot.chat.recovery import metadata
from bot.clock import SystemClock
from bot.errors import BellhopError
from bot.http import free_port, running
from bot.model.diagnosis import Diagnosis
from bot.settings import SlackSettings
from bot.store import Store
from tests.chat.workplace import ChatDesk
from tests.support.desk import waiting_incident
from tests.support.incident_story import diagnosis
from tests.support.slack.delivery import Delivery, signed_headers
from tests.support.slack.state import Channel, Message, User
from tests.support.slack.workspace import Workspace


@pytest.fixture
def desk() -> ChatDesk:
    """One incident that waits for an approval."""
    return ChatDesk()


@asynccontextmanager
async def standing(settings: SlackSettings, desk: ChatDesk, store: Store) -> AsyncIterator[SlackDoor]:
    """A started door."""
    door = SlackDoor(settings, desk=desk, store=store, clock=SystemClock(), pace=0.0, recheck=0.05)
    await door.start()
    try:
        yield door
    finally:
        await door.close()


@pytest.fixture
def http_settings(settings: SlackSettings) -> SlackSettings:
    """HTTP mode."""
    return settings.model_copy(update={"mode": "http"})


@asynccontextmanager
async def listening(settings: SlackSettings, desk: ChatDesk, store: Store) -> AsyncIterator[str]:
    """The address of a started door in HTTP mode."""
    async with standing(settings, desk, store) as door:
        app = Starlette(routes=door.routes())
        async with running(app, free_port()) as address:
            yield f"{address}/slack/events"


@pytest.fixture(params=["socket", "http"])
async def door(
    request: pytest.FixtureRequest, workspace: Workspace, settings: SlackSettings, store: Store, desk: ChatDesk
) -> AsyncIterator[None]:
    """The door in each mode, with Slack knowing where to find it."""
    if request.param == "socket":
        async with standing(settings, desk, store):
            await workspace.until(lambda: workspace.connections)
            yield
    else:
        async with listening(settings.model_copy(update={"mode": "http"}), desk, store) as address:
            workspace.request_url = address
            yield


def ann(workspace: Workspace) -> User:
    """Somebody without roles."""
    return workspace.state.users["U1"]


def bob(workspace: Workspace) -> User:
    """An approver."""
    return workspace.state.users["U2"]


async def incident_message(workspace: Workspace, settings: SlackSettings) -> Message:
    """The message of the incident that waits, as the notifier posts it."""
    from bot.chat.blocks import incident_blocks, incident_text

    view = waiting_incident()
    client = SlackClient(settings, pace=0.0)
    await client.post(settings.channel, incident_text(view), incident_blocks(view), metadata=metadata(view, 8))
    return workspace.messages()[-1]


async def answer_to(workspace: Workspace, user: User, count: int = 1) -> str:
    """The latest of `count` answers that this person alone was shown."""
    await workspace.until(lambda: len(workspace.ephemerals(user)) >= count)
    return workspace.ephemerals(user)[-1].everything_said


async def acknowledged_in_time(workspace: Workspace, delivery: Delivery) -> None:
    """Within Slack's three seconds."""
    await workspace.until(lambda: delivery.acknowledged)
    assert delivery.in_time


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("/bellhop", "diagnose LINK"),
        ("/bellhop help", "roles: none"),
        ("/bellhop status", "INC-1"),
        ("/bellhop diagnose ams-rpt1", "0.62 → 0.81"),
        ("/diagnose ams-rpt1", "F1 excess loss"),
        ("/bellhop capacity ams-rpt1", "Drop explained by loss: 91%"),
        ("/bellhop incident list", "INC-1"),
        ("/bellhop incident show inc-1", "Approval needed"),
        ("/bellhop incident ack INC-1", "acknowledge done"),
        ("/bellhop incident note INC-1 a &lt;note&gt;", "note done"),
        ("/bellhop incident resolve INC-1 fixed", "resolve done"),
        ("/bellhop incident show INC-9", "there is no incident INC-9"),
        ("/bellhop incident show", "usage: /bellhop incident"),
        ("/runbook", "Realign a lossy link"),
        ("/runbook run INC-1", "run done"),
        ("/bellhop runbook lint", "command line"),
        ("/bellhop approve", "/bellhop approve INC-1-R1 realign"),
        ("/bellhop approve INC-1-R1 realign", "look at it again"),
        ("/bellhop settle INC-1-R1 realign happened", "settled"),
        ("/postmortem INC-1", "Root cause"),
        ("/bellhop oncall", "ada is on call"),
        ("/bellhop maintenance ams-rpt1 2h splice", "under maintenance"),
        ("/bellhop maintenance ams-rpt1 soon", "usage: /bellhop maintenance"),
        ("/bellhop maintenance ams-rpt1 end", "is back"),
        ("/bellhop maintenance", "&lt;lasers&gt;"),
        ("/bellhop replenish ams-rpt1", "starts"),
        ("/bellhop reroute key-exchange", "starts"),
        ("/bellhop reroute key-exchange back", "starts"),
        ("/bellhop reroute key-exchange home", "usage: /bellhop reroute FLOW"),
        ("/bellhop reroute", "usage: /bellhop reroute FLOW"),
        ("/bellhop runbook flood", "Swim."),
        ("/bellhop runbook show flood", "Swim."),
        ("/bellhop dignose ams-rpt1", "did you mean /bellhop diagnose?"),
        ("/bellhop <!channel>", "there is no /bellhop &lt;!channel&gt;"),
    ],
)
async def test_a_command_is_answered_to_the_one_who_asked(
    workspace: Workspace, channel: Channel, door: None, typed: str, expected: str
) -> None:
    """Acknowledged within three seconds; the answer is seen by nobody else."""
    delivery = await workspace.slash(ann(workspace), typed, channel)
    assert expected in await answer_to(workspace, ann(workspace))
    await acknowledged_in_time(workspace, delivery)
    assert workspace.messages() == []


async def test_a_slow_diagnosis_holds_up_neither_the_acknowledgement_nor_others(
    workspace: Workspace, channel: Channel, door: None, desk: ChatDesk
) -> None:
    """The diagnosis waits until the test lets it go; meanwhile `status` is answered."""
    go = asyncio.Event()

    class Slow(ChatDesk):
        async def diagnose(self, link: str) -> Diagnosis:
            await go.wait()
            return diagnosis()

    desk.__class__ = Slow
    delivery = await workspace.slash(bob(workspace), "/diagnose ams-rpt1", channel)
    await workspace.slash(ann(workspace), "/bellhop status", channel)
    assert "INC-1" in await answer_to(workspace, ann(workspace))
    await acknowledged_in_time(workspace, delivery)
    assert workspace.ephemerals(bob(workspace)) == []
    go.set()
    assert "excess loss" in await answer_to(workspace, bob(workspace))


async def test_a_command_delivered_twice_counts_once(
    workspace: Workspace, channel: Channel, door: None, desk: ChatDesk
) -> None:
    """Slack sends again what it thinks was not acknowledged."""
    delivery = await workspace.slash(bob(workspace), "/runbook run INC-1", channel)
    await answer_to(workspace, bob(workspace))
    await workspace.redeliver(delivery)
    await workspace.until(lambda: len(delivery.acknowledgements) == 2)
    await workspace.slash(bob(workspace), "/bellhop status", channel)
    await answer_to(workspace, bob(workspace), 2)
    assert desk.asked == [("run", "slack:U2", "proposed")]


async def test_an_approver_approves_the_plan_that_was_shown(
    workspace: Workspace, settings: SlackSettings, door: None, desk: ChatDesk
) -> None:
    """The button carries plan 9f2c; the answer goes to the presser, the message stays as it is."""
    message = await incident_message(workspace, settings)
    delivery = await workspace.press(bob(workspace), message, "bellhop:approve")
    assert "approved" in await answer_to(workspace, bob(workspace))
    await acknowledged_in_time(workspace, delivery)
    assert desk.asked == [("approve", "INC-1-R1", "realign", "slack:U2")]
    assert message.versions == []


async def test_somebody_without_the_role_is_told_so_and_may_not(
    workspace: Workspace, settings: SlackSettings, door: None, desk: ChatDesk
) -> None:
    """Ann has no role; after her Bob's press of the same button counts."""
    message = await incident_message(workspace, settings)
    await workspace.press(ann(workspace), message, "bellhop:approve")
    assert "is not an approver" in await answer_to(workspace, ann(workspace))
    await workspace.press(bob(workspace), message, "bellhop:approve")
    assert "approved" in await answer_to(workspace, bob(workspace))
    assert desk.asked == [("approve", "INC-1-R1", "realign", "slack:U2")]


async def test_a_press_delivered_again_and_a_second_press_count_once(
    workspace: Workspace, settings: SlackSettings, door: None, desk: ChatDesk
) -> None:
    """The same delivery again stays silent; a new press of the same drawing gets the reason."""
    message = await incident_message(workspace, settings)
    delivery = await workspace.press(bob(workspace), message, "bellhop:escalate")
    await answer_to(workspace, bob(workspace))
    await workspace.redeliver(delivery)
    await workspace.until(lambda: len(delivery.acknowledgements) == 2)
    await workspace.press(ann(workspace), message, "bellhop:escalate")
    assert "has been pressed before" in await answer_to(workspace, ann(workspace))
    assert desk.asked == [("escalate", "slack:U2", "")]
    assert len(workspace.ephemerals(bob(workspace))) == 1


async def test_every_button_does_what_it_says(
    workspace: Workspace, settings: SlackSettings, door: None, desk: ChatDesk
) -> None:
    """Acknowledge, reject, resolve; the postmortem is shown."""
    message = await incident_message(workspace, settings)
    for count, act in enumerate(("acknowledge", "reject", "resolve", "postmortem"), start=1):
        await workspace.press(bob(workspace), message, f"bellhop:{act}")
        await answer_to(workspace, bob(workspace), count)
    assert [words[0] for words in desk.asked] == ["acknowledge", "reject", "resolve"]
    assert "Root cause" in workspace.ephemerals(bob(workspace))[-1].everything_said


async def test_a_store_that_is_down_is_said_in_one_line(
    workspace: Workspace, channel: Channel, door: None, desk: ChatDesk
) -> None:
    """The person hears why, and Bellhop stays there."""
    desk.broken = True
    await workspace.slash(ann(workspace), "/bellhop status", channel)
    assert "the database does not answer" in await answer_to(workspace, ann(workspace))


async def test_a_fault_of_ours_leaves_nobody_waiting(
    workspace: Workspace, channel: Channel, door: None, desk: ChatDesk
) -> None:
    """An error that nobody foresaw is in the log, and said."""

    class Faulty(ChatDesk):
        async def diagnose(self, link: str) -> Diagnosis:
            raise ZeroDivisionError(link)

    desk.__class__ = Faulty
    delivery = await workspace.slash(ann(workspace), "/diagnose ams-rpt1", channel)
    await acknowledged_in_time(workspace, delivery)
    assert "its log says why" in await answer_to(workspace, ann(workspace))


async def test_a_lost_connection_is_made_anew(
    workspace: Workspace, channel: Channel, settings: SlackSettings, desk: ChatDesk, store: Store
) -> None:
    """Slack asks for a new connection, as it does every few hours."""
    async with standing(settings, desk, store):
        await workspace.until(lambda: workspace.connections)
        before = list(workspace.connections)
        await workspace.refresh_connections()
        await workspace.until(lambda: any(each not in before for each in workspace.connections))
        await workspace.slash(ann(workspace), "/bellhop status", channel)
        assert "INC-1" in await answer_to(workspace, ann(workspace))


@pytest.mark.slow
async def test_slack_being_away_at_the_start_does_not_stop_the_bot(
    workspace: Workspace, channel: Channel, settings: SlackSettings, desk: ChatDesk, store: Store
) -> None:
    """The door is there within a few seconds and connects once Slack is."""
    workspace.down = True
    async with standing(settings, desk, store):
        workspace.down = False
        await workspace.until(lambda: workspace.connections, timeout=20)
        await workspace.slash(ann(workspace), "/bellhop status", channel)
        assert "INC-1" in await answer_to(workspace, ann(workspace))


@pytest.mark.parametrize("forgery", ["unsigned", "wrong secret", "old", "ssl check", "odd time"])
async def test_what_slack_did_not_sign_is_refused(
    workspace: Workspace, http_settings: SlackSettings, store: Store, desk: ChatDesk, forgery: str
) -> None:
    """401 and nothing done, for five kinds of forged request."""
    form = {"command": "/runbook", "text": "run INC-1", "user_id": "U2", "trigger_id": "1.2.x", "team_id": "T1"}
    body = urlencode(form | ({"ssl_check": "1"} if forgery == "ssl check" else {})).encode()
    kind, now = "application/x-www-form-urlencoded", int(SystemClock().now())
    headers = {
        "unsigned": {"Content-Type": kind},
        "ssl check": {"Content-Type": kind},
        "wrong secret": signed_headers(body, kind, "another", now),
        "old": signed_headers(body, kind, workspace.signing_secret, now - 301),
        "odd time": signed_headers(body, kind, workspace.signing_secret, now) | {"X-Slack-Request-Timestamp": "soon"},
    }[forgery]
    async with (
        listening(http_settings, desk, store) as address,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        answer = await client.post(address, content=body, headers=headers)
    assert answer.status_code == 401
    assert desk.asked == []


@pytest.mark.parametrize(
    "sent",
    [
        (b"{", "application/json", 400),
        (b"\xff=1", "application/x-www-form-urlencoded", 401),
        (b"a" * ((1 << 20) + 1), "text/plain", 413),
    ],
    ids=["no JSON", "no UTF-8", "too large"],
)
async def test_a_signed_body_that_makes_no_sense_is_refused(
    workspace: Workspace, http_settings: SlackSettings, store: Store, desk: ChatDesk, sent: tuple[bytes, str, int]
) -> None:
    """4xx, never a traceback; 1 MiB is the contract's limit."""
    body, kind, status = sent
    headers = signed_headers(body, kind, workspace.signing_secret, int(SystemClock().now()))
    async with (
        listening(http_settings, desk, store) as address,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        answer = await client.post(address, content=body, headers=headers)
    assert answer.status_code == status


async def test_doctor_says_in_one_line_that_slack_is_ready(workspace: Workspace, settings: SlackSettings) -> None:
    """Who, where, how."""
    assert await check_slack(settings) == "bellhop in qnet, Socket Mode, channel C1"


@pytest.mark.parametrize("scope", ["chat:write", "commands", "groups:history"])
async def test_doctor_names_the_scope_that_is_missing(
    workspace: Workspace, settings: SlackSettings, scope: str
) -> None:
    """With what it is for and what to do."""
    workspace.scopes.discard(scope)
    with pytest.raises(BellhopError, match=rf"lacks the scopes {scope} .*slack-manifest.yaml"):
        await check_slack(settings)


async def test_doctor_names_a_bad_token_and_a_channel_without_the_bot(
    workspace: Workspace, settings: SlackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its own line, without the token."""
    elsewhere = settings.model_copy(update={"channel": workspace.add_channel("other", bot=False).id})
    with pytest.raises(BellhopError, match="/invite @Bellhop"):
        await check_slack(elsewhere)
    monkeypatch.setenv("TEST_APP_TOKEN", workspace.bot_token)
    with pytest.raises(BellhopError, match=r"the app token is refused.*connections:write") as caught:
        await check_slack(settings)
    assert workspace.bot_token not in str(caught.value)
    monkeypatch.setenv("TEST_BOT_TOKEN", "xoxb-wrong")
    with pytest.raises(BellhopError, match=r"invalid_auth.*slack.bot_token"):
        await check_slack(settings)


def test_the_manifest_asks_for_what_the_door_needs_and_no_more() -> None:
    """Four scopes, four commands, Socket Mode."""
    import yaml

    from bot.chat.manifest import manifest_yaml

    made = yaml.safe_load(manifest_yaml())
    assert made["oauth_config"]["scopes"]["bot"] == ["chat:write", "commands", "channels:history", "groups:history"]
    commands = [each["command"] for each in made["features"]["slash_commands"]]
    assert commands == ["/bellhop", "/diagnose", "/runbook", "/postmortem"]
    assert made["settings"]["socket_mode_enabled"] is True
    assert json.dumps(made)
