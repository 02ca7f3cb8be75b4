"""What an ended run leaves to its retry, read from the incident's history: outcomes, acts that stand, where it ended.

Pure. What cannot be told for certain is said to be so, and then nothing is carried over.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from bot.flow.durable import Json
from bot.flow.past import step_of
from bot.model.event import ApprovalAsked, Event
from bot.model.incident import Incident
from bot.model.step_event import OutcomeTold, StepEnded, StepStarted
from remediation.contract import Risk
from remediation.registry import ACTIONS
from remediation.retrying import is_over, merged, names_in, place_of
from remediation.schema import Runbook, Step

Told = dict[str, Json]


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes by act; `done` are the acts that may stand and have a way back, newest last.

    `place` is where it ended, among the parts of the runbook; `doubt` says why nothing of this is certain.
    """

    told: Told = {}
    done: tuple[str, ...] = ()
    place: int = 0
    taken_back: bool = False
    doubt: str = ""


def left_by(view: Incident, history: Sequence[Event], run: str, runbook: Runbook) -> Left:
    """What a run left, with what it took over from the run that it retried."""
    known = view.runs[run]
    before = left_by(view, history, known.retry_of, runbook) if known.retry_of in view.runs else Left()
    began = (place_of(runbook, known.begins_at) or 0) if known.begins_at else 0
    early = {name: told for name, told in before.told.items() if (place_of(runbook, step_of(name)) or 0) < began}
    bodies = [event.body for event in history]
    own = [body for body in bodies if isinstance(body, _OF_ACTS) and body.run == run and _phase(body) == "run"]
    told, done = {**early, **{name: before.told[name] for name in before.done}}, list(before.done)
    for body in own:
        _fold(body, told, done, before, runbook)
    undoing = [body for body in bodies if isinstance(body, _OF_ACTS) and body.run == run and _phase(body) == "undo"]
    back = {each.step for each in undoing if _taken_back(each)}
    return Left(
        told={} if undoing else told,
        done=tuple(name for name in done if name not in back),
        place=_place(own, told, began, runbook),
        taken_back=bool(undoing),
        doubt=_doubt(own),
    )


_OF_ACTS = (StepStarted, StepEnded, OutcomeTold, ApprovalAsked)
_Act = StepStarted | StepEnded | OutcomeTold | ApprovalAsked


def _phase(body: _Act) -> Literal["run", "undo"]:
    return "run" if isinstance(body, ApprovalAsked) else body.phase


def _taken_back(body: _Act) -> bool:
    """Whether an act of taking back was done, or a person says that it was."""
    if isinstance(body, OutcomeTold):
        return body.happened
    return isinstance(body, StepEnded) and body.outcome == "succeeded"


def _fold(body: _Act, told: Told, done: list[str], before: Left, runbook: Runbook) -> None:
    """One event further."""
    name = body.step
    if isinstance(body, StepEnded):
        again = _of_end(body)
        told[name] = merged(before.told[name], again) if name in before.done else again
        if _stands(body, runbook) and name not in done:
            done.append(name)
    elif isinstance(body, OutcomeTold) and name in told:
        told[name] = {**told[name], "ok": body.happened}
        if not body.happened and name in done and name not in before.done:
            done.remove(name)


def _of_end(body: StepEnded) -> Json:
    envelope = body.envelope
    return {
        "ok": bool(envelope.get("ok", False)),
        "output": dict(envelope.get("output", {})),
        "before": dict(envelope.get("before", {})),
        "error": body.error,
        "skipped": body.outcome == "skipped",
        "each": {},
    }


def _stands(body: StepEnded, runbook: Runbook) -> bool:
    """Whether an act may have changed something that has a way back."""
    step = runbook.step(body.step)
    acts = step.rollback is not None and ACTIONS[step.action].risk is not Risk.READ
    return acts and bool(body.envelope) and body.envelope.get("happened") is not False


def _place(own: Sequence[_Act], told: Told, began: int, runbook: Runbook) -> int:
    """The part in which the run ended: behind the last one that was touched, if that one is over."""
    last = max((place_of(runbook, step_of(body.step)) or 0 for body in own), default=None)
    if last is None:
        return began
    part = runbook.spec.steps[last]
    excused = isinstance(part, Step) and part.on_failure == "continue"
    ended = [name for name in names_in(runbook, last) if name in told and (excused or is_over(told[name]))]
    over = len(ended) == len(names_in(runbook, last)) and last + 1 < len(runbook.spec.steps)
    return last + 1 if over else last


def _doubt(own: Sequence[_Act]) -> str:
    """Which act nobody knows the outcome of, or nothing."""
    last = {body.step: body for body in own if not isinstance(body, ApprovalAsked)}
    open_ = (
        name
        for name, body in last.items()
        if isinstance(body, StepStarted) or (isinstance(body, StepEnded) and body.outcome == "unknown")
    )
    name = next(open_, "")
    return f"nobody knows whether {name} happened" if name else ""
