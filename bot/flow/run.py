"""A runbook run as a durable workflow: asks the pure machine what comes next, does it, tells the machine."""

import asyncio
import itertools
from collections.abc import Iterable, Sequence

from bot.flow.acts import Acts
from bot.flow.approval import Approvals
from bot.flow.durable import DurableWorker, Json
from bot.flow.lifespan import Lifespan
from bot.flow.past import step_of
from bot.flow.recovery import Recovery
from bot.flow.shadow import Shadow
from remediation import machine
from remediation.machine import Act, Ask, AskOutcome, Fail, Finish, Instruction, RunState, Skip, Together, Wait

LONGEST_PAUSE_LOOK_S = 30.0
"""So often, in real seconds, a paused run looks whether a pause by file is over; people's word wakes it at once."""


class Runner:
    """Interprets runs. Everything between two steps is deterministic, because a restart does it again."""

    def __init__(
        self,
        *,
        worker: DurableWorker,
        lifespan: Lifespan,
        acts: Acts,
        approvals: Approvals,
        recovery: Recovery,
        shadow: Shadow,
    ) -> None:
        self._worker = worker
        self._lifespan = lifespan
        self._acts = acts
        self._approvals = approvals
        self._recovery = recovery
        self._shadow = shadow

    async def run(self, argument: Json) -> Json:
        """Carry one run from its first step to the verified end; what nobody foresaw ends it, and people are told."""
        try:
            return await (self._shadow.run(argument) if argument.get("shadow") else self._carry(argument))
        except Exception as error:
            if not self._worker.closing:
                await self._lifespan.broke(argument, error)
            raise

    async def _carry(self, argument: Json) -> Json:
        incident, run = str(argument["incident"]), str(argument["run"])
        begun = await self._worker.step("begin", self._lifespan.begin, argument)
        if not begun["ok"]:
            return begun
        state = RunState.from_json(argument["state"])
        while not isinstance(instruction := machine.next_instruction(state), Finish):
            state = await self._carry_out(incident, run, state, instruction)
        ended = await self._worker.step("end", self._lifespan.end, argument, instruction.to_json())
        if ended["verify"]:
            await self._recovery.watch(incident, run)
            await self._worker.step("release", self._lifespan.release, run)
        return ended

    async def _carry_out(self, incident: str, run: str, state: RunState, instruction: Instruction) -> RunState:
        match instruction:
            case Act():
                return await self._act(incident, run, state, instruction)
            case Together():
                return await self._together(incident, run, state, instruction)
            case Ask():
                return await self._ask(incident, run, state, instruction)
            case AskOutcome():
                return machine.record(state, instruction, await self._approvals.settle(incident, run, instruction))
            case Skip() | Fail():
                return await self._leave(incident, run, state, instruction)
            case Wait():
                again = frozenset() if state.undoing else frozenset(step_of(name) for name in state.attempts)
                abort = await self._approvals.wait(instruction.seconds, f"{state.count}", again)
                waited = machine.record(state, instruction, {})
                return waited if abort is None or state.undoing else machine.abort(state, abort)
        raise AssertionError(instruction)

    async def _ask(self, incident: str, run: str, state: RunState, question: Ask) -> RunState:
        answer = await self._approvals.ask(incident, run, question)
        if answer["decision"] == "skipped":
            return await self._pass_over(incident, run, state, question.step, answer["why"])
        return machine.record(state, question, answer)

    async def _leave(self, incident: str, run: str, state: RunState, left: Skip | Fail) -> RunState:
        """Past a step that is not begun; one that cannot be begun has not failed when a person skips it."""
        word = "skip" if isinstance(left, Skip) else "fail"
        told = await self._worker.step(f"{word} {left.step}", self._acts.leave, incident, run, left.to_json())
        if "skipped" in told:
            return await self._pass_over(incident, run, state, left.step, told["skipped"])
        return machine.record(state, left, {})

    async def _pass_over(self, incident: str, run: str, state: RunState, name: str, why: str) -> RunState:
        """Past a step that a person skips, all of its items with it."""
        return await self._leave(incident, run, state, Skip(step=step_of(name), why=why))

    async def _act(self, incident: str, run: str, state: RunState, act: Act) -> RunState:
        """Do an act as soon as nothing is paused, unless somebody stops the run first."""
        name = f"{act.phase} {act.step} {act.attempt}"
        abort = await self._approvals.abort_asked() if act.phase == "undo" else None
        for turn in itertools.count():
            if abort is not None and act.phase == "run":
                return machine.abort(state, abort)
            after = f" after pause {turn}" if turn else ""
            envelope = await self._worker.step(
                f"{name}{after}", self._acts.act, incident, run, act.to_json(), state.runbook
            )
            if "skipped" in envelope:
                passed = await self._pass_over(incident, run, state, act.step, envelope["skipped"])
                return _unless_aborted(passed, envelope)
            if "aborted" in envelope:
                return machine.abort(state, envelope["aborted"])
            if "paused" not in envelope:
                return _unless_aborted(machine.record(state, act, envelope), envelope)
            abort = await self._approvals.wait_out(_until_next_look(turn))
        raise AssertionError(act)

    async def _together(self, incident: str, run: str, state: RunState, together: Together) -> RunState:
        """Begin several acts at once and wait for all; those that a pause keeps back are begun after it.

        Steps are numbered as their tasks begin, which is the order written here, so that a replay finds each again.
        """
        left: Sequence[Act] = together.acts
        abort: str | None = None
        for turn in itertools.count():
            if abort is not None:
                return machine.abort(state, abort)
            after = f" after pause {turn}" if turn else ""
            envelopes = await asyncio.gather(
                *(
                    self._worker.step(
                        f"run {act.step} {act.attempt}{after}",
                        self._acts.act,
                        incident,
                        run,
                        act.to_json(),
                        state.runbook,
                    )
                    for act in left
                ),
                return_exceptions=True,
            )
            found = _sound(zip(left, envelopes, strict=True))
            for act, envelope in found:
                if "skipped" in envelope:
                    state = await self._pass_over(incident, run, state, act.step, envelope["skipped"])
            state, left = _recorded(state, together, found)
            for _, envelope in found:
                state = _unless_aborted(state, envelope)
            if not left or state.undoing:
                return state
            abort = await self._approvals.wait_out(_until_next_look(turn))
        raise AssertionError(together)


def _until_next_look(turn: int) -> float:
    """Real seconds until a paused run looks again: twice as long each time, up to the longest."""
    return min(2.0 ** min(turn, 10), LONGEST_PAUSE_LOOK_S)


def _sound(found: Iterable[tuple[Act, Json | BaseException]]) -> list[tuple[Act, Json]]:
    """What the acts came to; a defect rises once all others have ended."""
    envelopes: list[tuple[Act, Json]] = []
    for act, envelope in found:
        if isinstance(envelope, BaseException):
            raise envelope
        envelopes.append((act, envelope))
    return envelopes


def _unless_aborted(state: RunState, envelope: Json) -> RunState:
    """The state after an act, unless somebody wanted the run to end before that; an open question comes first."""
    abort = envelope.get("aborted") or envelope.get("abort")
    return machine.abort(state, abort) if abort and not state.asking else state


def _recorded(state: RunState, together: Together, found: list[tuple[Act, Json]]) -> tuple[RunState, list[Act]]:
    """The state after the acts that were done, and those that wait."""
    over = [(act, envelope) for act, envelope in found if not {"paused", "skipped", "aborted"} & envelope.keys()]
    if over:
        done = Together(group=together.group, acts=[act for act, _ in over])
        state = machine.record(state, done, {"acts": [envelope for _, envelope in over]})
    return state, [act for act, envelope in found if "paused" in envelope]
