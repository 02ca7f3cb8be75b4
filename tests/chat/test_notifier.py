"""Incidents in chat: one message kept up to date, every event once and in order, whatever Slack does."""

import asyncio

import msgspec
import pytest

from bot.chat.client import SlackClient
from bot.chat.lines import thread_line
from bot.chat.notifier import batches
from bot.errors import ChatUnavailableError
from bot.model.chat import ChatThread
from bot.model.event import Entry
from bot.settings import SlackSettings
from bot.store import Store
from tests.chat.workplace import entries, go_on, notifier, open_incident, open_store, working
from tests.support.incident_story import bodies, events
from tests.support.slack.state import Channel
from tests.support.slack.workspace import Workspace

STORY = [line for event in events() if (line := thread_line(event))]
"""The story's sixteen lines, in order."""


def told(workspace: Workspace) -> list[str]:
    """Every line that stands in a thread, in order."""
    return [line for message in workspace.messages() if message.is_reply for line in message.text.split("\n")]


def heads(workspace: Workspace) -> list[str]:
    """The texts of the messages that are no replies."""
    return [message.text for message in workspace.messages() if not message.is_reply]


async def progress(store: Store, incident: str) -> ChatThread:
    """What is saved."""
    thread = await store.read(lambda transaction: transaction.thread(incident))
    assert thread is not None
    return thread


async def test_an_incident_is_one_message_that_is_drawn_anew_in_place(
    workspace: Workspace, store: Store, settings: SlackSettings, channel: Channel
) -> None:
    """Opened with eight events, then told to its end: still one message, now resolved, all lines below it."""
    async with working(notifier(store, settings)):
        incident = await open_incident(store, 8)
        await workspace.until(lambda: told(workspace) == STORY[:7])
        await go_on(store, incident, 8)
        await workspace.until(lambda: told(workspace) == STORY)
    assert len(heads(workspace)) == 1
    assert "SEV2 INC-1 resolved" in heads(workspace)[0]
    assert workspace.messages(channel)[0].metadata is not None


async def test_what_people_are_waited_for_is_heard_in_the_channel(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """The story asks for one approval; only that reply is broadcast."""
    async with working(notifier(store, settings)):
        await open_incident(store, 8)
        await workspace.until(lambda: told(workspace) == STORY[:7])
    loud = [message.text for message in workspace.messages() if message.broadcast]
    assert loud == [STORY[6]]


async def test_while_slack_is_down_the_incident_goes_on_and_is_told_afterwards(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """Slack answers 503 from the start; when it is back everything stands there once and in order."""
    workspace.down = True
    async with working(notifier(store, settings)):
        incident = await open_incident(store, 3)
        await workspace.until(lambda: len(workspace.state.calls) >= 2)
        await go_on(store, incident, 3)
        workspace.down = False
        await workspace.until(lambda: told(workspace) == STORY)
    assert len(heads(workspace)) == 1


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
async def test_slack_asking_to_wait_is_obeyed(
    workspace: Workspace, store: Store, settings: SlackSettings, method: str
) -> None:
    """429 with Retry-After 1 twice, from each method: nothing is lost or told twice."""
    workspace.limit(method, times=2)
    async with working(notifier(store, settings)):
        incident = await open_incident(store, 4)
        await workspace.until(lambda: told(workspace) == STORY[:3])
        await go_on(store, incident, 4)
        await workspace.until(lambda: told(workspace) == STORY)
    assert len(heads(workspace)) == 1


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_post_whose_answer_got_lost_is_not_repeated(
    workspace: Workspace, store: Store, settings: SlackSettings, lost: int
) -> None:
    """The connection breaks after Slack has taken the message, the first `lost` times."""
    workspace.lose_answer("chat.postMessage", lost)
    async with working(notifier(store, settings)):
        await open_incident(store, 17)
        await workspace.until(lambda: told(workspace)[-1:] == STORY[-1:])
    assert told(workspace) == STORY
    assert len(heads(workspace)) == 1


async def test_a_restart_finds_the_message_that_was_posted_and_not_saved(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """A process dies between Slack's answer and the save: the next one goes on with the same message."""
    await open_incident(store, 17)
    await notifier(store, settings).catch_up()
    thread = await progress(store, "INC-1")
    forgotten = msgspec.structs.replace(thread, ts="", shown_seq=0, told_seq=0)
    await store.transact(lambda transaction: transaction.save_thread("INC-1", forgotten))
    await notifier(store, settings).catch_up()
    assert await progress(store, "INC-1") == thread
    assert told(workspace) == STORY
    assert len(heads(workspace)) == 1


@pytest.mark.parametrize("calls", range(1, 8))
async def test_a_process_that_dies_after_any_call_repeats_and_loses_nothing(
    workspace: Workspace, store: Store, settings: SlackSettings, calls: int
) -> None:
    """Stopped when Slack has taken `calls` calls, the answer perhaps still on its way; another one goes on."""
    incident = await open_incident(store, 8)
    async with working(notifier(store, settings)):
        await workspace.until(lambda: len(workspace.state.calls) >= min(calls, 3))
        await go_on(store, incident, 8)
        await workspace.until(lambda: len(workspace.state.calls) >= calls or told(workspace) == STORY)
    async with working(notifier(store, settings)):
        await workspace.until(lambda: told(workspace)[-1:] == STORY[-1:])
    assert told(workspace) == STORY
    assert len(heads(workspace)) == 1


async def test_messages_keep_their_distance(workspace: Workspace, settings: SlackSettings) -> None:
    """Four messages to a channel, a second apart on a clock that runs twenty times as fast: 0.15 s in all."""
    client = SlackClient(settings, pace=0.05)
    began = asyncio.get_running_loop().time()
    for place in range(4):
        await client.post(settings.channel, str(place), [], metadata={"event_type": "x", "event_payload": {}})
    assert asyncio.get_running_loop().time() - began >= 0.15
    assert [message.text for message in workspace.messages()] == ["0", "1", "2", "3"]


async def test_an_incident_of_another_database_is_not_taken_for_this_one(
    workspace: Workspace, store: Store, settings: SlackSettings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Both call it INC-1; the instant of opening tells them apart."""
    async with open_store(tmp_path_factory.mktemp("other")) as other:
        await open_incident(other, 2)
        await notifier(other, settings).catch_up()
    later = [msgspec.structs.replace(entry, at=entry.at + 3600) for entry in entries(bodies()[:2])]
    await store.transact(lambda transaction: transaction.open_incident(later))
    await store.transact(lambda transaction: transaction.save_thread("INC-1", ChatThread(channel=settings.channel)))
    await notifier(store, settings).catch_up()
    assert len(heads(workspace)) == 2


async def test_a_message_that_somebody_deleted_is_posted_again(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """The incident goes on below a new message."""
    async with working(notifier(store, settings)):
        incident = await open_incident(store, 4)
        await workspace.until(lambda: told(workspace) == STORY[:3])
        for message in workspace.messages():
            message.deleted = True
        await go_on(store, incident, 4)
        await workspace.until(lambda: told(workspace) == STORY[3:])
    assert len(heads(workspace)) == 1


async def test_one_refused_incident_does_not_hold_up_the_next(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """Slack refuses the first message for good once; the second incident is told in the same round."""
    await open_incident(store, 2)
    await store.transact(lambda transaction: transaction.open_incident(_unrelated()))
    workspace.refuse("chat.postMessage", "restricted_action")
    async with working(notifier(store, settings)):
        await workspace.until(lambda: len(heads(workspace)) == 2)
    assert "INC-2" in heads(workspace)[0]


async def test_a_layout_that_slack_refuses_is_sent_as_plain_text(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """People hear of the incident, with fewer frills."""
    workspace.refuse("chat.postMessage", "invalid_blocks")
    await open_incident(store, 1)
    await notifier(store, settings).catch_up()
    assert "SEV2 INC-1" in heads(workspace)[0]


async def test_a_slack_that_is_away_is_said_in_one_line(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """The typed error that the loop waits on."""
    workspace.down = True
    await open_incident(store, 1)
    with pytest.raises(ChatUnavailableError, match="Slack fails: 503"):
        await notifier(store, settings).catch_up()


def test_batches_keep_order_and_leave_questions_alone() -> None:
    """All seventeen events once, the approval question in a batch of its own."""
    packed = batches(events())
    assert [event for batch in packed for event in batch] == list(events())
    assert [event.seq for event in packed[1]] == [8]


def _unrelated() -> list[Entry]:

    return entries(bodies()[:1])
