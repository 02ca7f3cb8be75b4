"""Small made-up actions, runbooks of any shape and a far side of any mood, to see what the machine makes of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from remediation.contract import Action, Effect, Outcome, Ports, Prediction, Risk, Target
from remediation.instructions import Instruction
from remediation.machine import Act, Ask, AskOutcome, Finish, RunState, Together, next_instruction, record, start
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
    *(outcome() for _ in range(7)),
    outcome(ok=False, happened=False, retryable=True),
    outcome(ok=False, happened=False),
    outcome(ok=False),
    outcome(ok=False, happened=None),
    outcome(ok=False, happened=None, retryable=True),
    outcome(ok=False, retryable=True),
    outcome(ok=False, happened=False, unclear=True),
)
"""Every kind of envelope, half of them good: done; surely not (worth another try or not); badly; unknown; not seen."""
UNDONE = (
    outcome(),
    outcome(),
    outcome(ok=False, happened=False),
    outcome(ok=False),
    outcome(ok=False, happened=False, retryable=True),
    *(outcome(ok=False, happened=None) for _ in range(3)),
)
"""Envelopes of taking back: few runs come to it, so it goes wrong more often."""
DECISIONS = ("approved", "approved", "approved", "rejected", "expired", "aborted")
WORDS = (True, False, None)
"""What a person says of an act whose outcome is unknown."""


def answering(moods: Sequence[int]) -> Answer:
    """A far side and people whose answers are these numbers, over and over."""

    def answer(instruction: Instruction, number: int) -> Json:
        mood = moods[number % len(moods)]
        match instruction:
            case Act(phase="undo"):
                return UNDONE[mood % len(UNDONE)]
            case Act():
                return OUTCOMES[mood % len(OUTCOMES)]
            case Together():
                turns = [moods[(number + turn) % len(moods)] for turn in range(len(instruction.acts))]
                return {"acts": [{**OUTCOMES[turn % len(OUTCOMES)], "at": float(turn % 5)} for turn in turns]}
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
            case Together():
                return {"acts": [dict(left.pop(0)) if left else outcome() for _ in instruction.acts]}  # type: ignore[arg-type]
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


def flat(trace: Trace) -> Trace:
    """The same with each group's acts one after the other, in the order in which they ended."""
    found: Trace = []
    for instruction, result in trace:
        pairs = zip(instruction.acts, result["acts"], strict=True) if isinstance(instruction, Together) else ()
        ended = sorted(pairs, key=lambda pair: float(pair[1].get("at", 0.0)))
        found += ended if isinstance(instruction, Together) else [(instruction, result)]
    return found


def acts(trace: Trace, phase: str = "run") -> list[Act]:
    """The acts of a phase."""
    return [each for each, _ in flat(trace) if isinstance(each, Act) and each.phase == phase]


def standing(trace: Trace) -> list[str]:
    """The acts that may have changed something, oldest first, as a bystander would list them."""
    found: list[str] = []
    for instruction, result in flat(trace):
        if isinstance(instruction, Act) and instruction.phase == "run":
            touched = ACTIONS[instruction.action].risk is not Risk.READ and result["happened"] is not False
            found += [instruction.step] if touched and instruction.step not in found else []
        if isinstance(instruction, AskOutcome) and instruction.phase == "run" and result["happened"] is False:
            found = [step for step in found if step != instruction.step]
    return found


def _moods(seed: int) -> list[int]:
    """As many as a run may need, all equally likely: drawn one by one most of them would be the simplest."""
    return Random(seed).choices(range(2520), k=60)


answers: st.SearchStrategy[Answer] = st.integers(0, 2**32).map(_moods).map(answering)


NEVER = ("no", "{{ run.id }}")
"""Conditions that come to neither true nor false: a step with one is passed over."""


_RETRY = st.builds(
    lambda attempts, longest: {"attempts": attempts, "backoff": 2, "max_backoff": longest},
    st.integers(1, 4),
    st.sampled_from((1, 30)),
)


@st.composite
def _doing(draw: st.DrawFn, name: str, before: str) -> Json:
    """What a step of any shape does; `before` is the part before it."""
    looks_back = f"{{{{ steps.{before} is defined }}}}"
    step: Json = {
        "id": name,
        "action": draw(st.sampled_from(("look", "turn", "strike"))),
        "with": {"link": "ams-rtm"},
        "when": draw(st.sampled_from((True, True, True, False, *NEVER, *([looks_back] * bool(before))))),
        "retry": draw(_RETRY),
    }
    if before and draw(st.integers(0, 7)) == 0:
        step["with"]["gone"] = f"{{{{ steps.{before}.output.gone }}}}"
    if draw(st.booleans()):
        step["rollback"] = {"action": "turn_back", "with": {"link": "ams-rtm"}}
    if draw(st.booleans()):
        step["approval"] = {"on_timeout": draw(st.sampled_from(("stop", "escalate", "proceed")))}
    return step


@st.composite
def parts(draw: st.DrawFn, number: int, count: int) -> Json:
    """A step, a step for several items, or a group; jumps go to later parts."""
    name, before = f"s{number}", f"s{number - 1}" if number else ""
    onward = [f"goto:s{later}" for later in range(number + 1, count)]
    on_failure = draw(st.sampled_from(("stop", "continue", "rollback", *onward)))
    if draw(st.integers(0, 3)) == 0:
        names = [f"{name}_{turn}" for turn in range(draw(st.integers(2, 3)))]
        branches = [draw(_doing(each, before)) for each in names]
        if draw(st.booleans()):
            branches[0]["when"] = f"{{{{ steps.{names[1]} is not defined }}}}"
        branches = [{**each, "on_failure": draw(st.sampled_from(("stop", "continue")))} for each in branches]
        return {"id": name, "parallel": branches, "on_failure": on_failure}
    step = {**draw(_doing(name, before)), "on_failure": on_failure}
    if draw(st.integers(0, 3)) == 0:
        step |= draw(_FOREACH)
        step["with"] = {"link": "{{ item }}", "number": "{{ loop.index }}"}
        if "rollback" in step:
            step["rollback"] = {"action": "turn_back", "with": {"link": "{{ item }}"}}
    return step


_FOREACH = st.builds(
    lambda items, limit: {"foreach": f"{{{{ {items} if run.id else [] }}}}", "limit": limit},
    st.lists(st.sampled_from(("ams-rtm", "rtm-del", "del-lei")), max_size=3),
    st.integers(2, 4),
)
"""Up to three items, known when the run is there; now and then more than the limit."""


@st.composite
def _runbooks(draw: st.DrawFn) -> Runbook:
    count = draw(st.integers(1, 6))
    return runbook(*(draw(parts(number, count)) for number in range(count)))


runbooks: st.SearchStrategy[Runbook] = _runbooks()
promise = settings(derandomize=True, deadline=None, max_examples=200)
"""The same examples each time; a busy machine is no defect."""
