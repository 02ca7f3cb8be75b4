"""The interpreter of runs: pure, deterministic, without clock or network. It says what comes next; others do it.

A state is the runbook's snapshot plus the list of what was instructed and what came of it; the next instruction
follows from these alone, so that a replay after a crash takes the same path.
"""

from collections.abc import Mapping
from dataclasses import replace
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
from remediation.plan import Plan, PlanFacts
from remediation.schema import Runbook, Step
from remediation.template import render, render_all

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
    if state.count >= _MOST_INSTRUCTIONS and not state.asking:
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


def record(state: RunState, instruction: Instruction, result: Json) -> RunState:
    """The state after `instruction` came to `result`."""
    state = replace(state, count=state.count + 1)
    match instruction:
        case Skip():
            return _advance(replace(state, outputs=_with(state, instruction.step, ok=False, skipped=True)))
        case Wait():
            return replace(state, waiting=0.0)
        case Ask():
            return _asked(state, instruction, result)
        case AskOutcome():
            return _settled(state, instruction, result)
        case Act():
            return _acted(state, instruction, result)
    return state


def abort(state: RunState, why: str) -> RunState:
    """Stop before the next act: take back what was done, newest first."""
    return _back(state, "aborted", why)


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
    required = render(approval.required, scope) if isinstance(approval.required, str) else approval.required
    if required is False or str(required).lower() == "false":
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


def _asked(state: RunState, question: Ask, result: Json) -> RunState:
    match result["decision"]:
        case "approved":
            return replace(state, approved=True)
        case "rejected":
            return _back(state, "rejected", f"{question.step} was rejected by {', '.join(result['by'])}")
        case "aborted":
            return _back(state, "aborted", result.get("why") or "stopped by hand")
    if question.on_timeout == "proceed":
        return replace(state, approved=True)
    return _back(state, "stopped", f"nobody decided about {question.step} in time")


def _acted(state: RunState, act: Act, result: Json) -> RunState:
    touched = state.risks.get(act.action) != Risk.READ and result["happened"] is not False
    if act.phase == "run" and touched and act.step not in state.done:
        state = replace(state, done=[*state.done, act.step])
    if not result["ok"] and result["happened"] is None:
        asking = AskOutcome(step=act.step, phase=act.phase, attempt=act.attempt, reason=result["error"])
        return replace(state, asking=asking.to_json(), outputs=_with(state, act.step, **_told(result)))
    if act.phase == "undo":
        return _undone(state, act, ok=result["ok"], error=result["error"])
    state = replace(state, outputs=_with(state, act.step, **_told(result)))
    return _advance(state) if result["ok"] else _failed(state, act, result)


def _failed(state: RunState, act: Act, result: Json) -> RunState:
    step = Runbook.model_validate(state.runbook).step(act.step)
    if result["retryable"] and act.attempt < step.retry.attempts:
        pause = min(step.retry.max_backoff, step.retry.backoff * 2 ** (act.attempt - 1))
        return replace(state, attempt=act.attempt + 1, waiting=pause)
    return _after_failure(state, step, result["error"])


def _after_failure(state: RunState, step: Step, error: str) -> RunState:
    reason = f"step {step.id}: {error}"
    if step.on_failure == "continue":
        return _advance(state)
    if step.on_failure == "rollback":
        return _back(state, "rolled back", reason)
    if step.on_failure.startswith("goto:"):
        steps = [each["id"] for each in state.runbook["spec"]["steps"]]
        place = steps.index(step.on_failure.removeprefix("goto:"))
        return replace(_advance(state), position=place)
    return replace(state, finished={"result": "failed", "reason": reason})


def _settled(state: RunState, question: AskOutcome, result: Json) -> RunState:
    state = replace(state, asking={})
    happened = result["happened"]
    if happened is None:
        return _back(replace(state, undoing={}), "aborted", "stopped while an outcome was unknown")
    if question.phase == "undo":
        act_error = "" if happened else "a person says that it did not happen"
        return _undone(state, question, ok=happened, error=act_error)
    if happened:
        told = {**state.outputs.get(question.step, {}), "ok": True}
        return _advance(replace(state, outputs={**state.outputs, question.step: told}))
    done = [step for step in state.done if step != question.step]
    step = Runbook.model_validate(state.runbook).step(question.step)
    if question.attempt < step.retry.attempts:
        return replace(state, done=done, attempt=question.attempt + 1, waiting=step.retry.backoff)
    return _after_failure(replace(state, done=done), step, "a person says that it did not happen")


def _undone(state: RunState, act: Act | AskOutcome, *, ok: bool, error: str) -> RunState:
    if ok:
        return replace(state, done=[step for step in state.done if step != act.step], attempt=1)
    reason = f"taking back {act.step} failed: {error}; what came before it still stands"
    return replace(state, undoing={}, finished={"result": "failed", "reason": reason, "page": True})


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


def _back(state: RunState, result: Result, reason: str) -> RunState:
    steps = Runbook.model_validate(state.runbook)
    undoable = [name for name in state.done if steps.step(name).rollback is not None]
    return replace(
        state, undoing={"result": result, "reason": reason}, done=undoable, attempt=1, waiting=0.0, asking={}
    )


def _advance(state: RunState) -> RunState:
    return replace(state, position=state.position + 1, attempt=1, approved=False)


def _with(state: RunState, step: str, **told: Any) -> Json:  # noqa: ANN401 - JSON
    return {**state.outputs, step: told}


def _told(result: Json) -> Json:
    return {"ok": result["ok"], "output": result["output"], "before": result["before"], "error": result["error"]}


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
