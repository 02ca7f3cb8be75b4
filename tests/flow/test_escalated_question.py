"""A question that nobody answers in time calls people and waits as long once more, where the runbook says so."""

from pathlib import Path

import pytest

from bot.model.event import ApprovalAsked, ApprovalExpired, Escalated
from bot.model.person import Person
from bot.model.step_event import RunEnded
from tests.flow.stage import ALICE, BOB, runbook, staged, throttle

OTTO = Person(id="cli:otto", name="Otto", roles=("operator",))
ASKS = {"approval": {"required": True, "count": 2, "timeout": "3m", "on_timeout": "escalate"}}
"""Three real seconds: a simulated minute is one."""
BOOK = runbook("book", throttle(**ASKS), escalate={"to": "quantum-hardware", "when": "never"})


async def test_whoever_agreed_in_the_first_time_has_agreed_in_the_second(tmp_path: Path) -> None:
    """Alice agrees, nobody else does; those whom the runbook names are called, and then Bob's yes is enough."""
    async with staged(tmp_path, BOOK) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book", OTTO)
        await stage.happened(incident, ApprovalAsked)
        assert (await stage.bellhop.desk.approve(run, "throttle", ALICE, plan_hash=None, key="first")).done
        called = await stage.happened(incident, Escalated)
        assert (called.to, called.reason) == (
            "quantum-hardware",
            "nobody decided about throttle in 3m; it waits as long once more",
        )
        await stage.happened(incident, ApprovalAsked, count=2)
        assert not (await stage.bellhop.desk.approve(run, "throttle", ALICE, plan_hash=None, key="twice")).done
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="second")).done
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, stage.acts) == ("succeeded", ["flow.throttle"])


@pytest.mark.slow
async def test_silence_in_the_second_time_stops_the_run(tmp_path: Path) -> None:
    """It is open twice, not for ever; also when the bot was restarted between."""
    async with staged(tmp_path, BOOK) as stage:
        incident = await stage.incident("link", "ams-utr")
        await stage.run(incident, "book", OTTO)
        await stage.happened(incident, ApprovalAsked, count=2)
    async with staged(tmp_path, BOOK) as stage:
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, ended.reason) == ("stopped", "nobody decided about throttle in time")
        assert len(await stage.bodies(incident, ApprovalAsked)) == 2
        assert len(await stage.bodies(incident, ApprovalExpired)) == 1
        assert stage.acts == []
