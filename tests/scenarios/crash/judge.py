"""What a story must hold to, whatever was killed in it: nothing lost, nothing done twice, nothing unexplained."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from bot.model.event import (
    ActRefused,
    ApprovalAnswered,
    Escalated,
    Event,
    IncidentOpened,
    PostmortemPublished,
    RunStarted,
)
from bot.model.step_event import OutcomeAsked, RunEnded, StepEnded, StepStarted

Kind = Literal["lost", "doubled", "unexplained"]
Job = dict[str, Any]


@dataclass(frozen=True)
class Left:
    """What a story left behind in the store and at the controller."""

    events: tuple[Event, ...]
    workflows: dict[str, str]
    """DBOS's status of each."""
    locks: int
    jobs: list[Job] = field(default_factory=list)


@dataclass(frozen=True)
class Violation:
    """A promise that was broken."""

    kind: Kind
    what: str


def judge(left: Left, runbook: str) -> list[Violation]:
    """Every violation of a story that came to its end."""
    return [
        *(Violation("lost", what) for what in _lost(left, runbook)),
        *(Violation("doubled", what) for what in _doubled(left)),
        *(Violation("unexplained", what) for what in _unexplained(left)),
    ]


def bodies(events: Sequence[Event], kind: type[Any]) -> list[Any]:
    """The bodies of one kind."""
    return [event.body for event in events if isinstance(event.body, kind)]


def _lost(left: Left, runbook: str) -> Iterator[str]:
    if not any(ended.runbook == runbook for ended in bodies(left.events, RunEnded)):
        yield f"{runbook} never ended"
    for workflow, status in left.workflows.items():
        if status != "SUCCESS":
            yield f"workflow {workflow} is {status}"
    if left.locks:
        yield f"{left.locks} locks are still held"


def _doubled(left: Left) -> Iterator[str]:
    """Each intent, outcome and answer once; at the controller each operation once per begun step, under its key."""
    for kind in (IncidentOpened, RunStarted, RunEnded, PostmortemPublished):
        found = (event for event in left.events if isinstance(event.body, kind))
        names = [getattr(event.body, "run", event.incident) for event in found]
        yield from (f"{kind.__name__} {name} {count} times" for name, count in Counter(names).items() if count > 1)
    for kind in (StepStarted, StepEnded):
        places = Counter((body.run, body.step, body.phase, body.attempt) for body in bodies(left.events, kind))
        yield from (f"{kind.__name__} {place} {count} times" for place, count in places.items() if count > 1)
    answers = Counter((body.run, body.step) for body in bodies(left.events, ApprovalAnswered))
    yield from (f"{place} was approved {count} times" for place, count in answers.items() if count > 1)
    yield from _repeated(left)


def _repeated(left: Left) -> Iterator[str]:
    began = bodies(left.events, StepStarted)
    keys = {body.key for body in began}
    yield from (
        f"{job['operation']} under {job['key']}, which no step began" for job in left.jobs if job["key"] not in keys
    )
    intended = Counter(action for action, _ in {(body.action, body.key) for body in began})
    done = Counter(job["operation"] for job in left.jobs)
    for operation, count in done.items():
        if count > intended[operation]:
            yield f"{operation} was done {count} times for {intended[operation]} steps"


def _unexplained(left: Left) -> Iterator[str]:
    explained = {
        (body.run, body.step, body.phase, body.attempt)
        for kind in (StepEnded, OutcomeAsked)
        for body in bodies(left.events, kind)
    }
    for body in bodies(left.events, StepStarted):
        if (body.run, body.step, body.phase, body.attempt) not in explained:
            yield f"{body.phase} {body.step} of {body.run}, attempt {body.attempt}, has no outcome"
    for ended in bodies(left.events, RunEnded):
        if ended.result != "succeeded" and not bodies(left.events, Escalated):
            yield f"{ended.run} ended {ended.result} and nobody was told"
    for job in left.jobs:
        told = [body for body in bodies(left.events, StepEnded) if body.envelope]
        if job["state"] == "succeeded" and not told:
            yield f"{job['operation']} happened and no step says so"


def result(left: Left) -> str:
    """How the runs ended and what was done, to be held against another story of the same fault."""
    runs = [f"{body.runbook} {body.result}" for body in bodies(left.events, RunEnded)]
    return f"{', '.join(runs)}: {', '.join(job['operation'] for job in left.jobs)}"


def reasons(left: Left) -> str:
    """Why the runs ended as they did, and what was refused."""
    ended = [f"{body.runbook}: {body.reason}" for body in bodies(left.events, RunEnded)]
    refused = [f"{body.step} refused by {body.guard}: {body.reason}" for body in bodies(left.events, ActRefused)]
    failed = [f"{body.step} {body.outcome}: {body.error}" for body in bodies(left.events, StepEnded) if body.error]
    return "; ".join([*ended, *refused, *failed])


def account(left: Left) -> str:
    """Every event on a line."""
    return "\n".join(f"{event.seq} {msgspec.json.encode(event.body).decode()[:300]}" for event in left.events)
