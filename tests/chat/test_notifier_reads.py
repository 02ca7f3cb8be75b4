"""How much the notifier reads: what is new, however long the incident; and nothing goes astray for that."""

import re

import pytest

from bot.chat.notifier import Notifier
from bot.errors import ChatUnavailableError
from bot.model.event import Entry, NoteAdded
from bot.settings import SlackSettings
from bot.store import Store
from tests.chat.workplace import notifier, open_incident
from tests.support.events_read import counted_events
from tests.support.incident_story import START
from tests.support.slack.workspace import Workspace

OPENED = 1
"""The event that every incident here begins with; it has no line in the thread."""


async def note(store: Store, incident: str, *numbers: int) -> None:
    """Add numbered notes in one commit."""
    notes = [Entry(at=START, by="cli:alice", body=NoteAdded(text=f"note {n}"), key=f"note {n}") for n in numbers]
    await store.transact(lambda transaction: transaction.append(incident, notes))


def told(workspace: Workspace) -> list[int]:
    """The numbers of the notes that stand in threads, in order."""
    replies = "\n".join(each.text for each in workspace.messages() if each.is_reply)
    return [int(number) for number in re.findall(r"note (\d+)", replies)]


async def tell_each(store: Store, teller: Notifier, incident: str, numbers: range) -> int:
    """Add notes one by one, each told before the next; how many events that made the store hand out."""
    with counted_events(store) as read:
        for number in numbers:
            await note(store, incident, number)
            await teller.catch_up()
    return read.count


async def test_an_event_is_read_twice_however_many_came_before(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """Once for the incident's message and once for the thread: the last fifty notes cost as much as the first."""
    incident, teller = await open_incident(store, OPENED), notifier(store, settings)
    await teller.catch_up()
    first = await tell_each(store, teller, incident, range(50))
    last = await tell_each(store, teller, incident, range(50, 100))
    assert (first, last) == (2 * 50, 2 * 50)
    assert told(workspace) == list(range(100))


async def test_a_restart_reads_the_incident_once_and_then_only_what_is_new(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """Opened and 30 notes are 31 events; the first note behind them costs 32 + 1, each later one 2."""
    incident = await open_incident(store, OPENED)
    await tell_each(store, notifier(store, settings), incident, range(30))
    restarted = notifier(store, settings)
    assert await tell_each(store, restarted, incident, range(30, 31)) == 32 + 1
    assert await tell_each(store, restarted, incident, range(31, 41)) == 2 * 10
    assert told(workspace) == list(range(41))


async def test_what_another_process_told_is_neither_repeated_nor_missed(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """Two notifiers take turns on one incident: each finds what it slept through and goes on behind the other."""
    incident = await open_incident(store, OPENED)
    tellers = notifier(store, settings), notifier(store, settings)
    for number in range(0, 40, 4):
        await note(store, incident, *range(number, number + 4))
        await tellers[number // 4 % 2].catch_up()
    assert told(workspace) == list(range(40))
    (head,) = [each for each in workspace.messages() if not each.is_reply]
    assert "as of event 41" in str(head.blocks)


async def test_an_event_that_is_sent_again_is_told_once(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """The same keys come in again, in another order and among new ones: the events stand once, so do the lines."""
    incident, teller = await open_incident(store, OPENED), notifier(store, settings)
    for numbers in ((2, 0), (0, 2), (1, 2, 3), (3, 1, 0)):
        await note(store, incident, *numbers)
        await teller.catch_up()
    assert told(workspace) == [2, 0, 1, 3]


async def test_a_try_that_breaks_off_has_not_read_all_that_waits(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """400 notes wait, and the connection breaks behind each of the first 10 posts: a try reads 100 of them at most."""
    incident, teller = await open_incident(store, OPENED), notifier(store, settings)
    await teller.catch_up()
    await note(store, incident, *range(400))
    workspace.lose_answer("chat.postMessage", 10)
    with counted_events(store) as read:
        for _ in range(10):
            with pytest.raises(ChatUnavailableError):
                await teller.catch_up()
    assert read.count == 400 + 10 * 100
    await teller.catch_up()
    assert told(workspace) == list(range(400))
