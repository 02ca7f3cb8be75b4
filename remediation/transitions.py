"""How a run's state changes once an instruction came to something; pure and deterministic as `remediation.machine`."""

from dataclasses import replace
from typing import Any

from remediation.contract import Risk
from remediation.instructions import Act, Ask, AskOutcome, Instruction, Json, Result, RunState, Skip, Wait
from remediation.schema import Runbook, Step


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
        outputs = _with(state, act.step, **_told(result)) if act.phase == "run" else state.outputs
        return replace(state, asking=asking.to_json(), outputs=outputs)
    if act.phase == "undo":
        return _undone(state, act, ok=result["ok"], error=result["error"])
    state = replace(state, outputs=_with(state, act.step, **_told(result)))
    return _advance(state) if result["ok"] else _failed(state, act, result)


def _failed(state: RunState, act: Act, result: Json) -> RunState:
    step = Runbook.model_validate(state.runbook).step(act.step)
    if result["retryable"] and result["happened"] is False and act.attempt < step.retry.attempts:
        return _again(state, step, act.attempt)
    return _after_failure(state, step, result["error"])


def _again(state: RunState, step: Step, attempt: int) -> RunState:
    pause = min(step.retry.max_backoff, step.retry.backoff * 2 ** (attempt - 1))
    return replace(state, attempt=attempt + 1, waiting=pause)


def _after_failure(state: RunState, step: Step, error: str) -> RunState:
    reason = f"step {step.id}: {error}"
    if step.on_failure == "continue":
        return _advance(state)
    if step.on_failure == "rollback":
        return _back(state, "rolled back", reason)
    if step.on_failure.startswith("goto:"):
        return _jumped(state, step.on_failure.removeprefix("goto:"), reason)
    return replace(state, finished={"result": "failed", "reason": reason})


def _jumped(state: RunState, target: str, reason: str) -> RunState:
    """Onward to a later step. Going back would repeat acts under keys that are used up, perhaps for ever."""
    steps = [each["id"] for each in state.runbook["spec"]["steps"]]
    if target in steps[state.position + 1 :]:
        return replace(_advance(state), position=steps.index(target, state.position + 1))
    return replace(state, finished={"result": "failed", "reason": f"{reason}; no later step is called {target}"})


def _settled(state: RunState, question: AskOutcome, result: Json) -> RunState:
    state = replace(state, asking={})
    happened = result["happened"]
    if question.phase == "undo":
        word = "nobody knows whether it happened" if happened is None else "a person says that it did not happen"
        return _undone(state, question, ok=happened is True, error=word)
    if happened is None:
        return _back(state, "aborted", "stopped while an outcome was unknown")
    if happened:
        told = {**state.outputs.get(question.step, {}), "ok": True}
        return _advance(replace(state, outputs={**state.outputs, question.step: told}))
    done = [step for step in state.done if step != question.step]
    step = Runbook.model_validate(state.runbook).step(question.step)
    if question.attempt < step.retry.attempts:
        return _again(replace(state, done=done), step, question.attempt)
    return _after_failure(replace(state, done=done), step, "a person says that it did not happen")


def _undone(state: RunState, act: Act | AskOutcome, *, ok: bool, error: str) -> RunState:
    if ok:
        return replace(state, done=[step for step in state.done if step != act.step], attempt=1)
    reason = f"taking back {act.step} failed: {error}; what came before it still stands"
    return replace(state, undoing={}, finished={"result": "failed", "reason": reason, "page": True})


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
