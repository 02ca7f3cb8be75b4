"""The interpreter of runs: pure, deterministic, without clock or network. It says what comes next; others do it.

A state is the runbook's snapshot plus the list of what was instructed and what came of it; the next instruction
follows from these alone, so that a replay after a crash takes the same path.
"""

from collections.abc import Mapping
from typing import Any

from remediation.contract import Action, Risk
from remediation.errors import TemplateError
from remediation.instructions import (
    Act,
    Ask,
    AskOutcome,
    Finish,
    Instruction,
    Json,
    Phase,
    Result,
    RunState,
    Skip,
    Wait,
)
from remediation.plan import Plan, PlanFacts, is_required
from remediation.schema import Runbook, Step
from remediation.template import render, render_all
from remediation.transitions import abort, record

LONGEST_ACT_S = 3600.0
"""An act without a timeout of its own; lint asks for one on every step that touches the network."""
_MOST_INSTRUCTIONS = 500

__all__ = [
    "Act",
    "Ask",
    "AskOutcome",
    "Finish",
    "Instruction",
    "RunState",
    "Skip",
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
    names = {step.action for step in runbook.spec.steps}
    names |= {step.rollback.action for step in runbook.spec.steps if step.rollback}
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
        question: AskOutcome = AskOutcome.from_json(state.asking)
        return question
    return Wait(seconds=state.waiting, why=f"before attempt {state.attempt}") if state.waiting else None


def _onward(state: RunState, runbook: Runbook) -> Instruction:
    if state.undoing:
        return _next_undo(state, runbook)
    if state.position >= len(runbook.spec.steps):
        return _closing(state, runbook, "succeeded", "every step succeeded")
    return _next_step(state, runbook)


def _next_step(state: RunState, runbook: Runbook) -> Instruction:
    step = runbook.spec.steps[state.position]
    scope = _scope(state)
    try:
        wanted = render(step.when, scope) if isinstance(step.when, str) else step.when
        if wanted is not True and str(wanted).lower() != "true":
            return Skip(step=step.id, why=f"its condition {step.when} is {wanted}")
        question = _question(step, scope, state)
        if question is not None and not state.approved:
            return question
        return _act(state, step, step.action, parameters=render_all(step.parameters, scope), phase="run", scope=scope)
    except TemplateError as error:
        return _closing(state, runbook, "failed", f"step {step.id}: {error}")


def _question(step: Step, scope: Mapping[str, Any], state: RunState) -> Ask | None:
    approval = step.approval
    if approval is None or state.risks.get(step.action) == Risk.READ:
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
    )


def _act(state: RunState, step: Step, action: str, *, parameters: Json, phase: Phase, scope: Mapping[str, Any]) -> Act:
    own = str(render(step.idempotency, scope)) if step.idempotency and phase == "run" else ""
    return Act(
        step=step.id,
        title=step.title or action,
        phase=phase,
        attempt=state.attempt,
        action=action,
        parameters=parameters,
        key=own or f"{state.run}:{step.id}:{phase}",
        timeout_s=step.timeout or LONGEST_ACT_S,
    )


def _next_undo(state: RunState, runbook: Runbook) -> Instruction:
    scope = _scope(state)
    for name in reversed(state.done):
        step = runbook.step(name)
        if step.rollback is None:
            continue
        try:
            parameters = render_all(step.rollback.parameters, scope)
        except TemplateError as error:
            return _closing(state, runbook, "failed", f"taking back {name}: {error}")
        return _act(state, step, step.rollback.action, parameters=parameters, phase="undo", scope=scope)
    return _closing(state, runbook, state.undoing["result"], state.undoing["reason"])


def _scope(state: RunState) -> Json:
    steps = {
        name: {**told, "output": {**told.get("output", {}), "ok": told["ok"]}} for name, told in state.outputs.items()
    }
    return {**state.scope, "steps": steps}


def _closing(state: RunState, runbook: Runbook, result: Result, reason: str) -> Finish:
    escalate = runbook.spec.escalate
    call = escalate is not None and (escalate.when == "always" or (escalate.when == "failed" and result != "succeeded"))
    touched = [
        step.id
        for step in runbook.spec.steps
        if state.outputs.get(step.id, {}).get("ok") and state.risks.get(step.action) != Risk.READ
    ]
    return Finish(
        result=result,
        reason=reason,
        escalate_to=escalate.to if call and escalate else "operators" if result not in ("succeeded",) else "",
        changed=bool(touched),
    )


def _finish(state: RunState, runbook: Runbook) -> Finish:
    return _closing(state, runbook, state.finished["result"], state.finished["reason"])
