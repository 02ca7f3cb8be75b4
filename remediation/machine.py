"""The interpreter of runs: pure, deterministic, without clock or network. It says what comes next; others do it.

A state is the runbook's snapshot plus the list of what was instructed and what came of it; the next instruction
follows from these alone, so that a replay after a crash takes the same path.
"""

from collections.abc import Mapping
from typing import Any

from remediation.contract import Action, Risk
from remediation.errors import RemediationError, TemplateError
from remediation.instructions import (
    Act,
    Ask,
    AskOutcome,
    Fail,
    Finish,
    Instruction,
    Json,
    Result,
    RunState,
    Skip,
    Together,
    Wait,
)
from remediation.plan import Plan, PlanFacts, is_required, items_of
from remediation.retrying import remembered
from remediation.schema import Branch, Group, Rollback, Runbook, Step
from remediation.taking_back import Back, taken_back
from remediation.template import render, render_all
from remediation.transitions import abort, half_taken_back, record

LONGEST_ACT_S = 3600.0
"""An act without a timeout of its own; lint asks for one on every step that touches the network."""
_MOST_INSTRUCTIONS = 5000

__all__ = [
    "Act",
    "Ask",
    "AskOutcome",
    "Fail",
    "Finish",
    "Instruction",
    "RunState",
    "Skip",
    "Together",
    "Wait",
    "abort",
    "next_instruction",
    "record",
    "start",
]


def start(runbook: Runbook, *, run: str, plan: Plan, facts: PlanFacts, actions: Mapping[str, Action]) -> RunState:
    """The state before the first step, on a snapshot of the runbook."""
    planned = plan.to_json()
    scope = {
        "inputs": planned["inputs"],
        "incident": dict(facts.incident),
        "plan": {"affected_flows": planned["affected_flows"]},
        "run": {"id": run},
    }
    names = {step.action for step in runbook.spec.acts}
    names |= {step.rollback.action for step in runbook.spec.acts if step.rollback}
    risks = {name: str(actions[name].risk) for name in sorted(names) if name in actions}
    return RunState(run=run, runbook=runbook.model_dump(mode="json", by_alias=True), scope=scope, risks=risks)


def next_instruction(state: RunState) -> Instruction:
    """What comes next."""
    runbook = Runbook.model_validate(state.runbook)
    if state.finished:
        return _finish(state, runbook)
    if state.count >= _MOST_INSTRUCTIONS and not (state.asking or state.undoing):
        return _closing(state, runbook, "failed", f"it took more than {_MOST_INSTRUCTIONS} instructions")
    return _pending(state) or _onward(state, runbook)


def _pending(state: RunState) -> AskOutcome | Wait | None:
    """What has to happen before the next act: a person's word on an unknown outcome, or a pause."""
    if state.asking:
        question: AskOutcome = AskOutcome.from_json(state.asking[0])
        return question
    return Wait(seconds=state.waiting, why="before the next attempt") if state.waiting else None


def _onward(state: RunState, runbook: Runbook) -> Instruction:
    if state.undoing:
        return _next_undo(state, runbook)
    if state.position >= len(runbook.spec.steps):
        return _closing(state, runbook, "succeeded", "every step succeeded")
    part = runbook.spec.steps[state.position]
    return _next_of_group(state, runbook, part) if isinstance(part, Group) else _next_of_step(state, runbook, part)


def _next_of_group(state: RunState, runbook: Runbook, group: Group) -> Instruction:
    """What keeps a branch from being begun, one after the other; then all that are not over yet, together."""
    scope = _scope(state, runbook, without=frozenset(each.id for each in group.parallel))
    found = [_begin(state, each, scope) for each in group.parallel if each.id not in state.closed]
    kept = [each for each in found if not isinstance(each, Act)]
    if kept:
        return min(kept, key=lambda each: isinstance(each, Ask))
    return Together(group=group.id, acts=[each for each in found if isinstance(each, Act)])


def _next_of_step(state: RunState, runbook: Runbook, step: Step) -> Instruction:
    scope = _scope(state, runbook, without=frozenset({step.id}))
    if not step.foreach:
        return _begin(state, step, scope)
    try:
        if (skip := _skip(step, scope)) is not None:
            return skip
        turns = _turns(step, scope)
    except TemplateError as error:
        return Fail(step=step.id, why=str(error))
    if not turns:
        return Skip(step=step.id, why=f"{step.foreach} has no items")
    return _begin(state, step, scope, each=turns[state.item])


def _begin(state: RunState, step: Step | Branch, scope: Json, each: Json | None = None) -> Act | Ask | Skip | Fail:
    """A step's act, unless something comes before it; `each` is the item that it is done for."""
    try:
        if (skip := _skip(step, scope)) is not None:
            return skip
        act = _act(state, step, scope, each or {})
        return _question(step, scope, state) or act
    except TemplateError as error:
        return Fail(step=_name(step, each), why=str(error), each=each or {})


def _skip(step: Step | Branch, scope: Json) -> Skip | None:
    wanted = render(step.when, scope) if isinstance(step.when, str) else step.when
    if wanted is True or str(wanted).lower() == "true":
        return None
    return Skip(step=step.id, why=f"its condition {step.when} is {wanted}")


def _question(step: Step | Branch, scope: Json, state: RunState) -> Ask | None:
    approval = step.approval
    if approval is None or step.id in state.approved or state.risks.get(step.action) == Risk.READ:
        return None
    if not is_required(approval, scope):
        return None
    return Ask(
        step=step.id,
        title=step.title or step.action,
        role=approval.role,
        count=approval.count,
        timeout_s=approval.timeout,
        on_timeout=approval.on_timeout,
        acts=[_asked(state, step, scope, each) for each in _turns(step, scope)],
        escalate_to=_called(state) if approval.on_timeout == "escalate" else "",
    )


def _called(state: RunState) -> str:
    """Whom the runbook calls."""
    escalate = state.runbook["spec"].get("escalate") or {}
    return str(escalate.get("to") or "operators")


def _turns(step: Step | Branch, scope: Mapping[str, Any]) -> list[Json]:
    """What the step's templates see beside the rest, for each time that it is done."""
    if not (isinstance(step, Step) and step.foreach):
        return [{}]
    items = items_of(step, scope)
    return [{"item": item, "loop": {"index": at, "length": len(items)}} for at, item in enumerate(items, start=1)]


def _asked(state: RunState, step: Step | Branch, scope: Json, each: Json) -> Json:
    """An act as people are asked about it; nothing that the run does before it changes what it reads."""
    try:
        act = _act(state, step, scope, each)
    except TemplateError as error:
        title = _title(step.title or step.action, each)
        return {"step": _name(step, each), "title": title, "action": step.action, "parameters": {}, "fault": str(error)}
    return {"step": act.step, "title": act.title, "action": act.action, "parameters": act.parameters}


def _act(state: RunState, step: Step | Branch, scope: Json, each: Json) -> Act:
    inner, name = {**scope, **each}, _name(step, each)
    own = str(render(step.idempotency, inner)) if step.idempotency else ""
    return Act(
        step=name,
        title=_title(step.title or step.action, each),
        phase="run",
        attempt=state.attempts.get(name, 1),
        action=step.action,
        parameters=render_all(step.parameters, inner),
        key=f"{own}{name.removeprefix(step.id)}" if own else f"{state.run}:{name}:run",
        timeout_s=step.timeout or LONGEST_ACT_S,
        each=each,
    )


def _name(step: Step | Branch, each: Json | None) -> str:
    return f"{step.id}.{each['loop']['index']}" if each else step.id


def _title(title: str, each: Json) -> str:
    return f"{title} ({each['loop']['index']} of {each['loop']['length']})" if each else title


def _next_undo(state: RunState, runbook: Runbook) -> Instruction:
    for name in reversed(state.done):
        step = runbook.step(name)
        if step.rollback is not None:
            return _undo(state, runbook, name, step.rollback)
    return _closing(state, runbook, state.undoing["result"], state.undoing["reason"])


def _undo(state: RunState, runbook: Runbook, name: str, rollback: Rollback) -> Act | Finish:
    """Take an act back; its step's name stands for what this very act gave, also where the act was one of several."""
    step, told = runbook.step(name), remembered(state, name)
    scope = _scope(state, runbook)
    scope = {**scope, **told["each"], "steps": {**scope["steps"], step.id: _shown(told)}}
    try:
        written = Back(rollback.action, render_all(rollback.parameters, scope))
        back = taken_back(step.action, render_all(step.parameters, scope), told["before"], written)
    except RemediationError as error:
        return _closing(state, runbook, "failed", half_taken_back(state, name, str(error)))
    return Act(
        step=name,
        title=_title(step.title or rollback.action, told["each"]),
        phase="undo",
        attempt=state.attempts.get(name, 1),
        action=back.action,
        parameters=dict(back.parameters),
        key=f"{state.run}:{name}:undo",
        timeout_s=step.timeout or LONGEST_ACT_S,
        each=told["each"],
    )


def _scope(state: RunState, runbook: Runbook, without: frozenset[str] = frozenset()) -> Json:
    """What templates see: what earlier steps gave, but not the step at hand nor its neighbours in a group."""
    lists = {step.id for step in runbook.spec.acts if isinstance(step, Step) and step.foreach}
    told: dict[str, list[Json]] = {}
    for name, each in state.outputs.items():
        told.setdefault(name.partition(".")[0], []).append(each)
    steps = {name: _whole(each) if name in lists else _shown(each[0]) for name, each in told.items()}
    return {**state.scope, "steps": {name: each for name, each in steps.items() if name not in without}}


def _shown(told: Json) -> Json:
    return {**told, "output": {**told["output"], "ok": told["ok"]}}


def _whole(told: list[Json]) -> Json:
    """A step that was done for several items: lists of what it gave for each."""
    done = [_shown(each) for each in told if each["each"]]
    return {
        "ok": bool(done) and all(each["ok"] for each in told),
        "output": [each["output"] for each in done],
        "before": [each["before"] for each in done],
        "error": "; ".join(each["error"] for each in told if each["error"]),
        "skipped": any(each["skipped"] for each in told),
    }


def _closing(state: RunState, runbook: Runbook, result: Result, reason: str) -> Finish:
    escalate = runbook.spec.escalate
    call = escalate is not None and (escalate.when == "always" or (escalate.when == "failed" and result != "succeeded"))
    acting = {step.id for step in runbook.spec.acts if state.risks.get(step.action) != Risk.READ}
    touched = [name for name, told in state.outputs.items() if told["ok"] and name.partition(".")[0] in acting]
    return Finish(
        result=result,
        reason=reason,
        escalate_to=escalate.to if call and escalate else "operators" if result not in ("succeeded",) else "",
        changed=bool(touched),
    )


def _finish(state: RunState, runbook: Runbook) -> Finish:
    return _closing(state, runbook, state.finished["result"], state.finished["reason"])
