"""What can be done to the store within one commit."""

import re
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.errors import NotFoundError
from bot.model.chat import ChatThread
from bot.model.event import AlertAttached, Entry, Event, StateChanged
from bot.store.engine import READS
from bot.store.inbox import InboxRow
from bot.store.tables import EPISODES, EVENTS, INBOX, INBOX_TURN, INCIDENTS, NONCES, THREADS

_CLOSED = ("resolved", "postmortem published", "merged")
_PREFIX = "INC-"
_INCIDENT = re.compile(rf"{_PREFIX}([1-9][0-9]{{0,14}})")
_MOST_FORGOTTEN = 1000
_LAST_SEQ = sa.select(INCIDENTS.c.last_seq).where(INCIDENTS.c.number == sa.bindparam("number")).with_for_update()
_OF_INCIDENT = sa.select(EVENTS.c.event).where(EVENTS.c.incident == sa.bindparam("number"))
_EVENTS_BEHIND = _OF_INCIDENT.where(EVENTS.c.seq > sa.bindparam("after")).order_by(EVENTS.c.seq)
_SOME_EVENTS_BEHIND = _EVENTS_BEHIND.limit(sa.bindparam("most"))
_EVENTS_OF_KEYS = _OF_INCIDENT.add_columns(EVENTS.c.key).where(EVENTS.c.key.in_(sa.bindparam("keys", expanding=True)))
_decode = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode


class Transaction:
    """One transaction; everything in it happens or nothing does."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.delivered = False
        """Whether it put a body into the inbox."""
        self._held: dict[int, int] = {}
        """Incidents whose rows are locked until the commit -> their last event's seq."""

    def open_incident(self, entries: Sequence[Entry]) -> str:
        """Begin an incident with its first events; its id, such as INC-7."""
        row = self.connection.execute(
            INCIDENTS.insert().values(closed=False, last_seq=0).returning(INCIDENTS.c.number)
        ).one()
        incident = f"{_PREFIX}{row.number}"
        self.append(incident, entries)
        return incident

    def append(self, incident: str, entries: Sequence[Entry]) -> tuple[Event, ...]:
        """Add events; those whose key has happened are passed over. Raises NotFoundError."""
        number = _number(incident)
        last = self._hold(number)
        if last is None:
            raise NotFoundError(f"there is no incident {incident}")
        added: list[Event] = []
        for entry in entries:
            event = self._add(number, last + len(added) + 1, incident, entry)
            if event is not None:
                added.append(event)
        if added:
            self._index(number, added)
        return tuple(added)

    def events(self, incident: str, after: int = 0, *, most: int | None = None) -> tuple[Event, ...]:
        """The events of an incident behind `after`, in order: all, or the first `most` of them.

        In a transaction that writes, nobody else adds to the incident from here to the commit.
        """
        number = _number(incident)
        if not self.connection.get_execution_options().get(READS, False) and (self._hold(number) or 0) <= after:
            return ()
        asked: dict[str, int] = {"number": number, "after": after}
        if most is None:
            rows = self.connection.execute(_EVENTS_BEHIND, asked)
        else:
            rows = self.connection.execute(_SOME_EVENTS_BEHIND, {**asked, "most": most})
        return tuple(_decode(text) for text in rows.scalars())

    def events_beside(self, incident: str, after: int = 0) -> tuple[Event, ...]:
        """The events of an incident behind `after`, in order, to look at: nobody is waited for or kept from adding."""
        rows = self.connection.execute(_EVENTS_BEHIND, {"number": _number(incident), "after": after})
        return tuple(_decode(text) for text in rows.scalars())

    def events_from(self, incident: str, key: str) -> tuple[Event, ...]:
        """The events of an incident from the one that happened under `key` on; all where none did."""
        first = self.happened(incident, [key]).get(key)
        return self.events(incident, first.seq - 1 if first else 0)

    def happened(self, incident: str, keys: Sequence[str]) -> dict[str, Event]:
        """The events that happened under these keys, by key."""
        rows = self.connection.execute(_EVENTS_OF_KEYS, {"number": _number(incident), "keys": list(keys)})
        return {key: _decode(text) for text, key in rows}

    def incident_ids(self, *, open_only: bool = False) -> tuple[str, ...]:
        """The ids of all incidents, or of those that are not over (suppressed ones may come back), oldest first."""
        query = sa.select(INCIDENTS.c.number).order_by(INCIDENTS.c.number)
        if open_only:
            query = query.where(INCIDENTS.c.closed.is_(False))
        return tuple(f"{_PREFIX}{number}" for number in self.connection.execute(query).scalars())

    def open_seqs(self) -> dict[str, int]:
        """The incidents that are not over -> the seq of their last event, oldest first; nobody is waited for."""
        query = sa.select(INCIDENTS.c.number, INCIDENTS.c.last_seq).where(INCIDENTS.c.closed.is_(False))
        rows = self.connection.execute(query.order_by(INCIDENTS.c.number))
        return {f"{_PREFIX}{number}": last for number, last in rows}

    def incident_of_episode(self, episode: str) -> str | None:
        """The incident that an alert's episode belongs to."""
        query = sa.select(EPISODES.c.incident).where(EPISODES.c.episode == episode)
        number = self.connection.execute(query).scalar()
        return None if number is None else f"{_PREFIX}{number}"

    def use_nonce(self, nonce: str, at: float = 0.0) -> bool:
        """True the first time a nonce is shown, never again."""
        return self._insert_new(NONCES, [{"nonce": nonce, "used_at": at}]) == 1

    def threads_behind(self) -> tuple[str, ...]:
        """Incidents with events that chat has not told yet, oldest first."""
        query = (
            sa.select(INCIDENTS.c.number)
            .outerjoin(THREADS, THREADS.c.incident == INCIDENTS.c.number)
            .where(INCIDENTS.c.last_seq > sa.func.coalesce(THREADS.c.told_seq, 0))
            .order_by(INCIDENTS.c.number)
        )
        return tuple(f"{_PREFIX}{number}" for number in self.connection.execute(query).scalars())

    def thread(self, incident: str) -> ChatThread | None:
        """How far an incident has been told in chat."""
        text = self.connection.execute(
            sa.select(THREADS.c.thread).where(THREADS.c.incident == _number(incident))
        ).scalar()
        return None if text is None else msgspec.json.decode(text, type=ChatThread)

    def save_thread(self, incident: str, thread: ChatThread) -> None:
        """Remember how far an incident has been told."""
        values = {"thread": _encode(thread).decode(), "told_seq": min(thread.told_seq, thread.shown_seq)}
        insert = _insert_into(self.connection, THREADS).values(incident=_number(incident), **values)
        self.connection.execute(insert.on_conflict_do_update(index_elements=[THREADS.c.incident], set_=values))

    def inbox_put(self, rows: Sequence[tuple[str, float, str, bytes]]) -> int:
        """Keep bodies as (source, received_at, digest, body); how many of them were new."""
        values = [
            {"source": source, "received_at": at, "digest": digest, "body": body, "note": "", "refused": False}
            for source, at, digest, body in rows
        ]
        self.delivered = bool(values)
        return self._insert_new(INBOX, values) if values else 0

    def inbox_take(self, limit: int) -> tuple[InboxRow, ...]:
        """The oldest unfinished bodies."""
        query = (
            sa.select(INBOX.c.id, INBOX.c.source, INBOX.c.received_at, INBOX.c.body)
            .where(INBOX.c.finished_at.is_(None))
            .order_by(INBOX.c.id)
            .limit(limit)
        )
        return tuple(InboxRow(*row) for row in self.connection.execute(query))

    def inbox_claim(self, row: int) -> bool:
        """Whether a body still waits to be worked on; until this commit no other server gets an answer.

        Ask first of all in the transaction that writes the body's effects: of two servers on one Postgres
        only one then has them.
        """
        if self.connection.dialect.name == "postgresql":
            self.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(INBOX_TURN)))
        query = sa.select(INBOX.c.id).where(INBOX.c.id == row, INBOX.c.finished_at.is_(None))
        return self.connection.execute(query).scalar() is not None

    def inbox_finish(self, row: int, note: str, *, at: float = 0.0, refused: bool = False) -> None:
        """Mark a body as done, in the same commit as its effects."""
        values = {"finished_at": at, "note": note, "refused": refused}
        self.connection.execute(INBOX.update().where(INBOX.c.id == row).values(**values))

    def inbox_forget(self, before: float) -> int:
        """Delete the oldest handled bodies received before `before` (Unix seconds), at most 1000; how many.

        Bodies that were put aside stay.
        """
        old = (
            sa.select(INBOX.c.id)
            .where(INBOX.c.finished_at.is_not(None), INBOX.c.refused.is_(False), INBOX.c.received_at < before)
            .order_by(INBOX.c.id)
            .limit(_MOST_FORGOTTEN)
        )
        return self.connection.execute(INBOX.delete().where(INBOX.c.id.in_(old))).rowcount

    def inbox_aside(self) -> tuple[int, str]:
        """How many bodies were put aside, and of the newest its source and the reason."""
        aside = sa.select(INBOX.c.source, INBOX.c.note).where(INBOX.c.refused)
        many = self.connection.execute(sa.select(sa.func.count()).select_from(aside.subquery())).scalar_one()
        newest = self.connection.execute(aside.order_by(INBOX.c.id.desc()).limit(1)).one_or_none()
        return many, f"{newest.source}: {newest.note}" if newest else ""

    def probe(self) -> None:
        """Write what changes nothing: a disk that is full only shows once something is written."""
        sqlite_ = self.connection.dialect.name == "sqlite"
        self.connection.exec_driver_sql("PRAGMA user_version=0" if sqlite_ else "SELECT txid_current()")

    def _insert_new(self, table: sa.Table, values: list[dict[str, object]], key: Sequence[str] | None = None) -> int:
        """Insert what is not there yet, by `key`; how many rows that were. Without the option Postgres counts -1."""
        options = {"preserve_rowcount": True}
        insert = _insert_into(self.connection, table).on_conflict_do_nothing(index_elements=key)
        return self.connection.execute(insert, values, execution_options=options).rowcount

    def _hold(self, number: int) -> int | None:
        """Lock an incident's row until the commit (SQLite has one writer anyway); its last event's seq."""
        if number not in self._held:
            last: int | None = self.connection.execute(_LAST_SEQ, {"number": number}).scalar()
            if last is None:
                return None
            self._held[number] = last
        return self._held[number]

    def _add(self, number: int, seq: int, incident: str, entry: Entry) -> Event | None:
        """Write one event; None when its key has happened."""
        event = Event(incident=incident, seq=seq, at=entry.at, by=entry.by, why=entry.why, body=entry.body)
        values = {"incident": number, "seq": seq, "key": entry.key, "at": entry.at, "event": _readable(event)}
        if not self._insert_new(EVENTS, [values], ["incident", "key"]):
            return None
        if isinstance(entry.body, AlertAttached):
            values = {"episode": entry.body.alert.episode, "incident": number}
            self.connection.execute(_insert(self.connection, EPISODES).values(**values))
        return event

    def _index(self, number: int, added: list[Event]) -> None:
        self._held[number] = added[-1].seq
        values: dict[str, object] = {"last_seq": added[-1].seq}
        moves = [event.body.after for event in added if isinstance(event.body, StateChanged)]
        if moves:
            values["closed"] = moves[-1] in _CLOSED
        self.connection.execute(INCIDENTS.update().where(INCIDENTS.c.number == number).values(**values))


def _number(incident: str) -> int:
    match = _INCIDENT.fullmatch(incident)
    if match is None:
        raise NotFoundError(f"there is no incident {incident!r}", hint="incidents are named like INC-7")
    return int(match[1])


def _readable(event: Event) -> str:
    """The event as JSON; raises ValueError when it could not be read again (nan in a number, for one)."""
    text = _encode(event)
    try:
        _decode(text)
    except msgspec.ValidationError as error:
        kind = type(event.body).__name__
        raise ValueError(f"{kind} of {event.incident} does not fit its own shape and is not written: {error}") from None
    return text.decode()


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that passes over what is already there."""
    return _insert_into(connection, table).on_conflict_do_nothing()


def _insert_into(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
