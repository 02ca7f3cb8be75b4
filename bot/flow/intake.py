"""From the inbox to incidents: each stored delivery becomes events exactly once, in the order it came."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from bot.errors import BadPayloadError, UnavailableError
from bot.flow.journal import Journal
from bot.flow.notices import Notices
from bot.incidents.grouping import Placement, place
from bot.incidents.lifecycle import move
from bot.incidents.severity import severity_of
from bot.incidents.subject import subject_of
from bot.incidents.title import one_line, title_of
from bot.intake.counters import IntakeCounters
from bot.intake.door import PARSERS
from bot.intake.inbox import KEEP_S
from bot.model.alert import Alert, Delivery
from bot.model.event import AlertAttached, AlertResolved, Entry, IncidentOpened, SeverityChanged, StateChanged
from bot.model.incident import Incident
from bot.model.network import Network
from bot.store import Transaction
from bot.store.inbox import InboxRow
from bot.store.trouble import UnfitDataError

Reconcile = Callable[[Delivery], Awaitable[Sequence[Alert]]]
Respond = Callable[[str], Awaitable[None]]
_IDLE_S = 1.0
_AGAIN_S = 2.0
_BATCH = 100
_FORGET_EVERY_S = 3600.0
_REOPENS = frozenset({"pagerduty"})
"""Sources that let an episode which is over begin again; they send nothing old."""
_LONGEST_REASON = 500
_log = logging.getLogger(__name__)


class Publish(Protocol):
    """Queues, within a transaction, that an incident's postmortem is written; the same cause twice is one."""

    def __call__(self, transaction: Transaction, *, incident: str, cause: str) -> None:
        """Queue it."""
        ...


class IntakeWorker:
    """Takes rows from the inbox; a row is finished in the same commit as its effects."""

    def __init__(
        self,
        *,
        journal: Journal,
        network: Network,
        join_window_s: float,
        respond: Respond,
        publish: Publish,
        reconcile: Reconcile | None,
        counters: IntakeCounters,
    ) -> None:
        self._journal = journal
        self._network = network
        self._join_window_s = join_window_s
        self._respond = respond
        self._publish = publish
        self._reconcile = reconcile
        self._counters = counters
        self._notices = Notices(journal, network)
        self._forgot_at = 0.0
        self._waits_for = ""

    async def work(self) -> None:
        """Go on until cancelled; a store or Alertmanager that is down is waited for."""
        while True:
            try:
                busy = await self.work_once()
            except UnavailableError as error:
                self._tell(error)
                await asyncio.sleep(_AGAIN_S)
                continue
            self._waits_for = ""
            if not busy:
                await self._forget()
                await self._wake()
                await self._journal.store.wait_for_delivery(_IDLE_S)

    def _tell(self, error: UnavailableError) -> None:
        """Say once what the deliveries wait for."""
        if error.message != self._waits_for:
            self._waits_for = error.message
            _log.warning("deliveries of alerts wait: %s", error)

    async def work_once(self) -> bool:
        """Handle one batch; whether there was any. Raises UnavailableError when a far side must be waited for."""
        rows = await self._journal.store.read(lambda transaction: transaction.inbox_take(_BATCH))
        for row in rows:
            for incident in await self._handle(row):
                await self._respond(incident)
        return bool(rows)

    async def _handle(self, row: InboxRow) -> tuple[str, ...]:
        """Do what a body says; put it aside when it can never be done, for the sake of those behind it."""
        try:
            delivery = PARSERS[row.source](row.body)
            alerts: Sequence[Alert] = delivery.alerts
            if delivery.truncated and self._reconcile is not None:
                alerts = await self._reconcile(delivery)
            return await self._take_in(row, delivery, alerts)
        except msgspec.MsgspecError:
            raise  # an event of long ago that cannot be read is no fault of this body
        except BadPayloadError as error:
            await self._put_aside(row, error.message)
        except (UnfitDataError, ValueError) as error:
            await self._put_aside(row, str(error))
        return ()

    async def _take_in(self, row: InboxRow, delivery: Delivery, alerts: Sequence[Alert]) -> tuple[str, ...]:
        def work(transaction: Transaction) -> tuple[str, ...]:
            if not transaction.inbox_claim(row.id):
                return ()
            self._notices.announce(transaction, delivery.changes, by=row.source)
            opened = [each for alert in alerts if (each := self._place(transaction, alert, row))]
            note = f"{len(alerts)} alerts" + (f", {delivery.truncated} cut off" if delivery.truncated else "")
            transaction.inbox_finish(row.id, note, at=self._journal.clock.now())
            return tuple(opened)

        return await self._journal.store.transact(work)

    async def _put_aside(self, row: InboxRow, why: str) -> None:
        """Keep a body that this version cannot read or the database never takes, marked with the reason."""
        reason = one_line(why, _LONGEST_REASON)

        def work(transaction: Transaction) -> bool:
            waits = transaction.inbox_claim(row.id)
            if waits:
                transaction.inbox_finish(row.id, reason, at=self._journal.clock.now(), refused=True)
            return waits

        if await self._journal.store.transact(work):
            self._counters.put_aside += 1
            _log.error("delivery %d of %s is put aside, its alerts have no effect: %s", row.id, row.source, reason)

    async def _wake(self) -> None:
        if await self._journal.store.read(self._notices.asleep):
            for incident in await self._journal.store.transact(self._notices.wake):
                await self._respond(incident)

    async def _forget(self) -> None:
        now = self._journal.clock.now()
        if now - self._forgot_at >= _FORGET_EVERY_S:
            self._forgot_at = now
            await self._journal.store.transact(lambda transaction: transaction.inbox_forget(now - KEEP_S))

    def _place(self, transaction: Transaction, alert: Alert, row: InboxRow) -> str | None:
        """Write one alert's effect; the id of the incident that it opened, if it did."""
        placement = place(
            alert,
            open_incidents=self._journal.open_views(transaction),
            network=self._network,
            now=self._journal.clock.now(),
            window_s=self._join_window_s,
        )
        match placement.kind:
            case "new" | "join" if self._is_past(transaction, alert, row):
                pass
            case "new":
                return self._open(transaction, alert, placement, row)
            case "join":
                self._join(transaction, alert, placement, row)
            case "resolve":
                self._resolve(transaction, alert, placement, row)
        return None

    def _is_past(self, transaction: Transaction, alert: Alert, row: InboxRow) -> bool:
        """Whether this very episode is over: its source said so, or people closed its incident just before.

        What still fires a while after its incident was closed is trouble all the same.
        """
        past = None if row.source in _REOPENS else transaction.incident_of_episode(alert.episode)
        if past is None:
            return False
        view = self._journal.view(transaction, past)
        closed, known = view.resolved_at or row.received_at, view.alerts.get(alert.episode)
        over = known is not None and known.ended_at is not None
        if over or row.received_at - closed <= self._join_window_s:
            _log.info("%s repeats an alert of %s, which is over; it opens nothing", row.source, past)
            return True
        return False

    def _open(self, transaction: Transaction, alert: Alert, placement: Placement, row: InboxRow) -> str | None:
        """Open an incident; its id, unless maintenance keeps it quiet."""
        entries = self._opening(alert, placement, row)
        subject = subject_of(alert, self._network).subject
        quiet = self._notices.quiet(transaction, subject)
        incident = transaction.open_incident([*entries, *self._notices.before(transaction, subject), *quiet])
        return None if quiet else incident

    def _join(self, transaction: Transaction, alert: Alert, placement: Placement, row: InboxRow) -> None:
        """Attach it; an alert that is worse than what is known makes the incident worse."""
        entries = [self._attached(alert, placement, row)]
        before = self._journal.view(transaction, placement.incident).severity
        judged = severity_of(alert, subject_of(alert, self._network).subject, self._network)
        if judged.severity < before:
            body = SeverityChanged(before=before, after=judged.severity)
            why = f"{alert.name}: {judged.reason}"
            entries.append(self._journal.entry(body, key=f"severity:{alert.episode}", by=row.source, why=why))
        transaction.append(placement.incident, entries)

    def _opening(self, alert: Alert, placement: Placement, row: InboxRow) -> list[Entry]:
        subject = subject_of(alert, self._network)
        severity = severity_of(alert, subject.subject, self._network)
        opened = IncidentOpened(title=title_of(alert), severity=severity.severity, subject=subject.subject)
        why = f"{subject.reason}; {severity.reason}"
        entry = self._journal.entry(opened, key="opened", by=row.source, why=why)
        return [entry, self._attached(alert, placement, row)]

    def _attached(self, alert: Alert, placement: Placement, row: InboxRow) -> Entry:
        body = AlertAttached(alert=alert, reason=placement.reason)
        return self._journal.entry(body, key=f"alert:{alert.episode}", by=row.source, why=placement.reason)

    def _resolve(self, transaction: Transaction, alert: Alert, placement: Placement, row: InboxRow) -> None:
        ended = alert.ends_at if alert.ends_at is not None else self._journal.clock.now()
        body = AlertResolved(episode=alert.episode, name=alert.name, ended_at=ended)
        entry = self._journal.entry(body, key=f"ended:{alert.episode}", by=row.source, why=placement.reason)
        transaction.append(placement.incident, [entry])
        view = self._journal.view(transaction, placement.incident)
        if not view.firing and view.state in ("triggered", "acknowledged", "suppressed") and not _acting(view):
            self._over(transaction, view, row)

    def _over(self, transaction: Transaction, view: Incident, row: InboxRow) -> None:
        if move(view, "resolved").legal:
            body = StateChanged(before=view.state, after="resolved")
            why = "its source says that every alert is over"
            if transaction.append(view.id, [self._journal.entry(body, key="alerts over", by=row.source, why=why)]):
                self._publish(transaction, incident=view.id, cause=f"{view.id}:{view.last_seq}")


def _acting(view: Incident) -> bool:
    return any(run.is_running for run in view.runs.values())
