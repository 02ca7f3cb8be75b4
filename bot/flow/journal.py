"""Incidents as the flow sees them: read the events, append to them, and keep the derived view at hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import TypeVar

from bot.clock import Clock
from bot.errors import NotFoundError, StoreUnavailableError
from bot.incidents.replay import apply, replay
from bot.model.event import Entry, Event, EventBody
from bot.model.incident import Incident
from bot.store import Store, Transaction

T = TypeVar("T")
_LOOK_EVERY_S = 1.0


class Journal:
    """The event list of every incident, with views that are only ever moved forward."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.missed: set[str] = set()
        """Incidents about which something could not be read or written in the outage that goes on."""
        self._views: dict[str, Incident] = {}

    def entry(self, body: EventBody, *, key: str, by: str = "bellhop", why: str = "") -> Entry:
        """An event about to happen now; `key` makes it happen once in its incident."""
        return Entry(at=self.clock.now(), by=by, why=why, body=body, key=key)

    def view(self, transaction: Transaction, incident: str) -> Incident:
        """The incident as of this transaction; raises NotFoundError."""
        known = self._views.get(incident)
        return self._moved(incident, known, transaction.events(incident, known.last_seq if known else 0))

    def open_views(self, transaction: Transaction) -> tuple[Incident, ...]:
        """Every incident that is not over, those that maintenance suppresses included."""
        return tuple(self.view(transaction, incident) for incident in transaction.incident_ids(open_only=True))

    def views_beside(self, transaction: Transaction) -> tuple[Incident, ...]:
        """Every incident that is not over, to look at: others may go on with them before this transaction commits.

        Unlike with `open_views` nobody is waited for, so that it may be asked while an incident is held.
        """
        seqs = transaction.open_seqs()
        return tuple(self._beside(transaction, incident, last_seq) for incident, last_seq in seqs.items())

    async def incident(self, incident: str) -> Incident:
        """The incident as it stands; raises NotFoundError."""
        return await self.look(incident, lambda view, _: view)

    async def incidents(self, *, open_only: bool) -> tuple[Incident, ...]:
        """All incidents, or those that somebody may have to act on, in the order they were opened."""

        def work(transaction: Transaction) -> tuple[Incident, ...]:
            if open_only:
                return self.views_beside(transaction)
            return tuple(self.view(transaction, each) for each in transaction.incident_ids())

        views = await self.store.read(work)
        self._views.update({view.id: view for view in views})
        return tuple(view for view in views if view.is_open) if open_only else views

    async def events(self, incident: str, after: int = 0) -> tuple[Event, ...]:
        """The events of an incident behind `after`."""
        return await self.store.read(lambda transaction: transaction.events(incident, after))

    async def look(self, incident: str, look: Callable[[Incident, Transaction], T]) -> T:
        """Look at the incident and at what else the store knows, as of one instant; raises NotFoundError."""

        def work(transaction: Transaction) -> tuple[Incident, T]:
            view = self.view(transaction, incident)
            return view, look(view, transaction)

        with self._missing(incident):
            view, seen = await self.store.read(work)
        self._views[incident] = view
        return seen

    async def record(self, incident: str, *entries: Entry) -> tuple[Event, ...]:
        """Append in one commit; entries whose key already happened are passed over."""
        with self._missing(incident):
            return await self.store.transact(lambda transaction: transaction.append(incident, entries))

    async def decide(self, incident: str, decide: Callable[[Incident, Transaction], T]) -> T:
        """Look at the incident and act on it in one transaction, so that no one else slips in between."""
        with self._missing(incident):
            return await self.store.transact(lambda transaction: decide(self.view(transaction, incident), transaction))

    async def sit_out(self, incident: str) -> bool:
        """Wait, for `incident`, until the store takes writes again; False at once where it is not known to be down."""
        if self.store.outage is None:
            return False
        self.missed.add(incident)
        while self.store.outage is not None:
            await self.store.wait_for_change(_LOOK_EVERY_S)
        return True

    def _beside(self, transaction: Transaction, incident: str, last_seq: int) -> Incident:
        known = self._views.get(incident)
        if known is not None and known.last_seq >= last_seq:
            return known
        return self._moved(incident, known, transaction.events_beside(incident, known.last_seq if known else 0))

    @staticmethod
    def _moved(incident: str, known: Incident | None, events: tuple[Event, ...]) -> Incident:
        """A view and what happened since; raises NotFoundError where there is neither."""
        if known is not None:
            return reduce(apply, events, known)
        if not events:
            raise NotFoundError(f"there is no incident {incident}", hint="bellhop incident list shows them")
        return replay(events)

    @contextmanager
    def _missing(self, incident: str) -> Iterator[None]:
        try:
            yield
        except StoreUnavailableError:
            if self.store.outage is not None:
                self.missed.add(incident)
            raise


def appended(transaction: Transaction, incident: str, entries: Sequence[Entry]) -> bool:
    """Append and say whether anything new happened."""
    return bool(transaction.append(incident, entries))
