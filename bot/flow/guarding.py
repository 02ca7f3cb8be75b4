"""The guards held against the facts: before the run, and again just before each act, in the transaction that begins it.

What telemetry and controllers know is gathered first, outside; what the store knows is read inside the transaction,
so that of two runs that ask at once only one passes.
"""

import dataclasses
import math

from bot.clock import Clock
from bot.flow.blast import PUTS_BACK, TAKES_OUT, is_same_place
from bot.flow.durable import Json
from bot.flow.facts import certainty_of
from bot.flow.history import history_of
from bot.flow.lookout import Lookout, Seen
from bot.flow.meanwhile import Meanwhile
from bot.flow.modes import Modes
from bot.flow.observe import Observer
from bot.flow.past import incident_of, takes_back
from bot.flow.pausing import Pausing
from bot.flow.rates import counted_as, limits_of, memory_s, past
from bot.flow.surroundings import Ended, Surroundings
from bot.guard_settings import GuardSettings
from bot.model.guard import Outage, Pause, RunRow
from bot.model.guard_event import BreakerOpened
from bot.model.incident import Incident, RunView
from bot.store import GuardRows, Store, Transaction
from remediation.contract import Risk
from remediation.guard import (
    GuardFacts,
    Holder,
    Reach,
    Refusal,
    Route,
    check,
    check_measurement,
    check_reach,
    failures,
)
from remediation.machine import Act
from remediation.registry import ACTIONS
from remediation.schema import Runbook

_LONGEST_ROW = 100
"""So many runs back the breaker looks for failures in a row."""


class Guarding:
    """Gathers what guards ask for and lets `remediation.guard` decide."""

    def __init__(
        self,
        *,
        store: Store,
        observer: Observer,
        modes: Modes,
        surroundings: Surroundings,
        settings: GuardSettings,
        pausing: Pausing,
        ended: Ended,
        clock: Clock,
    ) -> None:
        self._store = store
        self._observer = observer
        self._meanwhile = Meanwhile(network=observer.network, modes=modes)
        self._surroundings = surroundings
        self._settings = settings
        self._limits = limits_of(settings)
        self._pausing = pausing
        self._clock = clock
        self._lookout = Lookout(
            store=store,
            observer=observer,
            surroundings=surroundings,
            settings=settings,
            ended=ended,
        )

    async def look_at_run(self, view: Incident, run: str, state: Json) -> Seen:
        """What a run meets at its start; `state` is that of its machine, with the runbook as it was planned."""
        runbook = Runbook.model_validate(state["runbook"])
        return await self._lookout.at_run(view, run, runbook, state["scope"])

    async def look_at_act(self, view: Incident, run: str, act: Act, runbook: Json, *, untouched: bool) -> Seen:
        """What an act meets; as long as the run has left the network `untouched` the fault is looked at again."""
        if is_harmless(act) or act.phase == "undo":
            return await self._lookout.at_free_act(act)
        return await self._lookout.at_act(view, run, Runbook.model_validate(runbook), act, untouched=untouched)

    async def refusal_now(self, view: Incident, run: str, state: Json) -> Refusal | None:
        """Why this run would not be let start; nothing is taken or counted."""
        seen = await self.look_at_run(view, run, state)
        return await self._store.read(lambda transaction: self._refusal(GuardRows(transaction), view, run, seen))

    def pause(self, transaction: Transaction, act: Act) -> Pause | None:
        """The pause that keeps an act back, or None; acts that only look or tell go on."""
        return None if is_harmless(act) else self._pausing.now(transaction)

    def admit_run(self, transaction: Transaction, view: Incident, run: str, seen: Seen) -> Refusal | None:
        """Why this run may not start, or None: then it holds what it needs and counts as begun."""
        if not view.is_open:
            return Refusal("incident", f"{view.id} is {view.state}; open a new request")
        rows = GuardRows(transaction)
        rows.turn()
        refusal = self._refusal(rows, view, run, seen)
        if refusal is None:
            now, planned = self._clock.now(), view.runs[run]
            self._inherit(transaction, seen)
            rows.take(seen.needs, run=run, runbook=planned.runbook, at=now)
            rows.began(RunRow(run=run, runbook=planned.runbook, target=str(view.subject), started_at=now))
        return refusal

    def admit_act(self, transaction: Transaction, view: Incident, run: str, act: Act, seen: Seen) -> Refusal | None:
        """Why this act may not be done now, or None: then it holds its target.

        Acts that take back are always allowed, unless that takes something out or moves a flow away from home; acts
        that only look unless they use up pairs.
        """
        if is_harmless(act):
            return check_measurement(self._bare(seen))
        place = self._surroundings.place_of(act)
        back = takes_back(view.runs[run], act, place)
        if back and not seen.takes_out and seen.way is None:
            return None
        rows = GuardRows(transaction)
        rows.turn()
        if back:
            facts = dataclasses.replace(self._bare(seen), reach=self._reach(rows, seen), route=self._route(rows, seen))
            refusal = check_reach(facts, self._limits)
        else:
            changed = self._meanwhile.against(transaction, view, run, act.step, place)
            refusal = changed or self._refusal(rows, view, run, seen)
        if refusal is None:
            self._inherit(transaction, seen)
            rows.take(seen.needs, run=run, runbook=view.runs[run].runbook, at=self._clock.now())
            standing = {each.place for each in rows.outages() if each not in seen.outside.back}
            if seen.takes_out and seen.takes_out not in standing:
                rows.take_out(Outage(place=seen.takes_out, run=run, action=act.action))
        return refusal

    def settle_act(self, transaction: Transaction, run: str, act: Act, *, happened: bool | None) -> None:
        """After an act: what it took out is back when it only lasted as long, or surely did not happen.

        What was out before it stays out.
        """
        rows, place, lasts = GuardRows(transaction), self._surroundings.place_of(act), TAKES_OUT.get(act.action)
        over = happened is not None and (happened is False or lasts == "while it lasts")
        own = Outage(place=place, run=run, action=act.action)
        if (lasts and over and own in rows.outages()) or (act.action in PUTS_BACK and happened):
            rows.put_back(place)

    def end_run(self, transaction: Transaction, run: str, runbook: str, result: str) -> list[BreakerOpened]:
        """Note how a run ended; what that opens. It holds what it has until its recovery has been watched."""
        rows = GuardRows(transaction)
        rows.ended(run, counted_as(result, run, history_of(transaction, incident_of(run), run)))
        failed = failures(past(rows.last_runs(runbook, _LONGEST_ROW)))
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

    def _inherit(self, transaction: Transaction, seen: Seen) -> None:
        """Strike out runs whose workflow is over, so that what they held is the next run's and nobody else's."""
        for gone in sorted(seen.gone):
            self.release(transaction, gone)

    def _refusal(self, rows: GuardRows, view: Incident, run: str, seen: Seen) -> Refusal | None:
        if seen.runbook is None:
            raise TypeError(seen)
        facts = self._facts(rows, view, view.runs[run], seen.runbook, seen)
        return check(seen.runbook.spec.guard, facts, self._limits)

    def _facts(self, rows: GuardRows, view: Incident, run: RunView, runbook: Runbook, seen: Seen) -> GuardFacts:
        now, target = self._clock.now(), str(view.subject)
        began = run.started_at if run.started_at is not None else math.inf
        memory = rows.runs_since(now - memory_s(runbook.spec.guard, self._limits))
        others = [row for row in memory if row.run != run.run and row.started_at < began]
        here = [row for row in others if is_same_place(self._observer.network, row.target, target)]
        held = (each for each in rows.held(seen.needs) if each.run not in (run.run, *seen.gone))
        return dataclasses.replace(
            self._bare(seen),
            runbook=run.runbook,
            past_runs=past(row for row in here if row.runbook == run.runbook),
            target_runs=past(here),
            network_runs=past(others),
            reach=self._reach(rows, seen),
            route=self._route(rows, seen),
            last_runs=past(rows.last_runs(run.runbook, _LONGEST_ROW)),
            holders=tuple(Holder(each.resource, each.run, each.runbook) for each in held),
            certainty=None if run.requested_by else certainty_of(seen.diagnosis, runbook),
            windows=self._surroundings.windows(rows.transaction, seen.needs, self._settings),
        )

    def _reach(self, rows: GuardRows, seen: Seen) -> Reach | None:
        if not seen.takes_out:
            return None
        outages = frozenset(rows.outages())
        return (
            seen.reach if outages == seen.outages else self._surroundings.reach(seen.takes_out, outages, seen.outside)
        )

    def _route(self, rows: GuardRows, seen: Seen) -> Route | None:
        return self._surroundings.route(rows.transaction, seen.way, seen.outside, self._settings) if seen.way else None

    def _bare(self, seen: Seen) -> GuardFacts:
        return GuardFacts(self._clock.now(), (), seen.telemetry_age_s, measuring=seen.measuring)


def is_harmless(act: Act) -> bool:
    """Whether an act only looks or tells."""
    return ACTIONS[act.action].risk is Risk.READ
