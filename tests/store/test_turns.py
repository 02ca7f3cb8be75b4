"""Transactions that stand in each other's way: neither is lost, and who only looks stands in nobody's."""

import asyncio
import threading
from collections.abc import Callable

from bot.model.event import Entry, NoteAdded
from bot.store import Store, Transaction
from tests.store.test_events import opened, story

AT = 1_750_000_000.0
PATIENCE_S = 20.0


def note(key: str) -> Entry:
    """A note with its key as its text."""
    return Entry(at=AT, by="cli:alice", body=NoteAdded(text=key), key=key)


async def texts(store: Store, incident: str) -> list[str]:
    """The notes of an incident that this file added."""
    events = await store.read(lambda transaction: transaction.events(incident))
    return [event.body.text for event in events if isinstance(event.body, NoteAdded) and event.at == AT]


async def test_of_two_transactions_that_want_each_others_incident_both_are_done(store: Store) -> None:
    """Each holds one until the other holds the second, the first time: a server breaks one of them off, once."""
    first, second = await opened(store), await opened(store)
    begun = threading.Barrier(2)
    tries: list[str] = []

    def crossing(name: str, near: str, far: str) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            tries.append(name)
            transaction.append(near, [note(f"{name} near")])
            if tries.count(name) == 1 and transaction.connection.dialect.name == "postgresql":
                begun.wait(PATIENCE_S)
            transaction.append(far, [note(f"{name} far")])

        return work

    await asyncio.gather(store.transact(crossing("one", first, second)), store.transact(crossing("two", second, first)))
    assert sorted(await texts(store, first)) == ["one near", "two far"]
    assert sorted(await texts(store, second)) == ["one far", "two near"]


async def test_who_looks_beside_an_incident_waits_for_nobody(store: Store) -> None:
    """Within a transaction that writes, too: there is what is committed, and nothing of what is not yet."""
    incident = await opened(store, 2)
    holds, let_go = threading.Event(), threading.Event()

    def write(transaction: Transaction) -> None:
        transaction.append(incident, [note("not committed yet")])
        holds.set()
        let_go.wait(PATIENCE_S)

    writing = asyncio.create_task(store.transact(write))
    await asyncio.to_thread(holds.wait, PATIENCE_S)
    looking = store.transact if store.engine.dialect.name == "postgresql" else store.read  # SQLite has one writer
    try:
        async with asyncio.timeout(PATIENCE_S / 2):
            seen, seqs = await looking(lambda each: (each.events_beside(incident), each.open_seqs()))
    finally:
        let_go.set()
        await writing
    assert [event.seq for event in seen] == [1, 2]
    assert seqs == {incident: 2}


async def test_open_incidents_are_known_by_their_last_events(store: Store) -> None:
    """Oldest first, and those that are over left out; the whole told incident is over."""
    over, still = await opened(store, len(story())), await opened(store, 2)
    seqs = await store.read(lambda transaction: transaction.open_seqs())
    assert (over in seqs, seqs) == (False, {still: 2})
