"""Runs in the mode observe: the same machine, that looks as the run would and does nothing else."""

from collections.abc import Mapping

from bot.flow.durable import DurableWorker, Json
from bot.flow.facts import onset_of
from bot.flow.guarding import Guarding, is_harmless
from bot.flow.journal import Journal
from bot.flow.messages import IncidentMessenger
from bot.flow.observe import IncidentReadings, Observer
from bot.model.guard_event import ShadowRecorded
from bot.model.incident import Incident
from remediation import machine
from remediation.contract import Controller, Ports
from remediation.controllers.unconfigured import UnconfiguredController
from remediation.execute import perform
from remediation.machine import Act, Ask, AskOutcome, Fail, Finish, RunState, Skip, Together, Wait
from remediation.registry import ACTIONS

_LOOKS = ("telemetry.check", "telemetry.snapshot", "telemetry.wait_until")
_DONE: Json = {"ok": True, "output": {}, "before": {}, "error": "", "retryable": False, "happened": True}


class Shadow:
    """Records what a run would have done. Looks are real until the first act that the run would have done."""

    def __init__(self, *, worker: DurableWorker, journal: Journal, observer: Observer, guarding: Guarding) -> None:
        self._worker = worker
        self._journal = journal
        self._observer = observer
        self._guarding = guarding
        self._controller: Controller = UnconfiguredController()

    async def run(self, argument: Json) -> Json:
        """Follow one run to the end that it would have come to."""
        incident, run = str(argument["incident"]), str(argument["run"])
        state = RunState.from_json(argument["state"])
        refused = await self._worker.step("shadow", self._begin, argument)
        acted = False
        while not refused["refused"] and not isinstance(instruction := machine.next_instruction(state), Finish):
            told = await self._worker.step(
                f"shadow {state.count}", self._follow, incident, run, instruction.to_json(), acted, state.count
            )
            acted = acted or told["acts"]
            state = machine.record(state, instruction, told["result"])
        if not refused["refused"]:
            ending = machine.next_instruction(state).to_json()
            await self._worker.step("shadow end", self._end, incident, run, ending)
        return {"ok": True, "verify": False}

    async def _begin(self, argument: Json) -> Json:
        view = await self._journal.incident(argument["incident"])
        refusal = await self._guarding.refusal_now(view, argument["run"], argument["state"])
        if refusal is not None:
            await self._record(
                view, argument["run"], "start", f"be refused ({refusal.guard}): {refusal.reason}", key="refused"
            )
        return {"refused": refusal is not None}

    async def _follow(self, incident: str, run: str, content: Json, acted: bool, number: int) -> Json:
        """What an instruction would come to; `acts` once the network would no longer be as it is."""
        view = await self._journal.incident(incident)
        instruction = _INSTRUCTIONS[content["kind"]].from_json(content)
        match instruction:
            case Act():
                result, would = await self._act(view, run, instruction, acted=acted)
                await self._record(view, run, instruction.step, would, key=f"{number}", act=instruction)
                return {"result": result, "acts": not is_harmless(instruction)}
            case Together():
                found = [await self._act(view, run, act, acted=acted) for act in instruction.acts]
                for at, (act, (_, would)) in enumerate(zip(instruction.acts, found, strict=True)):
                    await self._record(view, run, act.step, would, key=f"{number}.{at}", act=act)
                acts = not all(is_harmless(act) for act in instruction.acts)
                return {"result": {"acts": [result for result, _ in found]}, "acts": acts}
            case Ask():
                would = f"ask for {instruction.count} × {instruction.role}"
                await self._record(view, run, instruction.step, would, key=f"{number}")
                return {"result": {"decision": "approved", "by": []}, "acts": False}
            case Skip() | Fail():
                word = "be passed over" if isinstance(instruction, Skip) else "fail"
                await self._record(view, run, instruction.step, f"{word}: {instruction.why}", key=f"{number}")
        return {"result": {}, "acts": False}

    async def _act(self, view: Incident, run: str, act: Act, *, acted: bool) -> tuple[Json, str]:
        """An envelope and what to say: real for a look at a network that the run would have left alone so far."""
        if act.action not in _LOOKS or ACTIONS[act.action].consumes_pairs or acted:
            return _DONE, f"do {act.action}: {act.title}"
        ports = Ports(
            controller=self._controller,
            readings=IncidentReadings(self._observer, baseline_before=onset_of(view)),
            messenger=IncidentMessenger(self._journal, incident=view.id, run=run),
            timer=self._journal.clock,
        )
        envelope = await perform(act, ports, ACTIONS)
        found = "holds" if envelope["ok"] else f"does not hold: {envelope['error']}"
        return envelope, f"look ({act.action}), which {found}"

    async def _end(self, incident: str, run: str, content: Json) -> Json:
        finish = Finish.from_json(content)
        view = await self._journal.incident(incident)
        await self._record(view, run, "end", f"end: {finish.result}, {finish.reason}", key="end")
        return {}

    async def _record(
        self, view: Incident, run: str, step: str, would: str, *, key: str, act: Act | None = None
    ) -> None:
        body = ShadowRecorded(
            run=run,
            runbook=view.runs[run].runbook,
            step=step,
            would=would,
            action=act.action if act else "",
            inputs=act.parameters if act else {},
        )
        await self._journal.record(view.id, self._journal.entry(body, key=f"shadow:{run}:{key}"))


_INSTRUCTIONS: Mapping[str, type[Act | Together | Ask | AskOutcome | Skip | Fail | Wait]] = {
    kind.__name__: kind for kind in (Act, Together, Ask, AskOutcome, Skip, Fail, Wait)
}
"""By the name that an instruction's JSON carries."""
