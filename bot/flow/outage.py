"""An outage of the store, told: a line in the log when it begins, and an event in each incident that waited for it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bot.errors import StoreUnavailableError
from bot.flow.journal import Journal
from bot.flow.respond import RESPOND_WORKFLOW
from bot.model.incident import Incident
from bot.model.store_event import StoreWasUnavailable
from bot.store import Store, Transaction
from bot.store.store import Outage
from bot.store.trouble import StoreDownError

log = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0
_PROBE_EVERY_S, _SETTLED_S = 5.0, 60.0
_AGAIN_S = 0.5
_REPEATERS = ("dbos", "bot.chat.notifier")
"""Loggers that warn each time they try again."""
_LIVELY_S = 3600.0
"""An incident to which nothing happened for so long before (seconds of the bot's clock) has no gap to explain."""


@dataclass
class _Story:
    since: float
    until: float
    why: str
    times: int = 1


class OutageRecorder:
    """Finds out whether the store takes writes, also while nobody writes, and is the first to write when it does again.

    Nothing can be written of an outage in which the process ends; the next one does not know of it. Real seconds:
    where nobody writes, something that changes nothing is written every `probe_every_s`; outages that begin within
    `settled_s` after one that was told are told together, once that time is over.
    """

    def __init__(
        self, journal: Journal, *, probe_every_s: float = _PROBE_EVERY_S, settled_s: float = _SETTLED_S
    ) -> None:
        self._journal = journal
        self._probe_every_s = probe_every_s
        self._settled_s = settled_s
        self._store = journal.store
        self._clock = journal.clock
        self._story: _Story | None = None
        self._told_at = float("-inf")
        self._commits = 0
        self._committed_at = time.monotonic()

    async def work(self) -> None:
        """Go on until cancelled."""
        with self._attending():
            while True:
                if self._store.outage is None:
                    await self._store.wait_for_change(min(_LOOK_EVERY_S, self._probe_every_s))
                    await self._look()
                if self._store.outage is not None:
                    await self._sit_through(self._store.outage)

    async def sit_out(self, workflow: str) -> bool:
        """Wait, for a workflow, until the store takes writes again; False where it is not known to be down."""
        return await self._journal.sit_out(_incident_of(workflow))

    def note(self, error: StoreDownError) -> None:
        """The workflow engine could not write; from any thread."""
        self._store.note(error)

    async def _look(self) -> None:
        """Write where nobody does, and tell what is due to be told."""
        now = time.monotonic()
        if self._store.commits != self._commits:
            self._commits, self._committed_at = self._store.commits, now
        due = self._story is not None and not self._is_settling()
        if due or now - self._committed_at >= self._probe_every_s:
            with contextlib.suppress(StoreUnavailableError):
                self._over(await self._store.transact(self._write))

    async def _sit_through(self, outage: Outage) -> None:
        self._begin(outage)
        while self._store.outage is not None:
            await asyncio.sleep(_AGAIN_S)
            with contextlib.suppress(StoreUnavailableError):
                told = await self._store.recover(self._recover)
                self._over(told)

    def _begin(self, outage: Outage) -> None:
        now = self._clock.now()
        if self._story is not None:
            self._story.times += 1
            return
        since = now - outage.noticed_after_s / self._clock.real_seconds(1.0)
        self._story = _Story(since=since, until=now, why=outage.why)
        log.error(
            "%s; %s. Until the store takes writes again alerts are answered 503, runs wait, and people are refused",
            outage.message,
            outage.hint,
        )

    def _recover(self, transaction: Transaction) -> tuple[str, ...] | None:
        if self._story is not None:
            self._story.until = self._clock.now()
        return self._write(transaction)

    def _write(self, transaction: Transaction) -> tuple[str, ...] | None:
        """Probe, and write the event if it is time for it; the incidents that have it, None if it was not told."""
        transaction.probe()
        if self._story is None or self._is_settling():
            return None
        open_ = [view for view in self._journal.open_views(transaction) if view.is_open]
        return tuple(view.id for view in open_ if self._append(transaction, view, self._story))

    def _append(self, transaction: Transaction, view: Incident, story: _Story) -> bool:
        """Tell an outage to an incident that it touched; of several servers on one store only the first does."""
        events = transaction.events(view.id)
        bodies = (event.body for event in events)
        if any(isinstance(body, StoreWasUnavailable) and body.until >= story.since for body in bodies):
            return False
        if not self._has_waited(view) and events[-1].at < story.since - _LIVELY_S:
            return False
        times = f", {story.times} times" if story.times > 1 else ""
        body = StoreWasUnavailable(since=story.since, until=story.until, reason=f"{story.why}{times}")
        return bool(transaction.append(view.id, [self._journal.entry(body, key=f"store:{story.since:.3f}")]))

    def _has_waited(self, view: Incident) -> bool:
        """Whether something about it was refused or a run of it, or its verification, was under way."""
        going = any(run.is_running for run in view.runs.values())
        return view.id in self._journal.missed or going or view.state in ("mitigating", "monitoring")

    def _over(self, told: tuple[str, ...] | None) -> None:
        if told is None or self._story is None:
            return
        story, self._story = self._story, None
        self._told_at = time.monotonic()
        self._journal.missed.clear()
        lasted = story.until - story.since
        log.warning("the store takes writes again after %.0f s; told in %s", lasted, ", ".join(told) or "no incident")

    def _is_settling(self) -> bool:
        return time.monotonic() - self._told_at < self._settled_s

    @contextlib.contextmanager
    def _attending(self) -> Iterator[None]:
        """Everybody else is refused at once in an outage, and those who try again do so in silence."""
        quiet = _Quiet(self._store)
        self._store.attend(attended=True)
        for name in _REPEATERS:
            logging.getLogger(name).addFilter(quiet)
        try:
            yield
        finally:
            for name in _REPEATERS:
                logging.getLogger(name).removeFilter(quiet)
            self._store.attend(attended=False)


class _Quiet(logging.Filter):
    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line says more than that the store is down."""
        return self._store.outage is None or record.levelno > logging.WARNING


def _incident_of(workflow: str) -> str:
    """INC-7 for its run INC-7-R2 and its response respond:INC-7."""
    return workflow.removeprefix(f"{RESPOND_WORKFLOW}:").partition("-R")[0]
