"""A verification that cannot see is no verdict: people are asked before anything is taken back."""

from pathlib import Path
from typing import Any

import pytest

from bot.model.step_event import OutcomeAsked, OutcomeTold, RunEnded, StepStarted
from tests.flow.stage import ALICE, DAVE, Stage, release, runbook, staged, throttle

BACK = {"action": "flow.unthrottle", "with": {"link": "{{ inputs.place }}"}}
BLIND: dict[str, Any] = {
    "id": "verify",
    "action": "telemetry.check",
    "with": {"all": [{"signal": "secret_key_rate", "link": "{{ inputs.place }}", "above": 0}]},
    "on_failure": "rollback",
}
"""The link makes no keys, so nothing is ever heard of their rate."""
BOOK = runbook("blind", throttle(rollback=BACK), BLIND, release())


async def asked(stage: Stage) -> tuple[str, str, OutcomeAsked]:
    """A run that cannot see whether its act helped: its incident, itself and its question."""
    incident = await stage.incident("link", "grn-ams")
    run = await stage.run(incident, "blind")
    return incident, run, await stage.happened(incident, OutcomeAsked)


async def test_nothing_is_taken_back_because_telemetry_is_missing(tmp_path: Path) -> None:
    """The question says what is not known and what follows from the answer; only who may answer does."""
    async with staged(tmp_path, BOOK) as stage:
        incident, run, question = await asked(stage)
        assert (question.step, question.looks) == ("verify", True)
        assert question.reason == (
            "secret_key_rate of grn-ams is missing; "
            "nothing follows from that unless somebody says that it does not hold"
        )
        assert stage.acts == ["flow.throttle"]
        assert not (await stage.bellhop.desk.settle(run, "verify", DAVE, happened=True, key="1")).done
        answer = await stage.bellhop.desk.settle(run, "verify", ALICE, happened=True, key="2")
        assert answer.message == f"what verify of {run} looks for holds; the run goes on"
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, stage.acts) == ("succeeded", ["flow.throttle", "flow.unthrottle"])
        (told,) = await stage.bodies(incident, OutcomeTold)
        assert (told.happened, told.looks) == (True, True)


async def test_a_person_who_says_that_it_does_not_hold_has_it_taken_back(tmp_path: Path) -> None:
    """As if the telemetry had said so."""
    async with staged(tmp_path, BOOK) as stage:
        incident, run, _ = await asked(stage)
        assert (await stage.bellhop.desk.settle(run, "verify", ALICE, happened=False, key="1")).done
        ended = await stage.happened(incident, RunEnded)
        reason = "step verify: a person says that what it looks for does not hold"
        assert (ended.result, ended.reason) == ("rolled back", reason)
        undone = [each.step for each in await stage.bodies(incident, StepStarted) if each.phase == "undo"]
        assert undone == ["throttle"]


@pytest.mark.parametrize("on_failure", ["stop", "continue"])
async def test_where_nothing_would_be_taken_back_nobody_is_asked(tmp_path: Path, on_failure: str) -> None:
    """The runbook says what follows, and that is no act."""
    book = runbook("blind", throttle(rollback=BACK), {**BLIND, "on_failure": on_failure}, release())
    async with staged(tmp_path, book) as stage:
        incident = await stage.incident("link", "grn-ams")
        await stage.run(incident, "blind")
        ended = await stage.happened(incident, RunEnded)
        assert ended.result == {"stop": "failed", "continue": "succeeded"}[on_failure]
        assert await stage.bodies(incident, OutcomeAsked) == []
