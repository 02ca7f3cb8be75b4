"""Small made-up actions, runbooks of any shape and a far side of any mood, to see what the machine makes of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from remediation.contract import Action, Effect, Outcome, Ports, Prediction, Risk, Target
from remediation.machine import Act, Ask, AskOutcome, Finish, Instruction, RunState, next_instruction, record, start
from remediation.plan import Plan, PlanFacts, build_plan
from remediation.schema import Runbook

Json = dict[str, Any]
Trace = list[tuple[Instruction, Json]]
Answer = Callable[[Instruction, int], Json]
RUN = "INC-1-R1"
FACTS = PlanFacts(incident={"id": "INC-1", "subject": {"kind": "link", "id": "ams-rtm"}})


class Anything(BaseModel):
    """Parameters of any name."""

    model_config = ConfigDict(extra="allow")


async def _never(given: Any, ports: Ports, key: str) -> Outcome:
    raise AssertionError("the machine only says what to do")


def action(name: str, risk: Risk) -> Action:
    """An action that exists on paper."""
    target = Target("link", "ams-rtm")
    effect = Effect("replenish", target)
    return Action(name, name, Anything, risk, lambda given: target, _never, effect=lambda given: effect)


ACTIONS: Mapping[str, Action] = {
    name: action(name, risk)
    for name, risk in {
        "look": Risk.READ,
        "turn": Risk.REVERSIBLE,
        "strike": Risk.DISRUPTIVE,
        "turn_back": Risk.REVERSIBLE,
    }.items()
}


def nothing(effect: Effect) -> tuple[Prediction, ...]:
    """No predictions."""
    del effect
    return ()


def runbook(*steps: Json, **spec: Any) -> Runbook:
    """A runbook of these steps."""
    return Runbook.model_validate(
        {
            "apiVersion": "bellhop/v1",
            "kind": "Runbook",
            "metadata": {"name": "made-up", "title": "Made up"},
            "spec": {"steps": list(steps), **spec},
        }
    )


def planned(chosen: Runbook, **inputs: Any) -> Plan:
    """Its plan."""
    return build_plan(chosen, inputs=inputs, facts=FACTS, actions=ACTIONS, predict=nothing)


def begun(chosen: Runbook, **inputs: Any) -> RunState:
    """A run of it before its first step."""
    return start(chosen, run=RUN, plan=planned(chosen, **inputs), facts=FACTS, actions=ACTIONS)


def outcome(*, ok: bool = True, happened: bool | None = True, retryable: bool = False, **more: Any) -> Json:
    """An envelope as `remediation.execute` gives it."""
    error = "" if ok else "it did not work"
    return {"ok": ok, "happened": happened, "retryable": retryable, "error": error, "output": {}, "before": {}, **more}


OUTCOMES = (
    outcome(),
    outcome(ok=False, happened=False, retryable=True),
    outcome(ok=False, happened=False),
    outcome(ok=False),
    outcome(ok=False, happened=None),
    outcome(ok=False, happened=None, retryable=True),
    outcome(ok=False, retryable=True),
)
"""Every kind of envelope: done; surely not done (worth another try or not); done badly; nobody knows."""
DECISIONS = ("approved", "rejected", "expired", "aborted")
WORDS = (True, False, None)
"""What a person says of an act whose outcome is unknown."""


def answering(moods: Sequence[int]) -> Answer:
    """A far side and people whose answers are these numbers, over and over."""

    def answer(instruction: Instruction, number: int) -> Json:
        mood = moods[number % len(moods)]
        match instruction:
            case Act():
                return OUTCOMES[mood % len(OUTCOMES)]
            case Ask():
                return {"decision": DECISIONS[mood % len(DECISIONS)], "by": ["alice"]}
            case AskOutcome():
                return {"happened": WORDS[mood % len(WORDS)], "by": "alice"}
        return {}

    return answer


def scripted(*results: Json | str | bool | None) -> Answer:
    """These results for acts, decisions for questions and words about outcomes, in order; then all goes well."""
    left = list(results)

    def answer(instruction: Instruction, number: int) -> Json:
        del number
        match instruction:
            case Act():
                return dict(left.pop(0)) if left else outcome()  # type: ignore[arg-type]
            case Ask():
                return {"decision": left.pop(0) if left else "approved", "by": ["alice"]}
            case AskOutcome():
                return {"happened": left.pop(0), "by": "alice"}
        return {}

    return answer


def walk(state: RunState, answer: Answer, *, most: int = 2000) -> tuple[Trace, Finish]:
    """Everything that is instructed with what came of it, and the end."""
    trace: Trace = []
    while not isinstance(instruction := next_instruction(state), Finish):
        assert len(trace) < most, "the run does not end"
        result = answer(instruction, len(trace))
        trace.append((instruction, result))
        state = record(state, instruction, result)
    return trace, instruction


def restarted(state: RunState) -> RunState:
    """The state as a restarted process reads it back."""
    back: RunState = RunState.from_json(json.loads(json.dumps(state.to_json())))
    return back


def acts(trace: Trace, phase: str = "run") -> list[Act]:
    """The acts of a phase."""
    return [each for each, _ in trace if isinstance(each, Act) and each.phase == phase]


_MOODS = st.lists(st.integers(0, 41), min_size=1, max_size=12)
answers: st.SearchStrategy[Answer] = _MOODS.map(answering)


@st.composite
def steps(draw: st.DrawFn, number: int, count: int) -> Json:
    """One step of any shape; jumps go to later steps."""
    onward = [f"goto:s{later}" for later in range(number + 1, count)]
    step: Json = {
        "id": f"s{number}",
        "action": draw(st.sampled_from(("look", "turn", "strike"))),
        "with": {"link": "ams-rtm"},
        "when": draw(
            st.sampled_from((True, True, False, *([f"{{{{ steps.s{number - 1} is defined }}}}"] * (number > 0))))
        ),
        "retry": {"attempts": draw(st.integers(1, 4)), "backoff": 2, "max_backoff": draw(st.sampled_from((1, 30)))},
        "on_failure": draw(st.sampled_from(("stop", "continue", "rollback", *onward))),
    }
    if draw(st.booleans()):
        step["rollback"] = {"action": "turn_back", "with": {"link": "ams-rtm"}}
    if draw(st.booleans()):
        step["approval"] = {"on_timeout": draw(st.sampled_from(("stop", "escalate", "proceed")))}
    return step


@st.composite
def _runbooks(draw: st.DrawFn) -> Runbook:
    count = draw(st.integers(1, 6))
    return runbook(*(draw(steps(number, count)) for number in range(count)))


runbooks: st.SearchStrategy[Runbook] = _runbooks()
promise = settings(derandomize=True, deadline=None)
"""The same examples each time; a busy machine is no defect."""
