"""What an incident's history says of a run's acts: begun, ended, standing still, or never touched anything."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from bot.errors import NotFoundError
from bot.flow.durable import Json
from bot.model.event import Event
from bot.model.incident import Incident, RunView
from bot.model.step_event import StepEnded, StepStarted
from bot.store import Transaction
from remediation.contract import Risk
from remediation.machine import Act, Fail
from remediation.registry import ACTIONS


def place_of_act(run: str, act: Act) -> str:
    """The name of an attempt, for keys."""
    return f"{run}:{act.step}:{act.phase}:{act.attempt}"


def key_of_intent(run: str, act: Act) -> str:
    """Under which the beginning of an attempt stands in its incident."""
    return f"began:{place_of_act(run, act)}"


def key_of_outcome(run: str, act: Act) -> str:
    """Under which the end of an attempt stands in its incident."""
    return f"done:{place_of_act(run, act)}"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What the store says of an attempt when its turn comes; `ended` and `begun` were recorded before a crash."""

    view: Incident
    ended: StepEnded | None
    begun: StepStarted | None
    is_paused: bool


def attempt_of(view: Incident, transaction: Transaction, run: str, act: Act, *, is_paused: bool) -> Attempt:
    """Look an attempt up by the keys of its intent and its outcome, however long the history is."""
    keys = key_of_intent(run, act), key_of_outcome(run, act)
    bodies = [event.body for event in transaction.happened(view.id, keys).values()]
    ended = next((body for body in bodies if isinstance(body, StepEnded) and body.envelope), None)
    begun = next((body for body in bodies if isinstance(body, StepStarted)), None)
    return Attempt(view=view, ended=ended, begun=begun, is_paused=is_paused)


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


def changing(run: RunView) -> tuple[str, ...]:
    """The actions that the run has begun and that may have changed something."""
    return tuple(name for name in run.begun if name not in ACTIONS or ACTIONS[name].risk is not Risk.READ)


def takes_back(run: RunView, act: Act, place: str) -> bool:
    """Whether an act about `place` takes back what this run has done, as a way back or as a later step."""
    there = {each["action"] for each in run.plan.get("steps", []) if each.get("target") == place} & {*run.begun}
    back = {ACTIONS[name].compensation for name in there if name in ACTIONS and name != act.action}
    return act.phase == "undo" or act.action in back


def touched(run: RunView) -> bool:
    """Whether the run has begun any act that may have changed something."""
    return bool(changing(run))
