"""What can be done to the store within one commit."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.errors import NotFoundError
from bot.model.chat import ChatThread
from bot.model.event import AlertAttached, Entry, Event, StateChanged
from bot.store.inbox import InboxRow
from bot.store.tables import EPISODES, EVENTS, INBOX, INCIDENTS, NONCES, THREADS

_CLOSED = ("resolved", "postmortem published", "suppressed", "merged")
_PREFIX = "INC-"
_decode = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode


class Transaction:
    """One transaction; everything in it happens or nothing does."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

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
        last = self.connection.execute(
            sa.select(INCIDENTS.c.last_seq).where(INCIDENTS.c.number == number).with_for_update()
        ).scalar()
        if last is None:
            raise NotFoundError(f"there is no incident {incident}")
        happened = set(
            self.connection.execute(
                sa.select(EVENTS.c.key).where(
                    EVENTS.c.incident == number, EVENTS.c.key.in_([entry.key for entry in entries])
                )
            ).scalars()
        )
        added: list[Event] = []
        for entry in entries:
            if entry.key in happened:
                continue
            happened.add(entry.key)
            added.append(self._add(number, last + len(added) + 1, incident, entry))
        if added:
            self._index(number, added)
        return tuple(added)

    def events(self, incident: str, after: int = 0) -> tuple[Event, ...]:
        """The events of an incident behind `after`, in order."""
        rows = self.connection.execute(
            sa.select(EVENTS.c.event)
            .where(EVENTS.c.incident == _number(incident), EVENTS.c.seq > after)
            .order_by(EVENTS.c.seq)
        )
        return tuple(_decode(text) for text in rows.scalars())

    def incident_ids(self, *, open_only: bool = False) -> tuple[str, ...]:
        """The ids of all incidents, or of those that somebody may still have to act on, oldest first."""
        query = sa.select(INCIDENTS.c.number).order_by(INCIDENTS.c.number)
        if open_only:
            query = query.where(INCIDENTS.c.closed.is_(False))
        return tuple(f"{_PREFIX}{number}" for number in self.connection.execute(query).scalars())

    def incident_of_episode(self, episode: str) -> str | None:
        """The incident that an alert's episode belongs to."""
        query = sa.select(EPISODES.c.incident).where(EPISODES.c.episode == episode)
        number = self.connection.execute(query).scalar()
        return None if number is None else f"{_PREFIX}{number}"

    def use_nonce(self, nonce: str, at: float = 0.0) -> bool:
        """True the first time a nonce is shown, never again."""
        done = self.connection.execute(_insert(self.connection, NONCES).values(nonce=nonce, used_at=at))
        return done.rowcount == 1

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
        number = _number(incident)
        values = {"thread": _encode(thread).decode(), "told_seq": min(thread.told_seq, thread.shown_seq)}
        done = self.connection.execute(THREADS.update().where(THREADS.c.incident == number).values(**values))
        if done.rowcount == 0:
            self.connection.execute(THREADS.insert().values(incident=number, **values))

    def inbox_put(self, rows: Sequence[tuple[str, float, str, bytes]]) -> int:
        """Keep bodies as (source, received_at, digest, body); how many of them were new."""
        insert = _insert(self.connection, INBOX)
        before = 0
        for source, received_at, digest, body in rows:
            done = self.connection.execute(
                insert.values(source=source, received_at=received_at, digest=digest, body=body, note="", refused=False)
            )
            before += done.rowcount
        return before

    def inbox_take(self, limit: int) -> tuple[InboxRow, ...]:
        """The oldest unfinished bodies."""
        query = (
            sa.select(INBOX.c.id, INBOX.c.source, INBOX.c.received_at, INBOX.c.body)
            .where(INBOX.c.finished_at.is_(None))
            .order_by(INBOX.c.id)
            .limit(limit)
        )
        return tuple(InboxRow(*row) for row in self.connection.execute(query))

    def inbox_finish(self, row: int, note: str, *, at: float = 0.0, refused: bool = False) -> None:
        """Mark a body as done, in the same commit as its effects."""
        values = {"finished_at": at, "note": note, "refused": refused}
        self.connection.execute(INBOX.update().where(INBOX.c.id == row).values(**values))

    def _add(self, number: int, seq: int, incident: str, entry: Entry) -> Event:
        event = Event(incident=incident, seq=seq, at=entry.at, by=entry.by, why=entry.why, body=entry.body)
        text = _encode(event).decode()
        self.connection.execute(
            EVENTS.insert().values(incident=number, seq=seq, key=entry.key, at=entry.at, event=text)
        )
        if isinstance(entry.body, AlertAttached):
            values = {"episode": entry.body.alert.episode, "incident": number}
            self.connection.execute(_insert(self.connection, EPISODES).values(**values))
        return event

    def _index(self, number: int, added: list[Event]) -> None:
        values: dict[str, object] = {"last_seq": added[-1].seq}
        moves = [event.body.after for event in added if isinstance(event.body, StateChanged)]
        if moves:
            values["closed"] = moves[-1] in _CLOSED
        self.connection.execute(INCIDENTS.update().where(INCIDENTS.c.number == number).values(**values))


def _number(incident: str) -> int:
    text = incident.removeprefix(_PREFIX)
    if not (incident.startswith(_PREFIX) and text.isdigit() and len(text) < 16):
        raise NotFoundError(f"there is no incident {incident!r}", hint="incidents are named like INC-7")
    return int(text)


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that passes over what is already there."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return make(table).on_conflict_do_nothing()
