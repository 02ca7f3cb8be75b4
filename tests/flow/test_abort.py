"""A run that only waits and looks ends at once when a person wants it to, and what it did is taken back."""

import time
from pathlib import Path
from typing import Any

from bot.http import free_port
from bot.model.person import Person
from bot.model.step_event import AbortAsked, RunEnded, StepEnded, StepStarted
from tests.flow.stage import BOB, Stage, release, runbook, staged, throttle

OTTO = Person(id="cli:otto", name="Otto", roles=("operator",))
UNDO = {"rollback": {"action": "flow.unthrottle", "with": {"link": "{{ inputs.place }}"}}}
LONG = "10h"
"""Ten minutes in real seconds at 60 simulated seconds in one, so that nothing here waits it out."""
SOON_S = 10.0
"""Real seconds in which a wish must be heard; the wait that it ends would last 600."""


def waits(**more: Any) -> dict[str, Any]:
    """A step that waits for what never comes."""
    given = {
        "signal": "entanglement_pool_level",
        "link": "{{ inputs.place }}",
        "below": -1,
        "for": "5m",
        "within": LONG,
    }
    return {"id": "verify", "action": "telemetry.wait_until", "with": given, "timeout": "11h", **more}


async def under_way(stage: Stage, name: str, step: str = "verify") -> tuple[str, str]:
    """A run whose step is under way, and its incident."""
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, name)
    await stage.happened(incident, StepStarted, lambda body: body.step == step)
    return incident, run


async def ends(stage: Stage, incident: str) -> list[tuple[str, str, str]]:
    """How the steps ended, in order."""
    return [(body.step, body.outcome, body.error) for body in await stage.bodies(incident, StepEnded)]


async def test_an_abort_ends_a_long_wait_at_once_and_takes_back_what_was_done(tmp_path: Path) -> None:
    """The wait's outcome and the run's reason both say who stopped it and why."""
    async with staged(tmp_path, runbook("book", throttle(**UNDO), waits(on_failure="rollback"))) as stage:
        incident, run = await under_way(stage, "book")
        asked = time.monotonic()
        answer = await stage.bellhop.desk.abort(run, BOB, "the wrong link")
        assert answer.message == f"{run} stops before its next act; one that only looks ends now"
        ended = await stage.happened(incident, RunEnded)
        assert time.monotonic() - asked < SOON_S
        why = "stopped by cli:bob: the wrong link"
        assert (ended.result, ended.reason) == ("aborted", why)
        assert await ends(stage, incident) == [
            ("throttle", "succeeded", ""),
            ("verify", "stopped", why),
            ("throttle", "succeeded", ""),
        ]
        assert stage.acts == ["flow.throttle", "flow.unthrottle"]
        assert await stage.bodies(incident, AbortAsked) == [AbortAsked(run=run, reason="the wrong link")]


async def test_a_wait_is_skipped_while_it_is_under_way(tmp_path: Path) -> None:
    """It verifies, so it takes an approver who did not ask for the run; that goes on behind it and owes a review."""
    async with staged(tmp_path, runbook("book", waits(), release())) as stage:
        incident, run = await under_way(stage, "book")
        skip = stage.bellhop.desk.steering.skip
        assert (await skip(run, "verify", OTTO, "")).message == (
            "verify verifies the repair; to skip it Otto needs the role approver"
        )
        answer = await skip(run, "verify", BOB, "the probe is broken")
        assert answer.message == f"verify of {run} is passed over now"
        ended = await stage.happened(incident, RunEnded)
        assert ended.result == "succeeded"
        told = "skipped by cli:bob: the probe is broken"
        assert await ends(stage, incident) == [("verify", "skipped", told), ("release", "succeeded", "")]
        report = await stage.bellhop.desk.postmortem(incident, "md")
        assert "Review: cli:bob skipped the verification verify" in report.replace("\\", "")


async def test_a_branch_that_waits_is_broken_off_and_its_neighbour_is_done_to_its_end(tmp_path: Path) -> None:
    """Both began together; only the one that acts has something to take back."""
    group = {"id": "both", "parallel": [throttle(**UNDO), waits()]}
    async with staged(tmp_path, runbook("book", group)) as stage:
        incident, run = await under_way(stage, "book")
        await stage.happened(incident, StepStarted, lambda body: body.step == "throttle")
        await stage.bellhop.desk.abort(run, BOB, "enough")
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, ended.reason) == ("aborted", "stopped by cli:bob: enough")
        assert stage.acts == ["flow.throttle", "flow.unthrottle"]


async def test_an_act_is_never_broken_off_and_then_taken_back_also_when_it_was_the_last_one(tmp_path: Path) -> None:
    """The controller finishes what it was asked for; the run ends aborted though no other act is left."""
    async with staged(tmp_path, runbook("book", throttle(**UNDO))) as stage:
        incident, run = await under_way(stage, "book", "throttle")
        assert (await stage.bellhop.desk.abort(run, BOB, "enough")).done
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, ended.reason) == ("aborted", "stopped by cli:bob: enough")
        assert (await ends(stage, incident))[0] == ("throttle", "succeeded", "")
        assert stage.acts == ["flow.throttle", "flow.unthrottle"]


async def test_an_abort_given_while_the_bot_is_dead_ends_the_wait_that_it_died_in(tmp_path: Path) -> None:
    """Said on the command line, which opens the same store; the bot that comes back looks before it waits on."""
    book = runbook("book", throttle(**UNDO), waits())
    async with staged(tmp_path, book) as stage:
        incident, run = await under_way(stage, "book")
    async with staged(tmp_path, book, dead=lambda desk: desk.abort(run, BOB, "enough")) as stage:
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, ended.reason) == ("aborted", "stopped by cli:bob: enough")
        assert (await ends(stage, incident))[1][:2] == ("verify", "stopped")
        assert stage.acts == ["flow.unthrottle"]


async def test_a_skip_given_while_the_bot_is_dead_ends_the_wait_that_it_died_in(tmp_path: Path) -> None:
    """The step is passed over once, not waited for again."""
    book = runbook("book", waits(), release())
    async with staged(tmp_path, book) as stage:
        incident, run = await under_way(stage, "book")
    async with staged(tmp_path, book, dead=lambda desk: desk.steering.skip(run, "verify", BOB, "seen")) as stage:
        ended = await stage.happened(incident, RunEnded)
        assert ended.result == "succeeded"
        assert [each[:2] for each in await ends(stage, incident)] == [("verify", "skipped"), ("release", "succeeded")]
        assert len(await stage.bodies(incident, StepStarted)) == 2


def tries_again() -> dict[str, Any]:
    """A step that nobody answers, and that is to be tried again after hours."""
    return throttle(retry={"attempts": 3, "backoff": LONG, "max_backoff": LONG})


async def between_attempts(stage: Stage) -> tuple[str, str]:
    """A run that waits before its second attempt, and its incident."""
    incident, run = await under_way(stage, "book", "throttle")
    await stage.happened(incident, StepEnded, lambda body: body.outcome == "failed")
    return incident, run


async def test_an_abort_ends_the_wait_between_two_attempts(tmp_path: Path) -> None:
    """Nothing was done, so that nothing is taken back."""
    async with staged(tmp_path, runbook("book", tries_again()), controller=nobody()) as stage:
        incident, run = await between_attempts(stage)
        await stage.bellhop.desk.abort(run, BOB, "")
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, ended.reason) == ("aborted", "stopped by cli:bob: no reason given")
        assert len(await stage.bodies(incident, StepStarted)) == 1


async def test_a_step_that_waits_for_its_next_attempt_is_skipped(tmp_path: Path) -> None:
    """Its last attempt surely did nothing; the run goes on behind it."""
    async with staged(tmp_path, runbook("book", tries_again()), controller=nobody()) as stage:
        incident, run = await between_attempts(stage)
        assert (await stage.bellhop.desk.steering.skip(run, "throttle", BOB, "by hand")).done
        assert (await stage.happened(incident, RunEnded)).result == "succeeded"
        assert [each[1] for each in await ends(stage, incident)] == ["failed", "skipped"]
        assert len(await stage.bodies(incident, StepStarted)) == 1


def nobody() -> dict[str, str]:
    """A controller at an address at which nobody listens."""
    return {"kind": "simulator", "url": f"http://127.0.0.1:{free_port()}"}
