"""The Slack double behaves as Slack does towards an app: the real slack_bolt over Socket Mode and signed HTTP."""

import asyncio
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.support.slack import Channel, User, Workspace, fixtures, signed_headers
from tests.support.slack.fixtures import BLOCKS, app_of, connected, plain_text, refusal, serving

workspace, alice, alerts, client = fixtures.workspace, fixtures.alice, fixtures.alerts, fixtures.client


async def test_a_slash_command_over_socket_mode_is_acknowledged_and_answered(
    workspace: Workspace, client: AsyncWebClient, alice: User, alerts: Channel
) -> None:
    """The acknowledgement is timed, and the answer through the response URL reaches the person alone."""
    async with connected(workspace, app_of(workspace, client)):
        delivery = await workspace.slash(alice, "/bellhop status now", alerts)
        await workspace.until(lambda: workspace.ephemerals(alice) and delivery.acknowledged)
    assert delivery.in_time
    assert workspace.ephemerals(alice)[0].text == "you said status now"


async def test_a_pressed_button_reaches_the_app_with_its_value_and_message(
    workspace: Workspace, client: AsyncWebClient, alice: User, alerts: Channel
) -> None:
    """The app updates the very message that was pressed."""
    await client.chat_postMessage(channel=alerts.id, text="Realign?", blocks=BLOCKS)
    (message,) = workspace.messages(alerts)
    async with connected(workspace, app_of(workspace, client)):
        delivery = await workspace.press(alice, message, "approve")
        await workspace.until(lambda: message.text == "approved act-42")
        await workspace.until(lambda: delivery.acknowledged)
    assert message.action_ids == []


async def test_an_envelope_that_is_delivered_again_is_the_same_and_goes_to_the_next_connection(
    workspace: Workspace, client: AsyncWebClient, alice: User, alerts: Channel
) -> None:
    """Two connections take turns."""
    app = app_of(workspace, client)
    async with connected(workspace, app), connected(workspace, app):
        delivery = await workspace.slash(alice, "/bellhop status", alerts)
        await workspace.redeliver(delivery)
        await workspace.until(lambda: len(delivery.acknowledgements) == 2)
    assert len({each.connection for each in delivery.acknowledgements}) == 2


@pytest.mark.parametrize("how", ["refresh_connections", "drop_connections"])
async def test_an_app_whose_connection_ends_comes_back(workspace: Workspace, client: AsyncWebClient, how: str) -> None:
    """Asked to or not, the client opens a new connection."""
    async with connected(workspace, app_of(workspace, client)):
        before = workspace.connections[0].number
        await getattr(workspace, how)()
        await workspace.until(lambda: [each for each in workspace.connections if each.number != before])


async def test_a_command_that_no_app_takes_fails_for_the_person(
    workspace: Workspace, alice: User, alerts: Channel
) -> None:
    """Slack says dispatch_failed."""
    assert (await workspace.slash(alice, "/bellhop status", alerts)).failure == "dispatch_failed"


async def test_a_modal_opens_once_per_trigger_and_its_submission_reaches_the_app(
    workspace: Workspace, client: AsyncWebClient, alice: User, alerts: Channel
) -> None:
    """The errors that the app answers are shown and keep the modal open; an empty answer closes it."""
    app = app_of(workspace, client)
    answers: list[dict[str, Any]] = [{"response_action": "errors", "errors": {"why": "say why"}}, {}]

    async def submitted(ack: Any) -> None:
        await ack(**answers.pop(0))

    app.view("reason")(submitted)
    asked = {
        "type": "input",
        "block_id": "why",
        "label": plain_text(3),
        "element": {"type": "plain_text_input"},
    }
    modal = {
        "type": "modal",
        "callback_id": "reason",
        "title": plain_text(24),
        "submit": plain_text(2),
        "blocks": [asked],
    }
    trigger = workspace.state.new_trigger(alice.id)
    await client.views_open(trigger_id=trigger, view=modal)
    assert (await refusal(client.views_open(trigger_id=trigger, view=modal)))["error"] == "exchanged_trigger_id"
    (view,) = workspace.state.views
    async with connected(workspace, app):
        await workspace.submit(alice, view, {})
        await workspace.until(lambda: view.errors)
        assert (view.state, view.errors) == ("open", {"why": "say why"})
        await workspace.submit(alice, view, {})
        await workspace.until(lambda: view.state == "submitted")


async def test_a_reaction_is_told_as_an_event_and_stands_on_the_message(
    workspace: Workspace, client: AsyncWebClient, alice: User, alerts: Channel
) -> None:
    """The app hears which message it was."""
    app, heard = app_of(workspace, client), asyncio.Queue[dict[str, Any]]()

    async def reacted(event: dict[str, Any]) -> None:
        await heard.put(event)

    app.event("reaction_added")(reacted)
    message = await workspace.say(alice, "look", alerts)
    async with connected(workspace, app):
        await workspace.react(alice, message, "eyes")
        event = await asyncio.wait_for(heard.get(), 5)
    assert (event["reaction"], event["item"]["ts"]) == ("eyes", message.ts)
    assert (await client.conversations_history(channel=alerts.id))["messages"][0]["reactions"][0]["count"] == 1


async def test_commands_and_presses_go_signed_over_http_when_the_app_has_an_address(
    workspace: Workspace, client: AsyncWebClient, alice: User, alerts: Channel
) -> None:
    """Bolt itself checks the signatures; with another secret it answers 401."""
    await client.chat_postMessage(channel=alerts.id, text="Realign?", blocks=BLOCKS)
    (message,) = workspace.messages(alerts)
    async with serving(app_of(workspace, client)) as workspace.request_url:
        assert (await workspace.slash(alice, "/bellhop status", alerts)).in_time
        assert (await workspace.press(alice, message, "approve")).in_time
        await workspace.until(lambda: message.text == "approved act-42" and workspace.ephemerals(alice))
        workspace.signing_secret = "another"
        assert (await workspace.slash(alice, "/bellhop status", alerts)).failure == "http_401"


def test_the_signature_is_that_of_slacks_own_example() -> None:
    """Secret, timestamp, body and signature are those printed in Slack's page on verifying requests."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = signed_headers(body, "", "8f742231b10e8888abcd99yyyzzz85a5", 1531420618)
    assert headers["X-Slack-Signature"] == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def test_waiting_in_vain_tells_what_was_there(workspace: Workspace, alice: User, alerts: Channel) -> None:
    """A test that fails says what the bot said instead."""
    await workspace.say(alice, "something else", alerts)
    with pytest.raises(AssertionError, match="something else"):
        await workspace.until(lambda: False, timeout=0.01)
