"""The guards held against the facts: before the run, and again just before each act, in the transaction that begins it.

What telemetry and controllers know is gathered first, outside; what the store knows is read inside the transaction,
so that of two runs that ask at once only one passes.
"""

import dataclasses
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from bot.clock import Clock
from bot.flow.blast import PUTS_BACK, TAKES_OUT, needs_of, resources
from bot.flow.facts import announced_over, certainty_of, link_of, windows_over
from bot.flow.observe import Observer
from bot.flow.pausing import Pausing
from bot.flow.surroundings import Outside, Surroundings
from bot.guard_settings import GuardSettings, RateSettings
from bot.model.diagnosis import Diagnosis
from bot.model.guard import Outage, Pause, RunRow
from bot.model.guard_event import BreakerOpened
from bot.model.incident import Incident, RunView
from bot.store import GuardRows, NoticeRows, Store, Transaction
from remediation.contract import Risk
from remediation.guard import (
    GuardFacts,
    Holder,
    Limits,
    Measuring,
    PastRun,
    Rate,
    Refusal,
    check,
    check_measurement,
    failures,
)
from remediation.load import Library
from remediation.machine import Act
from remediation.registry import ACTIONS
from remediation.schema import Guard, Runbook

_LONGEST_ROW = 100
"""So many runs back the breaker looks for failures in a row."""
Ended = Callable[[str], Awaitable[bool]]
"""Whether a run's workflow is over: it holds nothing any more, whatever its rows say."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out outside of the store, just before it is asked whether a run may go on."""

    needs: frozenset[str]
    gone: frozenset[str] = frozenset()
    telemetry_age_s: float = 0.0
    diagnosis: Diagnosis | None = None
    takes_out: str = ""
    """The place that the act takes out of service."""
    outside: Outside = Outside()
    measuring: tuple[Measuring, ...] = ()


class Guarding:
    """Gathers what guards ask for and lets `remediation.guard` decide."""

    def __init__(
        self,
        *,
        store: Store,
        observer: Observer,
        library: Library,
        surroundings: Surroundings,
        settings: GuardSettings,
        pausing: Pausing,
        ended: Ended,
        clock: Clock,
    ) -> None:
        self._store = store
        self._observer = observer
        self._library = library
        self._surroundings = surroundings
        self._settings = settings
        self._limits = limits_of(settings)
        self._pausing = pausing
        self._ended = ended
        self._clock = clock

    async def look_at_run(self, view: Incident, run: str, scope: Mapping[str, Any]) -> Seen:
        """What a run meets at its start."""
        runbook = self._library.get(view.runs[run].runbook)
        needs = needs_of(self._observer.network, runbook, view.runs[run].plan, scope)
        return Seen(
            needs=needs,
            gone=await self._gone(needs, run),
            telemetry_age_s=await self._age(view, runbook),
            diagnosis=view.diagnosis,
        )

    async def look_at_act(self, view: Incident, run: str, act: Act, *, untouched: bool) -> Seen:
        """What an act meets; as long as the run has left the network `untouched` the fault is looked at again.

        Telemetry that cannot tell any more (its history was lost, say) takes nothing back of what it told before;
        whether it is there at all is the guard's other question.
        """
        measuring = await self._surroundings.measuring(act, self._settings)
        if is_harmless(act) or act.phase == "undo":
            return Seen(needs=frozenset(), measuring=measuring)
        runbook = self._library.get(view.runs[run].runbook)
        place = self._surroundings.place_of(act)
        needs = resources(self._observer.network, place)
        diagnosis = view.diagnosis
        if untouched and diagnosis and diagnosis.link and not view.runs[run].requested_by and runbook.spec.handles:
            again = await self._observer.diagnose(diagnosis.link)
            diagnosis = diagnosis if again.verdict == "unknown" else again
        return Seen(
            needs=needs,
            gone=await self._gone(needs, run),
            telemetry_age_s=await self._age(view, runbook),
            diagnosis=diagnosis,
            takes_out=place if act.action in TAKES_OUT else "",
            outside=await self._surroundings.outside(act.action),
            measuring=measuring,
        )

    async def refusal_now(self, view: Incident, run: str, scope: Mapping[str, Any]) -> Refusal | None:
        """Why this run would not be let start; nothing is taken or counted."""
        seen = await self.look_at_run(view, run, scope)
        return await self._store.read(lambda transaction: self._refusal(GuardRows(transaction), view, run, seen))

    def pause(self, transaction: Transaction, act: Act) -> Pause | None:
        """The pause that keeps an act back, or None; acts that only look or tell go on."""
        return None if ACTIONS[act.action].risk is Risk.READ else self._pausing.now(transaction)

    def admit_run(self, transaction: Transaction, view: Incident, run: str, seen: Seen) -> Refusal | None:
        """Why this run may not start, or None: then it holds what it needs and counts as begun."""
        rows = GuardRows(transaction)
        rows.turn()
        refusal = self._refusal(rows, view, run, seen)
        if refusal is None:
            now, planned = self._clock.now(), view.runs[run]
            rows.take(seen.needs, run=run, runbook=planned.runbook, at=now)
            rows.began(RunRow(run=run, runbook=planned.runbook, target=str(view.subject), started_at=now))
        return refusal

    def admit_act(self, transaction: Transaction, view: Incident, run: str, act: Act, seen: Seen) -> Refusal | None:
        """Why this act may not be done now, or None: then it holds its target.

        Acts that take back are always allowed, and acts that only look unless they use up pairs.
        """
        if act.phase == "undo":
            return None
        if is_harmless(act):
            return check_measurement(self._bare(seen))
        rows = GuardRows(transaction)
        rows.turn()
        refusal = self._refusal(rows, view, run, seen)
        if refusal is None:
            rows.take(seen.needs, run=run, runbook=view.runs[run].runbook, at=self._clock.now())
            if seen.takes_out:
                rows.take_out(Outage(place=seen.takes_out, run=run, action=act.action))
        return refusal

    def settle_act(self, transaction: Transaction, act: Act, *, happened: bool | None) -> None:
        """After an act: what it took out is back when it only lasted as long, or surely did not happen."""
        lasts = TAKES_OUT.get(act.action)
        over = happened is not None and (happened is False or lasts == "while it lasts")
        if (lasts and over) or (act.action in PUTS_BACK and happened):
            GuardRows(transaction).put_back(self._surroundings.place_of(act))

    def end_run(self, transaction: Transaction, run: str, runbook: str, result: str) -> list[BreakerOpened]:
        """Note how a run ended; what that opens. It holds what it has until its recovery has been watched."""
        rows = GuardRows(transaction)
        rows.ended(run, result)
        failed = failures(_past(rows.last_runs(runbook, _LONGEST_ROW)))
        limit = self._limits.failures_in_a_row
        if limit is None or len(failed) < limit or run not in {each.run for each in failed}:
            return []
        return [BreakerOpened(runbook=runbook, runs=tuple(each.run for each in failed[:limit]))]

    def release(self, transaction: Transaction, run: str) -> None:
        """Give back all that a run holds, and what its acts took out only as long as they lasted."""
        rows = GuardRows(transaction)
        rows.release(run)
        for outage in rows.outages():
            if outage.run == run and TAKES_OUT.get(outage.action) == "while it lasts":
                rows.put_back(outage.place)

    def _refusal(self, rows: GuardRows, view: Incident, run: str, seen: Seen) -> Refusal | None:
        runbook = self._library.get(view.runs[run].runbook)
        return check(runbook.spec.guard, self._facts(rows, view, view.runs[run], runbook, seen), self._limits)

    def _facts(self, rows: GuardRows, view: Incident, run: RunView, runbook: Runbook, seen: Seen) -> GuardFacts:
        now, target = self._clock.now(), str(view.subject)
        began = run.started_at if run.started_at is not None else math.inf
        memory = rows.runs_since(now - _memory(runbook.spec.guard, self._limits))
        past = [row for row in memory if row.run != run.run and row.started_at < began]
        held = (each for each in rows.held(seen.needs) if each.run not in (run.run, *seen.gone))
        return dataclasses.replace(
            self._bare(seen),
            runbook=run.runbook,
            past_runs=_past(row for row in past if (row.runbook, row.target) == (run.runbook, target)),
            target_runs=_past(row for row in past if row.target == target),
            network_runs=_past(past),
            reach=self._surroundings.reach(seen.takes_out, rows.outages(), seen.outside) if seen.takes_out else None,
            last_runs=_past(rows.last_runs(run.runbook, _LONGEST_ROW)),
            holders=tuple(Holder(each.resource, each.run, each.runbook) for each in held),
            certainty=None if run.requested_by else certainty_of(seen.diagnosis, runbook),
            windows=(
                *windows_over(self._observer.network, self._settings.maintenance, seen.needs, now),
                *announced_over(self._observer.network, NoticeRows(rows.transaction).maintenance(now), seen.needs),
            ),
        )

    def _bare(self, seen: Seen) -> GuardFacts:
        return GuardFacts(self._clock.now(), (), seen.telemetry_age_s, measuring=seen.measuring)

    async def _age(self, view: Incident, runbook: Runbook) -> float:
        """Seconds since telemetry was last seen; asked only where the runbook cares."""
        if runbook.spec.guard.require_fresh_telemetry is None:
            return 0.0
        link = view.diagnosis.link if view.diagnosis else link_of(self._observer.network, view.subject)
        return await self._observer.age(link) if link else math.inf

    async def _gone(self, needs: frozenset[str], run: str) -> frozenset[str]:
        """Runs that hold something of this and whose workflow is over."""
        held = await self._store.read(lambda transaction: GuardRows(transaction).held(needs))
        others = sorted({each.run for each in held} - {run})
        return frozenset([each for each in others if await self._ended(each)])


def is_harmless(act: Act) -> bool:
    """Whether an act only looks or tells."""
    return ACTIONS[act.action].risk is Risk.READ


def limits_of(settings: GuardSettings) -> Limits:
    """The configuration as `remediation.guard` wants it."""
    return Limits(
        per_target=_rate(settings.per_target),
        network_wide=_rate(settings.network_wide),
        max_share_out=settings.max_share_out,
        failures_in_a_row=settings.failures_in_a_row,
    )


def _rate(settings: RateSettings) -> Rate:
    return Rate(settings.max_runs, settings.cooldown)


def _memory(guard: Guard, limits: Limits) -> float:
    """How far back runs can matter to any rate; s."""
    rates = (Rate(guard.max_runs, guard.cooldown), limits.per_target, limits.network_wide)
    return max(max(rate.max_runs.per if rate.max_runs else 0.0, rate.cooldown or 0.0) for rate in rates)


def _past(rows: Iterable[RunRow]) -> tuple[PastRun, ...]:
    return tuple(PastRun(row.run, row.started_at, row.result) for row in rows)
