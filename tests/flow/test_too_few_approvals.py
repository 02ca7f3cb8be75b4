"""A question that some have answered says how many are missing, and how many had agreed once its time is over."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from bot.cli.story import line
from bot.model.event import ApprovalAnswered, ApprovalAsked, ApprovalExpired
from bot.model.person import Person
from bot.model.step_event import RunEnded
from tests.flow.stage import ALICE, BOB, runbook, staged, throttle

OTTO = Person(id="cli:otto", name="Otto", roles=("operator",))
TWO = {"approval": {"required": True, "count": 2, "timeout": "5m"}}
"""Five real seconds: a simulated minute is one."""


async def test_one_of_two_is_said_to_be_one_and_a_late_second_one_hears_that_time_is_over(tmp_path: Path) -> None:
    """Alice agrees, Bob comes too late: the answers, the events, the run's reason and the terminal say so."""
    async with staged(tmp_path, runbook("book", throttle(**TWO))) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book", OTTO)
        await stage.happened(incident, ApprovalAsked)
        first = await stage.bellhop.desk.approve(run, "throttle", ALICE, plan_hash=None, key="first")
        assert first.message == f"throttle of {run} is approved by Alice; it waits for 1 more"
        answered = await stage.happened(incident, ApprovalAnswered)
        assert (answered.given, answered.wanted) == (1, 2)
        expired = await stage.happened(incident, ApprovalExpired)
        assert (expired.approved_by, expired.wanted) == (("cli:alice",), 2)
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, ended.reason) == ("stopped", "only cli:alice approved throttle in time")
        late = await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="late")
        assert late.message == f"the time to approve throttle is over; start {run} again with retry"
        console = Console(width=200, record=True, file=StringIO())
        for event in await stage.bellhop.desk.events(incident):
            if (told := line(event)) is not None:
                console.print(told)
        terminal = console.export_text()
        assert "approved throttle (1 of 2; 1 more must approve)  · cli:alice" in terminal
        assert "too few decided in time about throttle (1 of 2 had approved: cli:alice)" in terminal
