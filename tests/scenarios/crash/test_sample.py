"""A sample of `python -m tests.scenarios.crash.full`: bots that die at random points, and a judge that can say no."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.model.event import Event, IncidentOpened, RunStarted
from bot.model.network import Subject
from bot.model.step_event import RunEnded, StepEnded, StepStarted
from tests.scenarios.crash.judge import Left, judge

KILLS = 12
"""In one story; thirteen processes tell it."""
PATIENCE_S = 180.0
RUN, RUNBOOK = "INC-1-R1", "f1-excess-loss"
THROTTLE = {"operation": "flow.throttle", "key": f"{RUN}:throttle:run", "state": "succeeded"}


def sampled(store: str, runbook: str) -> dict[str, Any]:
    """What one story came to. In a process of its own: this one has threads, and cannot be forked."""
    arguments = ["--json", "--sample", str(KILLS), "--store", store, "--runbook", runbook]
    done = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.crash.full", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout, done.stderr[-3000:]
    row: dict[str, Any] = json.loads(done.stdout)
    return row


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "runbook"),
    [
        ("sqlite", "f8-thermal-event"),
        pytest.param("postgres", "f4-entanglement-exhaustion", marks=pytest.mark.needs("postgres")),
    ],
)
def test_nothing_is_lost_doubled_or_unexplained_where_bots_die(store: str, runbook: str) -> None:
    """Twelve SIGKILLs in one story, at points that a seed chooses."""
    row = sampled(store, runbook)
    assert [row["lost"], row["doubled"], row["unexplained"]] == [0, 0, 0], "\n".join(row["told"])
    assert row["kills"] == KILLS


def left(*bodies: Any, jobs: tuple[dict[str, Any], ...] = (), workflow: str = "SUCCESS") -> Left:
    """A story of one incident with these events."""
    opened = IncidentOpened(title="a title", severity="sev2", subject=Subject(kind="link", id="ams-rtm"))
    started = RunStarted(run=RUN, runbook=RUNBOOK, plan_hash="h")
    events = [
        Event(incident="INC-1", seq=seq, at=0.0, by="bellhop", body=body)
        for seq, body in enumerate((opened, started, *bodies), start=1)
    ]
    return Left(tuple(events), {RUN: workflow}, 0, list(jobs))


def begun(attempt: int = 1) -> StepStarted:
    """The intent to throttle."""
    key, action = THROTTLE["key"], THROTTLE["operation"]
    step = {"run": RUN, "step": "throttle", "title": "t", "phase": "run", "attempt": attempt}
    return StepStarted(**step, action=action, inputs={}, key=key)  # type: ignore[arg-type]


DONE = StepEnded(run=RUN, step="throttle", phase="run", attempt=1, outcome="succeeded", envelope={"ok": True})
ENDED = RunEnded(run=RUN, runbook=RUNBOOK, result="succeeded", reason="every step succeeded")


def test_a_story_that_holds_has_no_violation() -> None:
    """One intent, one act, one outcome, one end."""
    assert judge(left(begun(), DONE, ENDED, jobs=(THROTTLE,)), RUNBOOK) == []


@pytest.mark.parametrize(
    ("kind", "story"),
    [
        ("lost", left(begun(), DONE, jobs=(THROTTLE,))),
        ("lost", left(begun(), DONE, ENDED, jobs=(THROTTLE,), workflow="PENDING")),
        ("doubled", left(begun(), DONE, ENDED, jobs=(THROTTLE, {**THROTTLE, "key": "another"}))),
        ("doubled", left(begun(), DONE, begun(), ENDED, jobs=(THROTTLE,))),
        ("unexplained", left(begun(), ENDED, jobs=(THROTTLE,))),
        ("unexplained", left(begun(), DONE, RunEnded(run=RUN, runbook=RUNBOOK, result="failed", reason="r"))),
    ],
)
def test_the_judge_sees_each_broken_promise(kind: str, story: Left) -> None:
    """A run without end, an act without intent or twice, an act without outcome, a failure that nobody was told."""
    assert kind in {violation.kind for violation in judge(story, RUNBOOK)}
