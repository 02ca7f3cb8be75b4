"""Events: added once, in order, without gaps, and never changed, on both databases."""

import asyncio
from functools import partial

import pytest
import sqlalchemy as sa

from bot.errors import NotFoundError, StoreUnavailableError
from bot.model.event import EffectMeasured, Entry, Event, NoteAdded, StateChanged
from bot.store import Store, Transaction
from tests.support.incident_story import START, bodies
from tests.support.postgres import password_of


def note(text: str, *, key: str = "") -> Entry:
    """A note, with its text as its key."""
    return Entry(at=START, by="cli:alice", body=NoteAdded(text=text), key=key or text)


def story(count: int | None = None) -> list[Entry]:
    """The told incident as entries that wait for their place."""
    told = bodies()[:count]
    return [Entry(at=START + at, by=by, body=body, key=f"k{place}") for place, (at, by, body) in enumerate(told)]


async def opened(store: Store, count: int = 2) -> str:
    """An incident with the story's first `count` events."""
    return await store.transact(lambda transaction: transaction.open_incident(story(count)))


async def append(store: Store, incident: str, *entries: Entry) -> tuple[Event, ...]:
    """What was added."""
    return await store.transact(lambda transaction: transaction.append(incident, entries))


async def test_a_whole_incident_comes_back_as_it_was_written(store: Store) -> None:
    """Every kind of event in the story, field by field."""
    incident = await opened(store, len(story()))
    events = await store.read(lambda transaction: transaction.events(incident))
    assert [(event.at, event.by, event.body) for event in events] == [(e.at, e.by, e.body) for e in story()]
    assert {event.incident for event in events} == {incident}


async def test_events_are_found_by_the_keys_they_happened_under(store: Store) -> None:
    """Of one incident only; a key that never happened is not there."""
    incident, other = await opened(store), await opened(store)
    await append(store, other, note("elsewhere"))
    (added,) = await append(store, incident, note("here"))
    found = await store.read(lambda transaction: transaction.happened(incident, ["here", "elsewhere", "k9"]))
    assert found == {"here": added}


async def test_events_are_read_a_page_at_a_time(store: Store) -> None:
    """Two by two of five, and none behind the last; a page larger than what is left is what is left."""
    incident = await opened(store, 5)
    for after, most, expected in ((0, 2, [1, 2]), (2, 2, [3, 4]), (2, 9, [3, 4, 5]), (5, 2, []), (0, 0, [])):
        events = await store.read(partial(_page, incident, after, most))
        assert [event.seq for event in events] == expected, (after, most)
        assert await store.transact(partial(_page, incident, after, most)) == events


async def test_events_are_read_from_the_one_with_a_key_on(store: Store) -> None:
    """The fourth and all behind it; all five where nothing happened under the key, or only in another incident."""
    incident, other = await opened(store, 3), await opened(store, 3)
    await append(store, incident, note("here"), note("later"))
    await append(store, other, note("elsewhere"))
    for key, expected in (("here", [4, 5]), ("later", [5]), ("elsewhere", [1, 2, 3, 4, 5])):
        events = await store.read(partial(_from, incident, key))
        assert [event.seq for event in events] == expected, key
        assert await store.transact(partial(_from, incident, key)) == events


def _page(incident: str, after: int, most: int, transaction: Transaction) -> tuple[Event, ...]:
    return transaction.events(incident, after, most=most)


def _from(incident: str, key: str, transaction: Transaction) -> tuple[Event, ...]:
    return transaction.events_from(incident, key)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bellhop_events SET event = '{}'",
        "DELETE FROM bellhop_events",
        "INSERT OR REPLACE INTO bellhop_events SELECT id, incident, seq, key, at, '{}' FROM bellhop_events",
        "TRUNCATE bellhop_events",
    ],
)
async def test_the_database_itself_refuses_to_change_an_event(store: Store, statement: str) -> None:
    """Whatever the code does: triggers refuse, and the events stand as before."""
    incident = await opened(store)
    before = await store.read(lambda transaction: transaction.events(incident))
    dialect = store.engine.dialect.name
    if "REPLACE" in statement and dialect != "sqlite":
        statement = (
            "INSERT INTO bellhop_events SELECT * FROM bellhop_events ON CONFLICT (id) DO UPDATE SET event = '{}'"
        )
    expected = "only ever added" if not (statement.startswith("TRUNCATE") and dialect == "sqlite") else "syntax error"
    with pytest.raises(StoreUnavailableError, match=expected):
        await store.transact(lambda transaction: transaction.connection.execute(sa.text(statement)).rowcount)
    assert await store.read(lambda transaction: transaction.events(incident)) == before


async def test_the_same_key_twice_is_one_event(store: Store) -> None:
    """In one call, in two calls, and beside new ones; the same key in another incident is another event."""
    incident, other = await opened(store), await opened(store)
    first = await append(store, incident, note("a"), note("b", key="a"))
    again = await append(store, incident, note("c", key="a"), note("d"))
    elsewhere = await append(store, other, note("a"))
    assert [event.body for event in first + again] == [NoteAdded(text="a"), NoteAdded(text="d")]
    assert [event.seq for event in first + again + elsewhere] == [3, 4, 3]


async def test_sequence_numbers_have_no_gaps_however_many_write_at_once(store: Store, url: str) -> None:
    """40 writers through two stores on one database, half of them with a key that has happened."""
    incident = await opened(store)
    second = Store(url, password_of(url))
    await second.open()
    writers = (append(second if number % 2 else store, incident, note(f"note {number // 2}")) for number in range(40))
    added = [event for events in await asyncio.gather(*writers) for event in events]
    await second.close()
    events = await store.read(lambda transaction: transaction.events(incident))
    assert [event.seq for event in events] == list(range(1, 23))
    assert sorted(added, key=lambda event: event.seq) == list(events[2:])


async def test_a_failed_transaction_leaves_neither_events_nor_a_gap(store: Store) -> None:
    """What raises half way has written nothing; the next event takes the next number."""
    incident = await opened(store)

    def fails(transaction: Transaction) -> None:
        transaction.append(incident, [note("lost")])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.transact(fails)
    kept = await append(store, incident, note("kept"))
    assert [event.seq for event in kept] == [3]


async def test_nobody_slips_in_between_a_look_and_an_act(store: Store) -> None:
    """Twenty at once that each write down how many events they saw: every number is seen once."""
    incident = await opened(store)

    def count(number: int, transaction: Transaction) -> None:
        seen = len(transaction.events(incident))
        transaction.append(incident, [note(f"{seen}", key=f"writer {number}")])

    await asyncio.gather(*(store.transact(partial(count, number)) for number in range(20)))
    events = await store.read(lambda transaction: transaction.events(incident, after=2))
    assert [event.body for event in events] == [NoteAdded(text=str(seen)) for seen in range(2, 22)]


async def test_a_reader_sees_one_instant(store: Store) -> None:
    """What another process commits between two questions of one reader is not seen by it."""
    incident = await opened(store)
    engine = sa.create_engine(store.engine.url, poolclass=sa.NullPool)

    def look_twice(transaction: Transaction) -> tuple[int, int]:
        before = len(transaction.events(incident))
        with engine.begin() as beside:
            beside.execute(sa.text("UPDATE bellhop_incidents SET closed = true"))
        return before, len(transaction.incident_ids(open_only=True))

    assert await store.read(look_twice) == (2, 1)
    assert await store.read(lambda transaction: transaction.incident_ids(open_only=True)) == ()


async def test_incidents_are_listed_in_the_order_they_opened_and_closed_ones_apart(store: Store) -> None:
    """Ten and more, so that text order would show; merged ones need nobody, suppressed ones may come back."""
    ids = [await opened(store, 1) for _ in range(11)]
    ends = {"resolved": 2, "suppressed": 4, "merged": 6, "acknowledged": 8}
    for state, place in ends.items():
        body = StateChanged(before="triggered", after=state)  # type: ignore[arg-type]
        entry = Entry(at=START, by="bellhop", body=body, key=state)
        await append(store, ids[place], entry)
    assert await store.read(lambda transaction: transaction.incident_ids()) == tuple(ids)
    still = [incident for place, incident in enumerate(ids) if place not in (2, 6)]
    assert await store.read(lambda transaction: transaction.incident_ids(open_only=True)) == tuple(still)


async def test_a_reopened_incident_is_open(store: Store) -> None:
    """The last move counts, also of two in one commit."""
    incident = await opened(store, 1)
    moves = [StateChanged(before="triggered", after="resolved"), StateChanged(before="resolved", after="triggered")]
    entries = [Entry(at=START, by="bellhop", body=body, key=body.after) for body in moves]
    await append(store, incident, *entries[:1])
    assert await store.read(lambda transaction: transaction.incident_ids(open_only=True)) == ()
    await append(store, incident, *entries[1:])
    assert await store.read(lambda transaction: transaction.incident_ids(open_only=True)) == (incident,)


@pytest.mark.parametrize("name", ["INC-99", "INC-0", "INC-", "INC-1 ", "INC-01", "INC-\u0661", "INC-\u00b2", "1", "inc-1", "INC-1\n"])  # fmt: skip  # noqa: E501
async def test_a_name_that_is_no_incident_is_not_found(store: Store, name: str) -> None:
    """Neither as another spelling of INC-1, nor as a traceback."""
    await opened(store)
    with pytest.raises(NotFoundError, match="no incident"):
        await append(store, name, note("a"))


async def test_an_event_that_could_not_be_read_again_is_not_written(store: Store) -> None:
    """Not-a-number becomes null in JSON: where a number must stand, it would make the incident unreadable for ever."""
    incident = await opened(store)
    measured = EffectMeasured(run="r", quantity="q", unit="1", before=None, predicted=1.0, measured=float("inf"))
    fine = Entry(at=START, by="bellhop", body=measured, key="inf is told as unknown")
    await append(store, incident, fine)
    with pytest.raises(ValueError, match="NoteAdded of INC-1 does not fit"):
        await append(store, incident, Entry(at=float("nan"), by="bellhop", body=NoteAdded(text="when?"), key="nan"))
    events = await store.read(lambda transaction: transaction.events(incident))
    assert [event.seq for event in events] == [1, 2, 3]


async def test_an_alerts_episode_leads_to_its_incident(store: Store) -> None:
    """To the first that it was attached to; nobody knows a strange one."""
    incident = await opened(store)
    await opened(store)
    episode = story()[1].body.alert.episode  # type: ignore[union-attr]
    assert await store.read(lambda transaction: transaction.incident_of_episode(episode)) == incident
    assert await store.read(lambda transaction: transaction.incident_of_episode("strange")) is None
