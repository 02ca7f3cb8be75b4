"""People run again what ended without success: a new run that takes over what the first one did."""

import asyncio
from pathlib import Path
from typing import Any

from bot.model.event import ActRefused, ApprovalAsked, PlanProposed, PostmortemPublished
from bot.model.incident import Incident
from bot.model.step_event import RunEnded, StepEnded, StepStarted
from tests.flow.stage import ALICE, ASKED, BOB, DAVE, Stage, release, runbook, staged, throttle

UNDO = {"rollback": {"action": "flow.unthrottle", "with": {"link": "{{ inputs.place }}"}}}
NEVER = {"all": [{"signal": "entanglement_pool_level", "link": "{{ inputs.place }}", "below": -1}]}
ALWAYS = {"all": [{"signal": "entanglement_pool_level", "link": "{{ inputs.place }}", "above": -1}]}


def check(**more: Any) -> dict[str, Any]:
    """A step that looks and finds what it does not want."""
    return {"id": "verify", "action": "telemetry.check", "with": NEVER, "timeout": "1m", **more}


def asks(at: str, **more: Any) -> dict[str, Any]:
    """A step that asks people, and acts on the link that an earlier step's outcome allows."""
    given = {"link": "{{ inputs.place if steps.throttle.ok else 'nowhere' }}"}
    return release(id=at, **{"with": given}, **ASKED, **more)


async def ended(stage: Stage, name: str, result: str) -> tuple[str, str]:
    """A run that came to this end by itself, and its incident."""
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, name)
    await stage.happened(incident, RunEnded, lambda body: (body.run, body.result) == (run, result))
    return incident, run


async def retried(stage: Stage, run: str, step: str = "") -> str:
    """Its retry."""
    answer = await stage.bellhop.desk.steering.retry(run, ALICE, step)
    assert answer.done, answer.message
    return answer.message.split()[0]


async def view_of(stage: Stage, incident: str) -> Incident:
    """The incident as it stands."""
    return await stage.bellhop.desk.incident(incident)


async def test_a_retry_begins_where_the_run_ended_with_what_it_had_found_out(tmp_path: Path) -> None:
    """Rejected at its second step: that one is asked about anew, and its template sees the first one's outcome."""
    async with staged(tmp_path, runbook("book", throttle(), asks("free"))) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, ApprovalAsked)
        await stage.bellhop.desk.reject(run, "free", ALICE, plan_hash=None, key="no")
        await stage.happened(incident, RunEnded)
        again = await retried(stage, run)
        await stage.happened(incident, ApprovalAsked, lambda body: body.run == again)
        first, second = await stage.bodies(incident, PlanProposed)
        assert (second.run, second.retry_of, second.begins_at) == (f"{incident}-R2", run, "free")
        assert (second.cause, second.title) == (f"retry of {run}", "The runbook book, again from free")
        assert second.plan_hash != first.plan_hash
        old = await stage.bellhop.desk.approve(again, "free", BOB, plan_hash=first.plan_hash, key="old")
        assert not old.done
        own = await stage.bellhop.desk.approve(again, "free", ALICE, plan_hash=None, key="own")
        assert own.message == f"Alice asked for {again}; somebody else must approve free"
        assert (await stage.bellhop.desk.approve(again, "free", BOB, plan_hash=None, key="yes")).done
        await stage.happened(incident, RunEnded, lambda body: (body.run, body.result) == (again, "succeeded"))
        assert stage.acts == ["flow.throttle", "flow.unthrottle"]
        assert [body.step for body in await stage.bodies(incident, StepStarted) if body.run == again] == ["free"]


async def test_a_retry_may_begin_earlier_and_be_retried_itself(tmp_path: Path) -> None:
    """From the first step what succeeded is done again; the retry of the retry goes on where that one ended."""
    async with staged(tmp_path, runbook("book", throttle(**UNDO), check())) as stage:
        incident, run = await ended(stage, "book", "failed")
        second = await retried(stage, run, "throttle")
        await stage.happened(incident, RunEnded, lambda body: (body.run, body.result) == (second, "failed"))
        third = await retried(stage, second)
        await stage.happened(incident, RunEnded, lambda body: (body.run, body.result) == (third, "failed"))
        assert stage.acts == ["flow.throttle", "flow.throttle"]
        began = [(body.run, body.step) for body in await stage.bodies(incident, StepStarted)]
        assert began[2:] == [(second, "throttle"), (second, "verify"), (third, "verify")]


async def test_a_retry_that_is_aborted_takes_back_what_both_runs_did(tmp_path: Path) -> None:
    """The check fails; in the retry it is skipped, then the run is stopped while it waits for an approval."""
    book = runbook("book", throttle(**UNDO), {**release(id="hold", **ASKED)}, check())
    async with staged(tmp_path, book) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, ApprovalAsked)
        assert (await stage.bellhop.desk.steering.skip(run, "hold", BOB, "")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "failed")
        again = await retried(stage, run, "hold")
        await stage.happened(incident, ApprovalAsked, lambda body: body.run == again)
        assert stage.acts == ["flow.throttle"]
        await stage.bellhop.desk.abort(again, BOB, "enough")
        await stage.happened(incident, RunEnded, lambda body: (body.run, body.result) == (again, "aborted"))
        assert stage.acts == ["flow.throttle", "flow.unthrottle"]
        undone = [body for body in await stage.bodies(incident, StepEnded) if body.phase == "undo"]
        assert [(body.run, body.step, body.outcome) for body in undone] == [(again, "throttle", "succeeded")]
        third = await stage.bellhop.desk.steering.retry(again, ALICE, "hold")
        assert third.message == f"{again} was taken back; a retry begins at its first step, throttle"
        whole = await stage.bellhop.desk.steering.retry(again, ALICE)
        assert whole.message == f"{incident}-R3 (book, again from throttle) starts"


async def test_what_runs_or_succeeded_or_was_retried_is_refused(tmp_path: Path) -> None:
    """Each refusal says why; twice the same wish makes one run."""
    async with staged(tmp_path, runbook("waits", throttle(**ASKED)), runbook("fails", check())) as stage:
        retry = stage.bellhop.desk.steering.retry
        incident, run = await ended(stage, "fails", "failed")
        assert (
            await retry(run, DAVE)
        ).message == f"Dave needs a role to retry {run}: the configuration gives roles to people"
        assert (await retry(run, ALICE, "verfy")).message == f"{run} has no step verfy; its steps are verify"
        assert (await retry(f"{incident}-R9", ALICE)).message == f"{incident} has no run {incident}-R9"
        going = await stage.run(incident, "waits")
        await stage.happened(incident, ApprovalAsked)
        assert (await retry(going, ALICE)).message == f"{going} is still running; only what has ended can be retried"
        stop = f"wait for its end or stop it: bellhop runbook abort {going}"
        assert (await retry(run, ALICE)).message == f"{going} is still running; {stop}"
        await stage.bellhop.desk.abort(going, ALICE, "")
        await stage.happened(incident, RunEnded, lambda body: body.run == going)
        again = await retried(stage, run)
        assert (await retry(run, BOB)).message == f"{again} is the retry of {run}; look at that one"
        assert len((await view_of(stage, incident)).runs) == 3
        await stage.bellhop.desk.resolve(incident, ALICE, "over")
        await stage.happened(incident, PostmortemPublished)
        assert (await retry(going, ALICE)).message == f"{incident} is postmortem published; there is nothing to run"


async def test_a_retry_and_another_run_at_the_same_moment_are_not_both_accepted(tmp_path: Path) -> None:
    """Whoever comes second in the store is told what stands in the way, and how to stop it."""
    async with staged(tmp_path, runbook("fails", check()), runbook("other", release(**ASKED))) as stage:
        incident, run = await ended(stage, "fails", "failed")
        desk = stage.bellhop.desk
        answers = await asyncio.gather(desk.run(incident, ALICE, "other"), desk.steering.retry(run, BOB))
        assert sorted(each.done for each in answers) == [False, True]
        (refused,) = [each.message for each in answers if not each.done]
        assert f"bellhop runbook abort {incident}-R2" in refused
        assert len((await view_of(stage, incident)).runs) == 2


async def test_a_run_that_succeeded_is_not_retried(tmp_path: Path) -> None:
    """There is nothing to take up."""
    async with staged(tmp_path, runbook("fine", check(**{"with": ALWAYS}))) as stage:
        _, run = await ended(stage, "fine", "succeeded")
        answer = await stage.bellhop.desk.steering.retry(run, ALICE)
        assert answer.message == f"{run} succeeded; there is nothing to retry"


async def test_a_later_step_than_that_at_which_the_run_ended_is_refused(tmp_path: Path) -> None:
    """Nobody knows what the steps between would have found."""
    async with staged(tmp_path, runbook("book", check(), release())) as stage:
        _, run = await ended(stage, "book", "failed")
        answer = await stage.bellhop.desk.steering.retry(run, ALICE, "release")
        assert answer.message == f"{run} ended at verify; a retry begins there or earlier"


async def test_nothing_is_taken_over_once_another_run_has_acted(tmp_path: Path) -> None:
    """Taking back to what the first run found would undo the work of the other."""
    async with staged(tmp_path, runbook("book", throttle(**UNDO), check()), runbook("other", release())) as stage:
        incident, run = await ended(stage, "book", "failed")
        elsewhere = await stage.incident("link", "ams-rtm")
        other = await stage.run(elsewhere, "other")
        await stage.happened(elsewhere, RunEnded)
        answer = await stage.bellhop.desk.steering.retry(run, ALICE)
        assert answer.message == f"{other} has run since, and throttle may not be as {run} left it; run book afresh"
        assert len((await view_of(stage, incident)).runs) == 1


async def test_guards_are_asked_anew(tmp_path: Path) -> None:
    """A runbook that may run once an hour is not retried within it; the refusal stands in the incident."""
    book = runbook("book", check(), guard={"max_runs": {"count": 1, "per": "1h"}})
    async with staged(tmp_path, book) as stage:
        incident, run = await ended(stage, "book", "failed")
        again = await retried(stage, run)
        refused = await stage.happened(incident, ActRefused)
        assert (refused.run, refused.guard) == (again, "max_runs")


async def test_a_step_that_is_done_once_per_item_is_not_taken_over(tmp_path: Path) -> None:
    """The items may be others by now; from that step on, with nothing to take back, it is."""
    each = release(id="free", foreach="{{ ['ams-utr', 'ams-rtm'] }}", **{"with": {"link": "{{ item }}"}})
    async with staged(tmp_path, runbook("book", each, check())) as stage:
        incident, run = await ended(stage, "book", "failed")
        answer = await stage.bellhop.desk.steering.retry(run, ALICE)
        assert answer.message == "free is done once per item, which a retry cannot take over; run book afresh"
        again = await retried(stage, run, "free")
        await stage.happened(incident, RunEnded, lambda body: body.run == again)
        assert stage.acts == ["flow.unthrottle"] * 4


async def test_a_group_does_again_only_what_did_not_succeed(tmp_path: Path) -> None:
    """Its other branch is over, and stands to be taken back."""
    group = {"id": "both", "parallel": [throttle(**UNDO), check()]}
    async with staged(tmp_path, runbook("book", group)) as stage:
        incident, run = await ended(stage, "book", "failed")
        again = await retried(stage, run)
        await stage.happened(incident, RunEnded, lambda body: (body.run, body.result) == (again, "failed"))
        assert stage.acts == ["flow.throttle"]
        assert (await view_of(stage, incident)).runs[again].begins_at == "both"


async def test_a_group_that_was_taken_back_is_done_again_as_a_whole(tmp_path: Path) -> None:
    """What a branch had done is undone, so that it is not over."""
    group = {"id": "both", "parallel": [throttle(**UNDO), check()], "on_failure": "rollback"}
    async with staged(tmp_path, runbook("book", group)) as stage:
        incident, run = await ended(stage, "book", "rolled back")
        assert stage.acts == ["flow.throttle", "flow.unthrottle"]
        again = await retried(stage, run)
        await stage.happened(incident, RunEnded, lambda body: (body.run, body.result) == (again, "rolled back"))
        assert stage.acts == ["flow.throttle", "flow.unthrottle"] * 2


async def test_a_run_that_a_guard_refused_is_retried_from_where_it_would_have_begun(tmp_path: Path) -> None:
    """It never began, so what its own first run left is still what counts."""
    book = runbook("book", throttle(**UNDO), check(), guard={"cooldown": "30m"})
    async with staged(tmp_path, book) as stage:
        incident, run = await ended(stage, "book", "failed")
        refused = await retried(stage, run)
        await stage.happened(incident, RunEnded, lambda body: (body.run, body.result) == (refused, "stopped"))
        stage.clock.leap(2000.0)
        again = await retried(stage, refused)
        await stage.happened(incident, RunEnded, lambda body: (body.run, body.result) == (again, "failed"))
        began = [body.step for body in await stage.bodies(incident, StepStarted) if body.run == again]
        assert began == ["verify"]
