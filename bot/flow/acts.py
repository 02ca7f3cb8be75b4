"""The effects of a run: each writes its intent before and its outcome after, and is never repeated blindly."""

from bot.clock import Clock
from bot.flow.durable import Json
from bot.flow.facts import onset_of
from bot.flow.guarding import Guarding
from bot.flow.journal import Journal
from bot.flow.listening import listened, wish_about
from bot.flow.messages import IncidentMessenger
from bot.flow.observe import IncidentReadings, Observer
from bot.flow.past import (
    Attempt,
    attempt_of,
    key_of_intent,
    key_of_outcome,
    only_looks,
    place_of_act,
    skip_of,
    touched,
    under_way,
)
from bot.model.event import ActRefused, Entry
from bot.model.guard import Pause
from bot.model.guard_event import RunPaused, RunResumed
from bot.model.incident import Incident, RunView
from bot.model.step_event import StepEnded, StepOutcome, StepStarted
from bot.store import Transaction
from remediation.contract import Controller, Ports
from remediation.execute import perform, probe, snapshot
from remediation.guard import Refusal
from remediation.machine import Act, Fail, Skip
from remediation.registry import ACTIONS


class Acts:
    """Carries out single instructions of runs."""

    def __init__(
        self,
        *,
        journal: Journal,
        observer: Observer,
        controller: Controller,
        guarding: Guarding,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._observer = observer
        self._controller = controller
        self._guarding = guarding
        self._clock = clock

    async def act(self, incident: str, run: str, instruction: Json, runbook: Json) -> Json:
        """Do one act of this runbook, as it was planned: its outcome, as an envelope of plain JSON.

        Only {"paused": why} while nothing may act, {"skipped": why} once a person wants it passed over and
        {"aborted": why} once one wants the run to end. That also breaks off an act that only looks; any other one is
        done to its end, and its envelope says as `abort` that somebody wanted the run to end meanwhile.
        """
        act = Act.from_json(instruction)
        found = await self._journal.look(incident, lambda view, transaction: self._attempt(view, transaction, run, act))
        view, begun = found.view, found.begun
        if found.ended is not None:
            return dict(found.ended.envelope)
        if begun is None and (wish := wish_about(view, run, act)) is not None:
            return wish
        ports = self._ports(view, run)
        envelope = await probe(act, ports, ACTIONS, before=begun.before) if begun else None
        if envelope is None:
            before = dict(begun.before) if begun and begun.before else await snapshot(act, ports, ACTIONS)
            turned_away = await self._admit(found, run, act, runbook, before)
            if turned_away is not None and not (begun and "aborted" in turned_away):
                return turned_away
            envelope = turned_away or await self._perform(incident, run, act, ports)
        if begun and begun.before:  # what an act that is done again finds is perhaps what it left the first time
            envelope = {**envelope, "before": dict(begun.before)}
        return await self._close(incident, run, act, {**envelope, "at": self._clock.now()})

    async def _perform(self, incident: str, run: str, act: Act, ports: Ports) -> Json:
        doing = perform(act, ports, ACTIONS)
        return await (listened(self._journal, incident, run, act, doing) if only_looks(act) else doing)

    def _attempt(self, view: Incident, transaction: Transaction, run: str, act: Act) -> Attempt:
        is_paused = self._guarding.pause(transaction, act) is not None
        return attempt_of(view, transaction, run, act, is_paused=is_paused)

    async def _admit(self, found: Attempt, run: str, act: Act, runbook: Json, before: Json) -> Json | None:
        """Write the intent, or say what the act comes to without being done: a refusal, a pause, a skip or an abort."""
        view = found.view

        def stand(view: Incident, transaction: Transaction) -> Json | None:
            if (wish := wish_about(view, run, act)) is not None:
                return wish
            pause = self._guarding.pause(transaction, act)
            if pause is not None and not view.runs[run].stands_still:
                transaction.append(view.id, [self._paused(view, run, act, pause)])
            return None if pause is None else {"paused": str(pause)}

        if found.is_paused and (kept := await self._journal.decide(view.id, stand)) is not None:
            return kept
        seen = await self._guarding.look_at_act(view, run, act, runbook, untouched=not touched(view.runs[run]))

        def decide(view: Incident, transaction: Transaction) -> Json | None:
            if (kept := stand(view, transaction)) is not None:
                return kept
            resumed = [self._resumed(view, run, act)] if view.runs[run].stands_still else []
            refusal = self._guarding.admit_act(transaction, view, run, act, seen)
            if refusal is not None:
                envelope, entries = self._refusal_of_act(view.runs[run], act, refusal)
                transaction.append(view.id, [*resumed, *entries])
                return envelope
            transaction.append(view.id, [*resumed, self._intent(run, act, before)])
            return None

        return await self._journal.decide(view.id, decide)

    async def _close(self, incident: str, run: str, act: Act, envelope: Json) -> Json:
        """Write the outcome, with a person's wish to end the run that came before it."""

        def write(view: Incident, transaction: Transaction) -> Json:
            abort = view.runs[run].abort if act.phase == "run" else ""
            told = {**envelope, "abort": abort} if abort else envelope
            self._guarding.settle_act(transaction, run, act, happened=told.get("happened", False))
            if "skipped" not in told:
                transaction.append(incident, [self._outcome(run, act, told)])
            return told

        return await self._journal.decide(incident, write)

    async def leave(self, incident: str, run: str, instruction: Json) -> Json:
        """Note that a step is passed over, or that it could not be begun; {"skipped": why} when a person skips that."""
        skips = instruction["kind"] == Skip.__name__
        left: Skip | Fail = Skip.from_json(instruction) if skips else Fail.from_json(instruction)
        outcome: StepOutcome = "skipped" if skips else "failed"

        def write(view: Incident, transaction: Transaction) -> Json:
            if isinstance(left, Fail) and (skip := skip_of(view, run, left)) is not None:
                return {"skipped": skip}
            begun = under_way(transaction.events(incident), run, left.step)
            step, attempt = (begun.step, begun.attempt) if begun else (left.step, 1)
            body = StepEnded(run=run, step=step, phase="run", attempt=attempt, outcome=outcome, error=left.why)
            transaction.append(incident, [self._journal.entry(body, key=f"{outcome}:{run}:{left.step}")])
            return {}

        return await self._journal.decide(incident, write)

    def _paused(self, view: Incident, run: str, act: Act, pause: Pause) -> Entry:
        body = RunPaused(run=run, step=act.step, reason=str(pause))
        return self._journal.entry(body, key=f"paused:{run}:{view.last_seq}")

    def _resumed(self, view: Incident, run: str, act: Act) -> Entry:
        return self._journal.entry(RunResumed(run=run, step=act.step), key=f"resumed:{run}:{view.last_seq}")

    def _ports(self, view: Incident, run: str) -> Ports:
        return Ports(
            controller=self._controller,
            readings=IncidentReadings(self._observer, baseline_before=onset_of(view)),
            messenger=IncidentMessenger(self._journal, incident=view.id, run=run),
            timer=self._clock,
        )

    def _intent(self, run: str, act: Act, before: Json) -> Entry:
        body = StepStarted(
            run=run,
            step=act.step,
            title=act.title,
            phase=act.phase,
            attempt=act.attempt,
            action=act.action,
            inputs=act.parameters,
            key=act.key,
            before=before,
        )
        return self._journal.entry(body, key=key_of_intent(run, act))

    def _outcome(self, run: str, act: Act, envelope: Json) -> Entry:
        body = StepEnded(
            run=run,
            step=act.step,
            phase=act.phase,
            attempt=act.attempt,
            outcome=_outcome_in(envelope),
            output=envelope.get("output", {}),
            error=envelope.get("aborted") or envelope["error"],
            envelope=envelope,
        )
        return self._journal.entry(body, key=key_of_outcome(run, act))

    def _refusal_of_act(self, run: RunView, act: Act, refusal: Refusal) -> tuple[Json, list[Entry]]:
        reason = refusal.reason
        envelope = {"ok": False, "output": {}, "before": {}, "error": reason, "retryable": False, "happened": False}
        refused = ActRefused(run=run.run, runbook=run.runbook, step=act.step, guard=refusal.guard, reason=reason)
        body = StepEnded(
            run=run.run,
            step=act.step,
            phase=act.phase,
            attempt=act.attempt,
            outcome="refused",
            error=reason,
            envelope=envelope,
        )
        entry = self._journal.entry
        turned_away = entry(refused, key=f"refused:{place_of_act(run.run, act)}")
        return envelope, [turned_away, entry(body, key=key_of_outcome(run.run, act))]


def _outcome_in(envelope: Json) -> StepOutcome:
    if "aborted" in envelope:
        return "stopped"
    return "succeeded" if envelope["ok"] else "unknown" if envelope["happened"] is None else "failed"
