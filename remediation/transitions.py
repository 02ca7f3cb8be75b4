"""How a run's state changes once an instruction came to something; pure and deterministic as `remediation.machine`."""

import itertools
from dataclasses import replace

from remediation.contract import Risk
from remediation.instructions import (
    Act,
    Ask,
    AskOutcome,
    Fail,
    Instruction,
    Json,
    Result,
    RunState,
    Skip,
    Together,
    Wait,
)
from remediation.schema import Branch, Group, Retry, Runbook

_UNDO_ATTEMPTS = 3
_DENIED = "a person says that it did not happen"
_DOES_NOT_HOLD = "a person says that what it looks for does not hold"


def record(state: RunState, instruction: Instruction, result: Json) -> RunState:
    """The state after `instruction` came to `result`."""
    state = replace(state, count=state.count + 1)
    match instruction:
        case Skip() | Fail():
            return _not_begun(state, instruction)
        case Wait():
            return replace(state, waiting=0.0)
        case Ask():
            return _asked(state, instruction, result)
        case AskOutcome():
            return _settled(state, instruction, result)
        case Act() | Together():
            return _joined(state, instruction, result)
    return state


def abort(state: RunState, why: str) -> RunState:
    """Stop before the next act: take back what was done, newest first, also where the last act has ended the run."""
    return _back(replace(state, finished={}), "aborted", why)


def _asked(state: RunState, question: Ask, result: Json) -> RunState:
    match result["decision"]:
        case "approved":
            return replace(state, approved=[*state.approved, question.step])
        case "rejected":
            return _back(state, "rejected", f"{question.step} was rejected by {', '.join(result['by'])}")
        case "aborted":
            return _back(state, "aborted", result.get("why") or "stopped by hand")
    if question.on_timeout == "proceed":
        return replace(state, approved=[*state.approved, question.step])
    if result.get("by"):
        return _back(state, "stopped", f"only {', '.join(result['by'])} approved {question.step} in time")
    return _back(state, "stopped", f"nobody decided about {question.step} in time")


def _not_begun(state: RunState, instruction: Skip | Fail) -> RunState:
    """A step that is skipped is over; one that cannot be begun has failed, and nothing of its group is begun then."""
    name, why = instruction.step, instruction.why
    if isinstance(instruction, Skip):
        return _over(replace(state, outputs=_with(state, name, _told({"skipped": True}))), name)
    state = replace(state, outputs=_with(state, name, _told({"error": why}, instruction.each)))
    runbook = Runbook.model_validate(state.runbook)
    group = runbook.group(name)
    if group is not None and runbook.step(name).on_failure == "stop":
        return _group_over(state, group, [name])
    return _after_failure(state, name, why)


def _joined(state: RunState, instruction: Act | Together, result: Json) -> RunState:
    """One act is over, or several: these one after the other in the order in which they ended."""
    if isinstance(instruction, Act):
        return _acted(state, instruction, result)
    pairs = zip(instruction.acts, result["acts"], strict=True)
    ended = sorted(pairs, key=lambda pair: float(pair[1].get("at", 0.0)))
    for act, envelope in ended:
        state = _noted(state, act, envelope)
    for act, envelope in ended:
        state = _acted(state, act, envelope)
    return state


def _noted(state: RunState, act: Act, result: Json) -> RunState:
    """With an act that may have changed something among what is to be taken back."""
    touched = state.risks.get(act.action) != Risk.READ and result["happened"] is not False
    if act.phase != "run" or not touched or act.step in state.done:
        return state
    return replace(state, done=[*state.done, act.step])


def _acted(state: RunState, act: Act, result: Json) -> RunState:
    state = _noted(state, act, result)
    outputs = _with(state, act.step, _told(result, act.each)) if act.phase == "run" else state.outputs
    if not result["ok"] and result["happened"] is None:
        asking = AskOutcome(step=act.step, phase=act.phase, attempt=act.attempt, reason=result["error"])
        return replace(state, asking=[*state.asking, asking.to_json()], outputs=outputs)
    if act.phase == "undo":
        return _undo_ended(state, act, result)
    state = replace(state, outputs=outputs)
    return _over(state, act.step) if result["ok"] else _failed(state, act, result)


def _failed(state: RunState, act: Act, result: Json) -> RunState:
    step = Runbook.model_validate(state.runbook).step(act.step)
    if result["retryable"] and result["happened"] is False and act.attempt < step.retry.attempts:
        return _again(state, act, step.retry)
    if result.get("unclear") and _acts_because(state, act.step):
        reason = f"{result['error']}; nothing follows from that unless somebody says that it does not hold"
        asking = AskOutcome(step=act.step, phase=act.phase, attempt=act.attempt, reason=reason, looks=True)
        return replace(state, asking=[*state.asking, asking.to_json()])
    return _after_failure(state, act.step, result["error"])


def _acts_because(state: RunState, name: str) -> bool:
    """Whether something is done to the network because this step fails: acts are taken back, or others follow."""
    runbook = Runbook.model_validate(state.runbook)
    step, group = runbook.step(name), runbook.group(name)
    follows = group.on_failure if group is not None and step.on_failure != "continue" else step.on_failure
    if follows.startswith("goto:"):
        return _acts_from(state, runbook, follows.removeprefix("goto:"))
    return follows == "rollback" and any(runbook.step(each).rollback is not None for each in state.done)


def _acts_from(state: RunState, runbook: Runbook, name: str) -> bool:
    """Whether any step from this one on may change something."""
    parts = list(itertools.dropwhile(lambda part: part.id != name, runbook.spec.steps))
    acts = itertools.chain.from_iterable(part.parallel if isinstance(part, Group) else (part,) for part in parts)
    return any(state.risks.get(act.action) != Risk.READ for act in acts)


def _again(state: RunState, act: Act | AskOutcome, retry: Retry) -> RunState:
    pause = min(retry.max_backoff, retry.backoff * 2 ** (act.attempt - 1))
    attempts = {**state.attempts, act.step: act.attempt + 1}
    return replace(state, attempts=attempts, waiting=max(pause, state.waiting))


def _after_failure(state: RunState, name: str, error: str) -> RunState:
    step = Runbook.model_validate(state.runbook).step(name)
    if isinstance(step, Branch) or step.on_failure == "continue":
        return _over(state, name)
    return _follow(state, step.on_failure, f"step {name}: {error}")


def _follow(state: RunState, on_failure: str, reason: str) -> RunState:
    """What a step or group says for the case that it fails."""
    if on_failure == "continue":
        return _next(state)
    if on_failure == "rollback":
        return _back(state, "rolled back", reason)
    if on_failure.startswith("goto:"):
        return _jumped(state, on_failure.removeprefix("goto:"), reason)
    return replace(state, finished={"result": "failed", "reason": reason})


def _jumped(state: RunState, target: str, reason: str) -> RunState:
    """Onward to a later step. Going back would repeat acts under keys that are used up, perhaps for ever."""
    steps = [each["id"] for each in state.runbook["spec"]["steps"]]
    if target in steps[state.position + 1 :]:
        return replace(_next(state), position=steps.index(target, state.position + 1))
    return replace(state, finished={"result": "failed", "reason": f"{reason}; no later step is called {target}"})


def _settled(state: RunState, question: AskOutcome, result: Json) -> RunState:
    state = replace(state, asking=state.asking[1:])
    happened = result["happened"]
    if question.phase == "undo":
        word = "nobody knows whether it happened" if happened is None else _DENIED
        return _undone(state, question, ok=happened is True, error=word)
    if happened is None:
        return _back(state, "aborted", f"{result.get('why', 'stopped')} while an outcome was unknown")
    told, denied = state.outputs[question.step], _DOES_NOT_HOLD if question.looks else _DENIED
    if happened:
        return _over(replace(state, outputs=_with(state, question.step, {**told, "ok": True})), question.step)
    done = [name for name in state.done if name != question.step or name in state.carried]
    state = replace(state, done=done, outputs=_with(state, question.step, {**told, "error": denied}))
    step = Runbook.model_validate(state.runbook).step(question.step)
    if question.attempt < step.retry.attempts and not question.looks:
        return _again(state, question, step.retry)
    return _after_failure(state, question.step, denied)


def _undo_ended(state: RunState, act: Act, result: Json) -> RunState:
    """Taking back is tried again where it surely did not happen: what stands half taken back is worse than a wait."""
    retry = Runbook.model_validate(state.runbook).step(act.step).retry
    attempts = max(retry.attempts, _UNDO_ATTEMPTS)
    if not result["ok"] and result["retryable"] and result["happened"] is False and act.attempt < attempts:
        return _again(state, act, retry)
    return _undone(state, act, ok=result["ok"], error=result["error"])


def _undone(state: RunState, act: Act | AskOutcome, *, ok: bool, error: str) -> RunState:
    if ok:
        return replace(state, done=[name for name in state.done if name != act.step])
    finished = {"result": "failed", "reason": half_taken_back(state, act.step, error)}
    return replace(state, undoing={}, finished=finished)


def half_taken_back(state: RunState, name: str, error: str) -> str:
    """Why taking back ended at an act, what still stands, and why it was to be taken back."""
    runbook = Runbook.model_validate(state.runbook)
    standing = [each for each in state.done if each != name and runbook.step(each).rollback is not None]
    also = f"; {', '.join(standing)} still {'stand' if len(standing) > 1 else 'stands'}" if standing else ""
    return f"taking back {name} failed: {error}{also}; it was to be taken back because: {state.undoing['reason']}"


def _back(state: RunState, result: Result, reason: str) -> RunState:
    runbook = Runbook.model_validate(state.runbook)
    undoable = [name for name in state.done if runbook.step(name).rollback is not None]
    undoing = {"result": result, "reason": reason}
    return replace(state, undoing=undoing, done=undoable, attempts={}, waiting=0.0, asking=[])


def _over(state: RunState, name: str) -> RunState:
    """Past an act: to the next item of its foreach, or past its step; a group waits for the last of its branches."""
    group = Runbook.model_validate(state.runbook).group(name)
    if group is not None:
        state = replace(state, closed=[*state.closed, name])
        left = [each.id for each in group.parallel if each.id not in state.closed]
        return state if left else _group_over(state, group, [each.id for each in group.parallel])
    loop = state.outputs[name]["each"].get("loop", {"index": 1, "length": 1})
    if loop["index"] < loop["length"]:
        return replace(state, item=loop["index"], attempts={})
    return _next(state)


def _group_over(state: RunState, group: Group, names: list[str]) -> RunState:
    """Past a group, of which these branches are over."""
    told = {name: state.outputs[name] for name in names}
    excused = {each.id for each in group.parallel if each.on_failure == "continue"}
    failed = [name for name in names if not (told[name]["ok"] or told[name]["skipped"] or name in excused)]
    reason = "; ".join(f"step {name}: {told[name]['error']}" for name in failed)
    state = replace(state, outputs=_with(state, group.id, _told({"ok": not failed, "error": reason})))
    return _follow(state, group.on_failure, reason) if failed else _next(state)


def _next(state: RunState) -> RunState:
    return replace(state, position=state.position + 1, item=0, closed=[], attempts={}, approved=[])


def _with(state: RunState, name: str, told: Json) -> Json:
    return {**state.outputs, name: told}


def _told(result: Json, each: Json | None = None) -> Json:
    """What templates of later steps may know of an act, and what it was done for."""
    blank: Json = {"ok": False, "output": {}, "before": {}, "error": "", "skipped": False}
    return {**{name: result.get(name, value) for name, value in blank.items()}, "each": each or {}}
