"""What an incident's history says of a run's acts: begun, ended, standing still, or never touched anything."""

from collections.abc import Collection, Mapping
from typing import Any

from bot.errors import NotFoundError
from bot.flow.durable import Json
from bot.model.event import Event
from bot.model.guard_event import RunPaused, RunResumed
from bot.model.incident import Incident, RunView
from bot.model.step_event import StepEnded, StepStarted
from remediation.contract import Risk
from remediation.machine import Act, Fail
from remediation.registry import ACTIONS


def place_of_act(run: str, act: Act) -> str:
    """The name of an attempt, for keys."""
    return f"{run}:{act.step}:{act.phase}:{act.attempt}"


def ended_before(history: tuple[Event, ...], run: str, act: Act) -> StepEnded | None:
    """How this attempt ended, when it was recorded before a crash."""
    for event in history:
        body = event.body
        if isinstance(body, StepEnded) and body.envelope and _same(body, run, act):
            return body
    return None


def begun_before(history: tuple[Event, ...], run: str, act: Act) -> StepStarted | None:
    """Whether this attempt's intent stands in the history."""
    bodies = (event.body for event in reversed(history))
    return next((body for body in bodies if isinstance(body, StepStarted) and _same(body, run, act)), None)


def _same(body: StepStarted | StepEnded, run: str, act: Act) -> bool:
    return (body.run, body.step, body.phase, body.attempt) == (run, act.step, act.phase, act.attempt)


def incident_of(run: str) -> str:
    """The incident of a run id such as INC-7-R2; raises NotFoundError when the id is none."""
    incident, mark, number = run.rpartition("-R")
    if not mark or not number.isdigit():
        raise NotFoundError(f"{run!r} names no run", hint="runs are named like INC-7-R1")
    return incident


def step_of(name: str) -> str:
    """The step of an act: `drain`, also for its act on the second item, `drain.2`."""
    return name.partition(".")[0]


def skip_of(view: Incident, run: str, instruction: Act | Fail) -> str | None:
    """Who wants the step of this instruction passed over and why; what was done is taken back all the same."""
    if isinstance(instruction, Act) and instruction.phase == "undo":
        return None
    return view.runs[run].skips.get(step_of(instruction.step))


def only_looks(act: Act) -> bool:
    """Whether an act of a run changes nothing, so that it can be broken off at any time."""
    known = ACTIONS.get(act.action)
    return act.phase == "run" and known is not None and known.risk is Risk.READ


def under_way(history: tuple[Event, ...], run: str, step: str) -> StepStarted | None:
    """The act of a step that was begun and has not ended."""
    bodies = (event.body for event in reversed(history))
    of_run = (body for body in bodies if isinstance(body, StepStarted | StepEnded) and body.run == run)
    last = next((body for body in of_run if step_of(body.step) == step_of(step)), None)
    return last if isinstance(last, StepStarted) and last.phase == "run" else None


def not_done(history: tuple[Event, ...], run: str) -> frozenset[str]:
    """The steps of a run that were passed over or turned away."""
    bodies = (event.body for event in history)
    of_run = (body for body in bodies if isinstance(body, StepEnded) and body.run == run)
    return frozenset(step_of(body.step) for body in of_run if body.outcome in ("skipped", "refused"))


def standing_without(plan: Mapping[str, Any], step: str, passed: Collection[str]) -> tuple[str, ...]:
    """The earlier steps of a plan that only `step` takes back, so that what they did stands when it is skipped.

    `passed` are steps of which nothing is to be taken back.
    """
    steps = [each for each in plan.get("steps", []) if step_of(each["id"]) not in passed or step_of(each["id"]) == step]
    places = [at for at, each in enumerate(steps) if step_of(each["id"]) == step]
    if not places:
        return ()
    back, later = str(steps[places[0]]["action"]), {str(each["action"]) for each in steps[places[-1] + 1 :]}
    early = (each for each in steps[: places[0]] if each["action"] in ACTIONS)
    names = (step_of(each["id"]) for each in early if ACTIONS[each["action"]].compensation == back)
    return () if back in later else tuple(dict.fromkeys(names))


def begun_as(run: RunView) -> Json:
    """What was decided when this run began before a crash."""
    refused = run.ended_at is not None and run.started_at is None
    return {"ok": not refused, "verify": False}


def standing(history: tuple[Event, ...], run: str) -> bool:
    """Whether a run stands still before an act because of a pause."""
    bodies = (event.body for event in reversed(history))
    last = next((body for body in bodies if isinstance(body, RunPaused | RunResumed) and body.run == run), None)
    return isinstance(last, RunPaused)


def touched(history: tuple[Event, ...], run: str) -> bool:
    """Whether the run has begun any act that may have changed something."""
    bodies = (event.body for event in history)
    return any(
        isinstance(body, StepStarted) and body.run == run and ACTIONS[body.action].risk is not Risk.READ
        for body in bodies
    )
