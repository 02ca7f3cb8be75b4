"""Taking back is the run's last duty: a busy controller, a wish to end the run and a person's word are heard in it."""

from pathlib import Path
from typing import Any

import pytest

from bot.model.event import ApprovalAsked
from bot.model.guard_event import RunPaused
from bot.model.step_event import AbortAsked, OutcomeAsked, OutcomeTold, RunEnded, StepEnded, StepStarted
from tests.flow.stage import ALICE, ASKED, BOB, Stage, release, runbook, staged, throttle

UNDO = {"rollback": {"action": "flow.unthrottle", "with": {"link": "{{ inputs.place }}"}}}
LATE = {**UNDO, "timeout": "0.1s"}
"""A step whose act, and whose way back, always ends after its time: nobody knows what became of it."""
NEVER: dict[str, Any] = {
    "id": "verify",
    "action": "telemetry.check",
    "with": {"all": [{"signal": "entanglement_pool_level", "link": "{{ inputs.place }}", "below": -1}]},
    "timeout": "1m",
    "on_failure": "rollback",
}
POLICY = {
    "id": "policy",
    "action": "entanglement.set_policy",
    "with": {"link": "{{ inputs.place }}", "attempt_share": 0.5, "target_level": 0.7},
    "timeout": "5m",
    "rollback": {
        "action": "entanglement.set_policy",
        "with": {"link": "{{ inputs.place }}", "attempt_share": 1.0, "target_level": 0.8},
    },
}


async def asked_about_undo(stage: Stage) -> tuple[str, str]:
    """A run that asks whether its throttle was taken back: its incident and itself."""
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, "book")
    await stage.happened(incident, OutcomeAsked)
    assert (await stage.bellhop.desk.settle(run, "throttle", ALICE, happened=True, key="act")).done
    await stage.happened(incident, OutcomeAsked, lambda body: body.phase == "undo")
    return incident, run


async def test_a_wish_to_end_the_run_is_no_answer_about_what_is_taken_back(tmp_path: Path) -> None:
    """The question stays until somebody answers it; then the earlier steps are taken back too."""
    async with staged(tmp_path, runbook("book", POLICY, throttle(**LATE), NEVER)) as stage:
        incident, run = await asked_about_undo(stage)
        await stage.bellhop.desk.abort(run, BOB, "stop it")
        await stage.happened(incident, AbortAsked)
        assert (await stage.bellhop.desk.settle(run, "throttle", ALICE, happened=True, key="undo")).done
        ended = await stage.happened(incident, RunEnded)
        assert ended.result == "rolled back"
        undone = [body.step for body in await stage.bodies(incident, StepEnded) if body.phase == "undo"]
        assert undone == ["throttle", "policy"]


@pytest.mark.parametrize("happened", [True, False])
async def test_a_word_about_taking_back_is_none_about_the_act(tmp_path: Path, *, happened: bool) -> None:
    """Taken back: a retry begins from the start. Still there: it may not begin where things are half taken back."""
    async with staged(tmp_path, runbook("book", throttle(**LATE), NEVER)) as stage:
        incident, run = await asked_about_undo(stage)
        assert (await stage.bellhop.desk.settle(run, "throttle", ALICE, happened=happened, key="undo")).done
        await stage.happened(incident, RunEnded)
        answer = await stage.bellhop.desk.steering.retry(run, BOB)
        assert answer.done is happened, answer.message


@pytest.mark.parametrize("happened", [True, False])
async def test_a_question_about_an_act_is_over_once_it_is_taken_back(tmp_path: Path, *, happened: bool) -> None:
    """Aborted while it asks about the act, the run asks about its way back; an answer is to that question alone."""
    async with staged(tmp_path, runbook("book", throttle(**LATE), NEVER)) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, OutcomeAsked)
        desk = stage.bellhop.desk
        assert (await desk.abort(run, BOB, "stop it")).done
        assert [each.phase for each in (await desk.incident(incident)).outcomes if each.phase == "run"] == []
        await stage.happened(incident, OutcomeAsked, lambda body: body.phase == "undo")
        (asked,) = (await desk.incident(incident)).outcomes
        assert asked.phase == "undo"
        assert (await desk.settle(run, "throttle", ALICE, happened=happened, key="a")).done
        (told,) = await stage.bodies(incident, OutcomeTold)
        ended = await stage.happened(incident, RunEnded)
        assert (told.phase, ended.result) == ("undo", "aborted" if happened else "failed")


async def test_a_long_pause_does_not_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More looks than a power of two has room for; then the run goes on as if nothing had been."""
    monkeypatch.setattr("bot.flow.run.LONGEST_PAUSE_LOOK_S", 0.0)
    monkeypatch.setattr("tests.flow.stage.PATIENCE_S", 120.0)
    async with staged(tmp_path, runbook("book", throttle(**UNDO), release(id="free", **ASKED))) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, ApprovalAsked)
        assert (await stage.bellhop.desk.switches.pause(ALICE, "night")).done
        assert (await stage.bellhop.desk.approve(run, "free", BOB, plan_hash=None, key="yes")).done
        await stage.happened(incident, RunPaused)
        looks = "select count(*) from operation_outputs where function_name like 'run free 1%'"

        def looked() -> bool:
            with stage.bellhop.store.engine.connect() as connection:
                return int(connection.exec_driver_sql(looks).scalar_one()) > 1030

        await stage.until(looked, "1,030 looks")
        assert (await stage.bellhop.desk.switches.resume(ALICE)).done
        ended = await stage.happened(incident, RunEnded)
        assert ended.result == "succeeded", ended.reason
        assert [body.step for body in await stage.bodies(incident, StepStarted)] == ["throttle", "free"]
