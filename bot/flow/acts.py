"""The effects of a run: each writes its intent before and its outcome after, and is never repeated blindly."""

from bot.clock import Clock
from bot.flow.durable import Json
from bot.flow.facts import onset_of
from bot.flow.guarding import Guarding
from bot.flow.journal import Journal
from bot.flow.messages import IncidentMessenger
from bot.flow.observe import IncidentReadings, Observer
from bot.incidents.lifecycle import move
from bot.model.event import (
    ActRefused,
    Entry,
    Escalated,
    Event,
    RunEnded,
    RunStarted,
    State,
    StateChanged,
    StepEnded,
    StepOutcome,
    StepStarted,
)
from bot.model.incident import Incident
from remediation.contract import Controller, Ports
from remediation.execute import perform, probe
from remediation.machine import Act, Finish, Skip
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

    def real_seconds(self, seconds: float) -> float:
        """Seconds of the flow's clock on the wall."""
        return self._clock.real_seconds(seconds)

    async def begin(self, argument: Json) -> Json:
        """Check the runbook's guard and open the run, or refuse with the reason in the incident."""
        incident, run, runbook = argument["incident"], argument["run"], argument["runbook"]
        view = await self._journal.incident(incident)
        refusal = await self._guarding.refusal(view, run, argument["state"])
        entry = self._journal.entry
        if refusal is not None:
            body = ActRefused(run=run, runbook=runbook, guard=refusal.guard, reason=refusal.reason)
            ended = RunEnded(run=run, runbook=runbook, result="stopped", reason=refusal.reason)
            tell = Escalated(to="operators", reason=f"{runbook} was refused: {refusal.reason}")
            await self._journal.record(
                incident,
                entry(body, key=f"refused:{run}"),
                entry(ended, key=f"ended:{run}"),
                entry(tell, key=f"refused told:{run}"),
            )
            return {"ok": False, "verify": False}
        started = RunStarted(run=run, runbook=runbook, plan_hash=argument["plan_hash"])
        entries = [entry(started, key=f"started:{run}"), *self._to(view, "mitigating", f"{runbook} runs", run)]
        await self._journal.record(incident, *entries)
        return {"ok": True}

    async def act(self, incident: str, run: str, instruction: Json) -> Json:
        """Do one act: its outcome, as an envelope of plain JSON."""
        act = Act.from_json(instruction)
        history = await self._journal.events(incident)
        ended = _ended(history, run, act)
        if ended is not None:
            return dict(ended.envelope)
        view = await self._journal.incident(incident)
        ports = self._ports(view, run)
        if _begun(history, run, act):
            envelope = await probe(act, ports, ACTIONS) or await perform(act, ports, ACTIONS)
        else:
            refusal = await self._guarding.refusal_of_act(view, run, act)
            if refusal is not None:
                return await self._refuse(incident, run, act, refusal.guard, refusal.reason)
            await self._journal.record(incident, self._intent(run, act))
            envelope = await perform(act, ports, ACTIONS)
        await self._journal.record(incident, self._outcome(run, act, envelope))
        return envelope

    async def skip(self, incident: str, run: str, instruction: Json) -> Json:
        """Note that a step's condition did not hold."""
        skipped = Skip.from_json(instruction)
        body = StepEnded(run=run, step=skipped.step, phase="run", attempt=1, outcome="skipped", error=skipped.why)
        await self._journal.record(incident, self._journal.entry(body, key=f"skipped:{run}:{skipped.step}"))
        return {}

    async def end(self, argument: Json, instruction: Json) -> Json:
        """Close the run: verified next when it succeeded, handed to people when it did not."""
        finish = Finish.from_json(instruction)
        incident, run, runbook = argument["incident"], argument["run"], argument["runbook"]
        view = await self._journal.incident(incident)
        entry = self._journal.entry
        ended = RunEnded(run=run, runbook=runbook, result=finish.result, reason=finish.reason)
        entries = [entry(ended, key=f"ended:{run}")]
        verify = finish.result == "succeeded" and finish.changed
        if verify:
            entries += self._to(view, "monitoring", f"{runbook} succeeded", run)
        else:
            back: State = "acknowledged" if view.acknowledged_at else "triggered"
            entries += self._to(view, back, f"{runbook} ended: {finish.result}", run)
        if finish.escalate_to:
            body = Escalated(to=finish.escalate_to, reason=f"{runbook} {finish.result}: {finish.reason}")
            entries.append(entry(body, key=f"escalated:{run}"))
        await self._journal.record(incident, *entries)
        return {"ok": finish.result == "succeeded", "verify": verify}

    def _ports(self, view: Incident, run: str) -> Ports:
        return Ports(
            controller=self._controller,
            readings=IncidentReadings(self._observer, baseline_before=onset_of(view)),
            messenger=IncidentMessenger(self._journal, incident=view.id, run=run),
            timer=self._clock,
        )

    def _intent(self, run: str, act: Act) -> Entry:
        body = StepStarted(
            run=run,
            step=act.step,
            title=act.title,
            phase=act.phase,
            attempt=act.attempt,
            action=act.action,
            inputs=act.parameters,
            key=act.key,
        )
        return self._journal.entry(body, key=f"began:{_name(run, act)}")

    def _outcome(self, run: str, act: Act, envelope: Json) -> Entry:
        outcome: StepOutcome = (
            "succeeded" if envelope["ok"] else "unknown" if envelope["happened"] is None else "failed"
        )
        body = StepEnded(
            run=run,
            step=act.step,
            phase=act.phase,
            attempt=act.attempt,
            outcome=outcome,
            output=envelope["output"],
            error=envelope["error"],
            envelope=envelope,
        )
        return self._journal.entry(body, key=f"done:{_name(run, act)}")

    async def _refuse(self, incident: str, run: str, act: Act, guard: str, reason: str) -> Json:
        envelope = {"ok": False, "output": {}, "before": {}, "error": reason, "retryable": False, "happened": False}
        refused = ActRefused(run=run, runbook="", step=act.step, guard=guard, reason=reason)
        body = StepEnded(
            run=run,
            step=act.step,
            phase=act.phase,
            attempt=act.attempt,
            outcome="refused",
            error=reason,
            envelope=envelope,
        )
        await self._journal.record(
            incident,
            self._journal.entry(refused, key=f"refused:{_name(run, act)}"),
            self._journal.entry(body, key=f"done:{_name(run, act)}"),
        )
        return envelope

    def _to(self, view: Incident, state: State, why: str, run: str) -> list[Entry]:
        decision = move(view, state)
        if not decision.legal:
            return []
        body = StateChanged(before=view.state, after=state)
        return [self._journal.entry(body, key=f"{state}:{run}", why=why)]


def _name(run: str, act: Act) -> str:
    return f"{run}:{act.step}:{act.phase}:{act.attempt}"


def _ended(history: tuple[Event, ...], run: str, act: Act) -> StepEnded | None:
    for event in history:
        body = event.body
        if isinstance(body, StepEnded) and body.envelope and _same(body, run, act):
            return body
    return None


def _begun(history: tuple[Event, ...], run: str, act: Act) -> bool:
    return any(isinstance(event.body, StepStarted) and _same(event.body, run, act) for event in history)


def _same(body: StepStarted | StepEnded, run: str, act: Act) -> bool:
    return (body.run, body.step, body.phase, body.attempt) == (run, act.step, act.phase, act.attempt)
