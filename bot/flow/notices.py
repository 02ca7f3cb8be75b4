"""What was announced beforehand: changes stand in the timelines near them, maintenance keeps its alerts quiet."""

from collections.abc import Iterable, Sequence

from bot.flow.journal import Journal
from bot.incidents.grouping import related
from bot.model.alert import Change
from bot.model.event import ChangeSeen, Entry, StateChanged
from bot.model.incident import Incident
from bot.model.maintenance import covering
from bot.model.network import Network, Subject
from bot.store import NoticeRows, Transaction

LOOK_BACK_S = 86400.0
"""A change may show a day later: memories age, caches run out."""


class Notices:
    """Reads and writes announcements within the transactions of the intake."""

    def __init__(self, journal: Journal, network: Network) -> None:
        self._journal = journal
        self._network = network

    def announce(self, transaction: Transaction, changes: Iterable[Change], *, by: str) -> None:
        """Keep changes, and put each into the timeline of every open incident that it may have to do with."""
        views = self._journal.open_views(transaction)
        for change in changes:
            if NoticeRows(transaction).announce(change):
                for view in views:
                    if why := related(change.subject, view.subject, self._network):
                        transaction.append(view.id, [self._entry(change, why, by)])

    def before(self, transaction: Transaction, subject: Subject) -> list[Entry]:
        """The announced changes of the last day that an incident about `subject` may have to do with."""
        now = self._journal.clock.now()
        found = NoticeRows(transaction).changes(now - LOOK_BACK_S, now)
        return [
            self._entry(change, why, "intake")
            for change in found
            if (why := related(change.subject, subject, self._network))
        ]

    def quiet(self, transaction: Transaction, subject: Subject) -> list[Entry]:
        """What suppresses a new incident: the maintenance that its subject is under, if it is under one."""
        works = NoticeRows(transaction).maintenance(self._journal.clock.now())
        work = covering(subject, works, self._network)
        if work is None:
            return []
        body = StateChanged(before="triggered", after="suppressed")
        why = f"maintenance of {work.subject} by {work.by}" + (f": {work.reason}" if work.reason else "")
        return [self._journal.entry(body, key="suppressed", why=why)]

    def asleep(self, transaction: Transaction) -> tuple[Incident, ...]:
        """The suppressed incidents whose maintenance is over."""
        asleep = (view for view in self._journal.open_views(transaction) if view.state == "suppressed")
        return tuple(view for view in asleep if not self.quiet(transaction, view.subject))

    def wake(self, transaction: Transaction) -> Sequence[str]:
        """Raise those of them whose alerts are not over, and end the others; the ids of the raised."""
        return [view.id for view in self.asleep(transaction) if self._woken(transaction, view)]

    def _woken(self, transaction: Transaction, view: Incident) -> bool:
        if view.firing:
            body, why = (
                StateChanged(before="suppressed", after="triggered"),
                "the maintenance is over, its alerts are not",
            )
        else:
            body, why = StateChanged(before="suppressed", after="resolved"), "its alerts ended in the maintenance"
        transaction.append(view.id, [self._journal.entry(body, key=f"woken:{view.last_seq}", why=why)])
        return bool(view.firing)

    def _entry(self, change: Change, why: str, by: str) -> Entry:
        body = ChangeSeen(
            subject=change.subject, kind=change.kind, description=change.description, changed_at=change.at
        )
        return self._journal.entry(body, key=f"change:{change.id}", by=by, why=why)
