"""After a run: did it help? The metrics say so, predicted beside measured, and only then is the incident resolved."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bot.clock import Clock
from bot.diagnosis.features import NODE_SIGNALS
from bot.flow.durable import DurableWorker, Json
from bot.flow.facts import going, onset_of
from bot.flow.guarding import Guarding
from bot.flow.history import history_of
from bot.flow.journal import Journal
from bot.flow.ledger import Ledger
from bot.flow.observe import Observer
from bot.flow.publish import Publisher
from bot.flow.reviewing import owing
from bot.incidents.lifecycle import SECURITY, Move, move
from bot.model.event import EffectMeasured, Entry, Escalated, Event, RecoveryVerified, StateChanged
from bot.model.incident import Incident
from bot.model.step_event import StepEnded
from bot.settings import IncidentSettings
from bot.store import Transaction
from remediation.contract import Reading
from remediation.registry import ACTIONS

_PROMISED = "logical_success_ratio"
_CHECK_EVERY_S = 15.0


class Recovery:
    """Watches an incident until its signals are back in their band, or the time for it is over."""

    def __init__(
        self,
        *,
        worker: DurableWorker,
        journal: Journal,
        observer: Observer,
        publisher: Publisher,
        guarding: Guarding,
        ledger: Ledger,
        settings: IncidentSettings,
        clock: Clock,
    ) -> None:
        self._worker = worker
        self._journal = journal
        self._observer = observer
        self._publisher = publisher
        self._guarding = guarding
        self._ledger = ledger
        self._settings = settings
        self._clock = clock

    async def watch(self, incident: str, cause: str) -> None:
        """Part of a workflow: look every quarter of a minute; resolve, or hand over to people.

        A run that somebody asks for meanwhile ends the watch without a verdict, and is watched itself. How many looks
        there are is recorded with the first one: a restart with other settings goes on as the watch began.
        """
        bounds: Json = {}
        good_since = number = 0
        while number < bounds.get("looks", 1):
            seen = await self._worker.step(f"check recovery {number}", self._check, incident, cause)
            bounds = bounds or {**self._bounds(), **seen}
            if seen.get("follows"):
                return
            good_since, number = good_since + 1 if seen["good"] else 0, number + 1
            if good_since >= bounds["good_looks"]:
                await self._worker.step("measure effect", self._measure, incident, cause)
                over = await self._worker.step("resolve", self._resolve, incident, cause, seen["reason"])
                if over.get("resolved", True):
                    await self._worker.step("publish", self._publisher.publish, incident)
                return
            await self._worker.sleep(self._clock.real_seconds(_CHECK_EVERY_S))
        await self._worker.step("measure effect", self._measure, incident, cause)
        await self._worker.step("not recovered", self._hand_over, incident, cause, seen["reason"])

    def _bounds(self) -> Json:
        """How many looks a watch takes at most, and how many good ones in a row end it."""
        return {
            "looks": max(1, int(self._settings.recovery_timeout / _CHECK_EVERY_S)),
            "good_looks": max(1, round(self._settings.recovery_hold / _CHECK_EVERY_S)),
        }

    async def _check(self, incident: str, run: str) -> Json:
        view = await self._journal.incident(incident)
        readings = await asyncio.gather(*(self._reading(view, *each) for each in _watched(view)))
        bad = [reason for reading in readings if (reason := self._complaint(view, reading))]
        seen = {"good": not bad, "follows": _follows(view, run), "reason": "; ".join(bad) or _all_back(readings)}
        return {**self._bounds(), **seen}

    async def _reading(self, view: Incident, signal: str, subject: str) -> Reading:
        return await self._observer.read(signal, subject, baseline_before=onset_of(view))

    def _complaint(self, view: Incident, reading: Reading) -> str:
        if reading.value is None or reading.quality != "fresh":
            return f"{reading.signal} of {reading.subject} is {reading.quality}"
        if reading.signal == _PROMISED and reading.subject in self._observer.network.links:
            promise = self._observer.network.links[reading.subject].slo.logical_success
            return "" if reading.value >= promise else f"{_PROMISED} {reading.value:.4f} is below {promise}"
        low, high = reading.baseline_low, reading.baseline_high
        if low is None or high is None or low <= reading.value <= high:
            return ""
        return f"{reading.signal} {reading.value:.4g} is outside its band {low:.4g} to {high:.4g}"

    async def _measure(self, incident: str, run: str) -> Json:
        def look(view: Incident, transaction: Transaction) -> tuple[Incident, frozenset[str]]:
            return view, _done(history_of(transaction, incident, run), run)

        view, done = await self._journal.look(incident, look)
        predicted = _predictions(view, run, self._observer.rules.signals, done)
        entries = [await self._measured(view, run, number, item) for number, item in enumerate(predicted)]
        if entries:
            await self._journal.record(incident, *entries)
        return {}

    async def _measured(self, view: Incident, run: str, number: int, item: Mapping[str, Any]) -> Entry:
        measured = await self._now(view, item["quantity"])
        body = EffectMeasured(
            run=run,
            quantity=item["quantity"],
            unit=item["unit"],
            before=item["before"],
            predicted=item["after"],
            measured=measured,
        )
        return self._journal.entry(body, key=f"measured:{run}:{number}")

    async def _now(self, view: Incident, signal: str) -> float | None:
        """The signal on the diagnosed link; for a signal of nodes the worse of its two ends, as the model reads it."""
        link = view.diagnosis.link if view.diagnosis else ""
        if link not in self._observer.network.links:
            return None
        subjects = self._observer.network.links[link].ends if signal in NODE_SIGNALS else (link,)
        readings = await asyncio.gather(*(self._reading(view, signal, each) for each in subjects))
        values = [each.value for each in readings if each.value is not None and each.quality == "fresh"]
        if not values:
            return None
        return (min if signal.startswith("coherence") else max)(values)

    async def _resolve(self, incident: str, cause: str, reason: str) -> Json:
        """Write that it helped and, unless only people of some role may, end the incident."""

        def write(view: Incident, transaction: Transaction) -> Json:
            if _follows(view, cause):
                return {"resolved": False}
            over = move(view, "resolved")
            lines = self._lines(transaction, view, cause, recovered=True)
            transaction.append(incident, [*self._recovered(view, cause, reason, over), *lines])
            return {"resolved": over.legal or view.state == "resolved"}

        return await self._journal.decide(incident, write)

    def _recovered(self, view: Incident, cause: str, reason: str, over: Move) -> list[Entry]:
        entry = self._journal.entry
        entries = [entry(RecoveryVerified(recovered=True, reason=reason), key=f"recovered:{cause}")]
        if over.legal:
            body = StateChanged(before=view.state, after="resolved")
            owed = owing(view)
            entries.append(entry(body, key=f"resolved:{cause}", why=f"{reason}; {owed}" if owed else reason))
        elif view.quarantined:
            told = f"the metrics are back, but {over.reason}, with a reason"
            entries.append(entry(Escalated(to=SECURITY, reason=told), key=f"not resolved:{cause}"))
        return entries

    async def _hand_over(self, incident: str, cause: str, reason: str) -> Json:
        entry = self._journal.entry
        told = f"the metrics did not recover: {reason}"
        entries = [
            entry(RecoveryVerified(recovered=False, reason=reason), key=f"recovered:{cause}"),
            entry(Escalated(to="operators", reason=told), key=f"not recovered:{cause}"),
        ]

        def write(view: Incident, transaction: Transaction) -> Json:
            opened = self._guarding.end_run(transaction, cause, view.runs[cause].runbook, "not recovered")
            lines = self._lines(transaction, view, cause, recovered=False)
            transaction.append(incident, [*entries, *(entry(each, key=f"breaker:{cause}") for each in opened), *lines])
            return {}

        return await self._journal.decide(incident, write)

    def _lines(self, transaction: Transaction, view: Incident, run: str, *, recovered: bool) -> list[Entry]:
        """Write the run into the ledger; what that does to the runbook's mode."""
        done = _done(history_of(transaction, view.id, run), run)
        predicted = _predictions(view, run, self._observer.rules.signals, done)
        follows = self._ledger.close(transaction, view, run, recovered=recovered, predicted=predicted)
        return [self._journal.entry(body, key=f"ledger:{run}:{type(body).__name__}") for body in follows]


def _follows(view: Incident, run: str) -> str:
    """A run that somebody asked for after this one, which holds what it waits for."""
    return next((each for each in going(view) if each != run), "")


def _watched(view: Incident) -> tuple[tuple[str, str], ...]:
    """The promised signal, and those that decided the diagnosis, each with its subject."""
    diagnosis = view.diagnosis
    if diagnosis is None or not diagnosis.link:
        return ()
    finding = diagnosis.findings[0] if diagnosis.findings else None
    decided = [
        (item.signal, (item.subject or (finding.subject if finding else view.subject)).id)
        for item in (finding.evidence if finding else ())
        if item.weight > 0 and item.baseline is not None
    ]
    return tuple(dict.fromkeys([(_PROMISED, diagnosis.link), *decided]))


def _all_back(readings: list[Reading]) -> str:
    said = [f"{reading.signal} {reading.value:.4g}" for reading in readings if reading.value is not None]
    return f"back in band: {', '.join(said)}" if said else "the runbook's own checks held; no more was watched"


def _done(history: Iterable[Event], run: str) -> frozenset[str]:
    """The steps of a run that were done."""
    ended = (event.body for event in history if isinstance(event.body, StepEnded) and event.body.run == run)
    return frozenset(body.step for body in ended if body.phase == "run" and body.outcome == "succeeded")


def _predictions(view: Incident, run: str, signals: Collection[str], done: Collection[str]) -> list[Mapping[str, Any]]:
    """The last word of the plan on each signal, by steps that were done and that no later one took back."""
    planned = view.runs[run].plan.get("steps", []) if run in view.runs else []
    steps = [step for step in planned if step["id"] in done]
    latest: dict[str, Mapping[str, Any]] = {}
    for number, step in enumerate(steps):
        back = ACTIONS[step["action"]].compensation if step["action"] in ACTIONS else ""
        if back and any((each["action"], each["target"]) == (back, step["target"]) for each in steps[number + 1 :]):
            continue
        latest.update({item["quantity"]: item for item in step.get("predicted", []) if item["quantity"] in signals})
    return list(latest.values())
