"""A runbook run as a durable workflow: asks the pure machine what comes next, does it, tells the machine."""

from bot.flow.acts import Acts
from bot.flow.approval import Approvals
from bot.flow.durable import DurableWorker, Json
from bot.flow.recovery import Recovery
from remediation import machine
from remediation.machine import Act, Ask, AskOutcome, Finish, Instruction, RunState, Skip, Wait

RUN_WORKFLOW = "run"


class Runner:
    """Interprets runs. Everything between two steps is deterministic, because a restart does it again."""

    def __init__(
        self,
        *,
        worker: DurableWorker,
        acts: Acts,
        approvals: Approvals,
        recovery: Recovery,
    ) -> None:
        self._worker = worker
        self._acts = acts
        self._approvals = approvals
        self._recovery = recovery

    async def run(self, argument: Json) -> Json:
        """Carry one run from its first step to the verified end."""
        incident, run = str(argument["incident"]), str(argument["run"])
        begun = await self._worker.step("begin", self._acts.begin, argument)
        if not begun["ok"]:
            return begun
        state = RunState.from_json(argument["state"])
        while not isinstance(instruction := machine.next_instruction(state), Finish):
            state = await self._carry_out(incident, run, state, instruction)
        ended = await self._worker.step("end", self._acts.end, argument, instruction.to_json())
        if ended["verify"]:
            await self._recovery.watch(incident, run)
        return ended

    async def _carry_out(self, incident: str, run: str, state: RunState, instruction: Instruction) -> RunState:
        match instruction:
            case Act():
                abort = await self._approvals.abort_asked()
                if abort is not None and instruction.phase == "run":
                    return machine.abort(state, abort)
                envelope = await self._worker.step(
                    f"{instruction.phase} {instruction.step} {instruction.attempt}",
                    self._acts.act,
                    incident,
                    run,
                    instruction.to_json(),
                )
                return machine.record(state, instruction, envelope)
            case Ask():
                return machine.record(state, instruction, await self._approvals.ask(incident, run, instruction))
            case AskOutcome():
                return machine.record(state, instruction, await self._approvals.settle(incident, run, instruction))
            case Skip():
                await self._worker.step(
                    f"skip {instruction.step}", self._acts.skip, incident, run, instruction.to_json()
                )
                return machine.record(state, instruction, {})
            case Wait():
                await self._worker.sleep(self._acts.real_seconds(instruction.seconds))
                return machine.record(state, instruction, {})
        raise AssertionError(instruction)
