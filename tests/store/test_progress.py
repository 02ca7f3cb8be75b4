"""What hangs on the events: waiting for change, the inbox, nonces and how far chat has told an incident."""

import asyncio

import pytest

from bot.errors import StoreUnavailableError
from bot.model.chat import ChatThread
from bot.model.event import Entry, NoteAdded
from bot.store import Store, Transaction
from tests.support.incident_story import START, bodies
from tests.support.postgres import password_of

LONG_S = 60.0
"""Far longer than any of these waits lasts: a test that waits for it fails by its own deadline."""
DAY_S = 86400.0


async def opened(store: Store) -> str:
    """An incident of two events."""
    told = [Entry(at=START + at, by=by, body=body, key=str(place)) for place, (at, by, body) in enumerate(bodies()[:2])]
    return await store.transact(lambda transaction: transaction.open_incident(told))


async def put(store: Store, *bodies_: bytes, at: float = START) -> int:
    """Bodies into the inbox, each its own digest."""
    rows = [("alertmanager", at, body.hex(), body) for body in bodies_]
    return await store.transact(lambda transaction: transaction.inbox_put(rows))


async def save(store: Store, incident: str, thread: ChatThread) -> None:
    """Chat has come this far."""
    await store.transact(lambda transaction: transaction.save_thread(incident, thread))


async def waiting(store: Store) -> list[bytes]:
    """What the inbox still holds to be worked on."""
    return [row.body for row in await store.read(lambda transaction: transaction.inbox_take(100))]


async def test_who_waits_for_a_change_is_woken_by_every_commit(store: Store) -> None:
    """Several at once, well before the timeout; a failed transaction and a reader wake nobody."""
    waits = [asyncio.create_task(store.wait_for_change(LONG_S)) for _ in range(3)]
    await store.read(lambda transaction: transaction.incident_ids())
    with pytest.raises(ZeroDivisionError):
        await store.transact(lambda _: 1 // 0)
    assert [wait.done() for wait in waits] == [False] * 3
    await opened(store)
    await asyncio.wait_for(asyncio.gather(*waits), LONG_S / 2)


async def test_without_a_change_the_wait_ends_at_its_timeout(store: Store) -> None:
    """Another process's commits are found this way."""
    await asyncio.wait_for(store.wait_for_change(0.01), LONG_S / 2)


async def test_who_waits_for_a_delivery_is_woken_by_bodies_alone(store: Store) -> None:
    """Other commits leave it asleep, so that the steps of runs cost the intake nothing."""
    wait = asyncio.create_task(store.wait_for_delivery(LONG_S))
    await opened(store)
    assert not wait.done()
    await put(store, b"one")
    await asyncio.wait_for(wait, LONG_S / 2)


async def test_a_delivery_that_came_before_anybody_waited_is_not_missed(store: Store) -> None:
    """Between looking into the inbox and waiting; once noticed it wakes nobody again."""
    await put(store, b"one")
    await asyncio.wait_for(store.wait_for_delivery(LONG_S), LONG_S / 2)
    again = asyncio.create_task(store.wait_for_delivery(LONG_S))
    await store.read(lambda transaction: transaction.incident_ids())
    assert not again.done()
    again.cancel()


async def test_the_inbox_gives_bodies_in_the_order_they_came_until_they_are_finished(store: Store) -> None:
    """Bytes come back as they were, zero bytes included; a finished body is not given again."""
    assert await put(store, b"one", b"two \x00\xff") == 2
    assert await put(store, b"three") == 1
    rows = await store.read(lambda transaction: transaction.inbox_take(2))
    assert [(row.source, row.received_at, row.body) for row in rows] == [
        ("alertmanager", START, b"one"),
        ("alertmanager", START, b"two \x00\xff"),
    ]
    await store.transact(lambda transaction: transaction.inbox_finish(rows[0].id, "1 alert", at=START + 1))
    assert await waiting(store) == [b"two \x00\xff", b"three"]


async def test_the_same_body_again_is_kept_once_also_after_it_was_finished(store: Store) -> None:
    """Alertmanager delivers at least once: within a call, between calls, and later."""
    assert await put(store, b"one", b"one", b"two") == 2
    row = (await store.read(lambda transaction: transaction.inbox_take(1)))[0]
    await store.transact(lambda transaction: transaction.inbox_finish(row.id, "", at=START))
    assert await put(store, b"one", b"two") == 0
    assert await put(store) == 0
    assert await waiting(store) == [b"two"]


async def test_a_body_is_finished_only_with_its_effects(store: Store) -> None:
    """When the effects fail, it waits on."""
    await put(store, b"one")
    row = (await store.read(lambda transaction: transaction.inbox_take(1)))[0]

    def fails(transaction: Transaction) -> None:
        transaction.inbox_finish(row.id, "")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.transact(fails)
    assert await waiting(store) == [b"one"]


async def test_of_several_servers_one_works_on_a_body(store: Store, url: str) -> None:
    """Eight that took the same row claim it at once, through two stores: one may."""
    second = Store(url, password_of(url))
    await second.open()
    await put(store, b"one")
    row = (await store.read(lambda transaction: transaction.inbox_take(1)))[0]

    def work(transaction: Transaction) -> bool:
        claimed = transaction.inbox_claim(row.id)
        if claimed:
            transaction.inbox_finish(row.id, "", at=START)
        return claimed

    claims = await asyncio.gather(*(each.transact(work) for each in (store, second) * 4))
    await second.close()
    assert sorted(claims) == [False] * 7 + [True]


async def test_finished_bodies_are_forgotten_after_their_time_and_others_never(store: Store) -> None:
    """Seven days as an example: what is younger or still waits stays; at most 1000 go at once."""
    now = START + 7 * DAY_S
    await put(store, b"waits", at=START - 1)
    old = [b"old %d" % number for number in range(1001)]
    await put(store, *old, at=START - 1)
    await put(store, b"young", at=START)
    rows = await store.read(lambda transaction: transaction.inbox_take(2000))

    def finish(transaction: Transaction) -> None:
        for row in rows[1:]:
            transaction.inbox_finish(row.id, "")

    await store.transact(finish)
    forgotten = [
        await store.transact(lambda transaction: transaction.inbox_forget(before=now - 7 * DAY_S)) for _ in range(3)
    ]
    assert forgotten == [1000, 1, 0]
    assert await waiting(store) == [b"waits"]
    assert await put(store, b"young", b"waits", b"old 0") == 1


async def test_a_nonce_is_used_once(store: Store) -> None:
    """Ten clicks at once: one counts, and none later."""
    tries = await asyncio.gather(
        *(store.transact(lambda transaction: transaction.use_nonce("n1", START)) for _ in range(10))
    )
    assert sorted(tries) == [False] * 9 + [True]
    assert not await store.transact(lambda transaction: transaction.use_nonce("n1"))
    assert await store.transact(lambda transaction: transaction.use_nonce("n2"))


async def test_threads_behind_are_those_with_events_that_chat_has_not_told(store: Store) -> None:
    """A new incident, then one whose message or thread lags, and again after a new event."""
    first, second = await opened(store), await opened(store)
    assert await store.read(lambda transaction: transaction.threads_behind()) == (first, second)
    assert await store.read(lambda transaction: transaction.thread(first)) is None
    steps = [
        (ChatThread(channel="C1", ts="", shown_seq=0, told_seq=0), (first, second)),
        (ChatThread(channel="C1", ts="1.2", shown_seq=2, told_seq=1), (first, second)),
        (ChatThread(channel="C1", ts="1.2", shown_seq=1, told_seq=2), (first, second)),
        (ChatThread(channel="C1", ts="1.2", shown_seq=2, told_seq=2), (second,)),
    ]
    for thread, behind in steps:
        await save(store, first, thread)
        assert await store.read(lambda transaction: transaction.thread(first)) == thread
        assert await store.read(lambda transaction: transaction.threads_behind()) == behind, thread
    entry = Entry(at=START, by="cli:alice", body=NoteAdded(text="more"), key="more")
    await store.transact(lambda transaction: transaction.append(first, [entry]))
    assert await store.read(lambda transaction: transaction.threads_behind()) == (first, second)


async def test_a_thread_saved_by_two_at_once_is_one_thread(store: Store) -> None:
    """The first two saves of an incident's thread may meet."""
    incident = await opened(store)
    thread = ChatThread(channel="C1", ts="1.2", shown_seq=2, told_seq=2)
    await asyncio.gather(*(save(store, incident, thread) for _ in range(8)))
    assert await store.read(lambda transaction: transaction.thread(incident)) == thread


async def test_a_closed_store_says_so(url: str) -> None:
    """One clear error instead of one of Python's thread pool."""
    store = Store(url, password_of(url))
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="not open"):
            await store.transact(lambda transaction: transaction.incident_ids())
        await store.close()
    with pytest.raises(StoreUnavailableError, match="not open"):
        await store.read(lambda transaction: transaction.incident_ids())
