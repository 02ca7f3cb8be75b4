"""Nobody is left alone: what the workflow engine gave up is told to people, and every open incident is answered."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.model.event import (
    ApprovalAsked,
    DiagnosisMade,
    Entry,
    Escalated,
    IncidentOpened,
    RecoveryVerified,
    StateChanged,
)
from bot.model.guard_event import BreakerOpened
from bot.model.network import Subject
from bot.model.step_event import RunEnded
from bot.store import GuardRows
from tests.flow.stage import ASKED, BOB, Stage, release, runbook, staged, throttle

MANY = 10**6
"""More restarts than any run lives through."""
NOWHERE = "respond:INC-99"
"""A failed response whose incident is not in the store, as after a backup that is older than the engine's tables."""
TOO_BIG = """
CREATE TRIGGER too_big BEFORE INSERT ON bellhop_events WHEN NEW.key = 'response broke'
BEGIN SELECT length(zeroblob(2147483647)); END
"""
"""SQLite says of one event what it says of a value past its limit of length."""
WATCHED = {"recovery_timeout": "2h", "recovery_hold": "1h"}


def ruin(stage: Stage, workflow: str, **columns: object) -> None:
    """Write into the engine's row of a workflow what a crash loop or a stranger leaves there."""
    changes = ", ".join(f"{name} = :{name}" for name in columns)
    with stage.bellhop.store.engine.begin() as connection:
        done = connection.execute(
            sa.text(f"update workflow_status set {changes} where workflow_uuid = :workflow"),
            {**columns, "workflow": workflow},
        )
        assert done.rowcount == 1


def forge(stage: Stage, workflow: str, like: str) -> None:
    """Write a row of a failed response into the engine's table, as a copy of another workflow's."""
    forged = {"workflow_uuid": f"'{workflow}'", "status": "'ERROR'", "name": "'respond'"}
    with stage.bellhop.store.engine.begin() as connection:
        names = [row[1] for row in connection.execute(sa.text("pragma table_info(workflow_status)"))]
        values = ", ".join(forged.get(name, name) for name in names)
        copy = f"insert into workflow_status ({', '.join(names)}) select {values} from workflow_status"
        connection.execute(sa.text(f"{copy} where workflow_uuid = :like"), {"like": like})


def called(about: str) -> Callable[[Escalated], bool]:
    """Whether people are called because of this."""
    return lambda body: about in body.reason


def left_to_people(caplog: pytest.LogCaptureFixture, workflow: str) -> list[str]:
    """What the log says of a lost workflow that cannot be told of in an incident."""
    lines = (each.getMessage() for each in caplog.records if each.name == "bot.flow.watchdog")
    return [line for line in lines if workflow in line]


async def held(stage: Stage) -> list[str]:
    """What runs hold."""
    return [each.resource for each in await stage.bellhop.store.read(lambda transaction: GuardRows(transaction).held())]


async def left_behind(stage: Stage) -> str:
    """What a server leaves that dies between the commit of an alert's incident and the start of its response."""
    opened = IncidentOpened(title="left behind", severity="sev3", subject=Subject(kind="link", id="ams-rtm"))
    entry = Entry(at=stage.clock.now(), by="alertmanager", body=opened, key="opened")
    return await stage.bellhop.store.transact(lambda transaction: transaction.open_incident([entry]))


async def waiting(stage: Stage) -> tuple[str, str]:
    """A run that waits for its approval, in its incident."""
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, "book")
    await stage.happened(incident, ApprovalAsked)
    return incident, run


async def test_a_run_waits_through_as_many_restarts_as_a_year_of_work_brings(tmp_path: Path) -> None:
    """Sixty restarts before the answer, more than one for each week: it goes on, and the step is done."""
    book = runbook("book", throttle(**ASKED))
    async with staged(tmp_path, book) as stage:
        incident, run = await waiting(stage)
        ruin(stage, run, recovery_attempts=60)
    async with staged(tmp_path, book) as stage:
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="yes")).done
        assert (await stage.happened(incident, RunEnded)).result == "succeeded"
        assert stage.acts == ["flow.throttle"]


async def test_a_run_that_was_begun_too_often_ends_with_a_call_for_people_and_lets_go(tmp_path: Path) -> None:
    """What it held is free, its question is closed, and a second restart tells nothing twice."""
    book = runbook("book", throttle(), release(**ASKED))
    async with staged(tmp_path, book) as stage:
        incident, run = await waiting(stage)
        assert await held(stage)
        ruin(stage, run, recovery_attempts=MANY)
    async with staged(tmp_path, book) as stage:
        ended = await stage.happened(incident, RunEnded)
        assert ended.result == "failed"
        assert "restarts did not bring its workflow to an end" in ended.reason
        assert "nothing was taken back of flow.throttle" in ended.reason
        await stage.happened(incident, Escalated, called("restarts"))
        assert await held(stage) == []
        assert not (await stage.bellhop.desk.approve(run, "release", BOB, plan_hash=None, key="yes")).done
        told = len(await stage.bellhop.desk.events(incident))
    async with staged(tmp_path, book) as stage:
        await stage.happened(await left_behind(stage), DiagnosisMade)  # so it has looked
        assert len(await stage.bellhop.desk.events(incident)) == told


async def test_a_run_that_is_cancelled_past_bellhop_ends_with_a_call_for_people(tmp_path: Path) -> None:
    """Somebody with the database at hand: the bot that is at work finds it by itself."""
    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        incident, run = await waiting(stage)
        ruin(stage, run, status="CANCELLED")
        assert "cancelled from outside Bellhop" in (await stage.happened(incident, RunEnded)).reason
        await stage.happened(incident, Escalated, called("cancelled from outside Bellhop"))
        assert await held(stage) == []


async def test_a_run_that_helped_and_whose_watch_is_lost_is_handed_to_people(tmp_path: Path) -> None:
    """Nobody would ever say whether the metrics came back: its incident would stay in monitoring for ever."""
    book = runbook("book", release())
    async with staged(tmp_path, book, incidents=WATCHED) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, StateChanged, lambda body: body.after == "monitoring")
        ruin(stage, run, recovery_attempts=MANY)
    async with staged(tmp_path, book, incidents=WATCHED) as stage:
        await stage.happened(incident, Escalated, called("restarts"))
        assert (await stage.bellhop.desk.incident(incident)).state == "triggered"
        assert await held(stage) == []


async def test_a_run_whose_watch_is_lost_stays_a_success_that_nobody_saw_help(tmp_path: Path) -> None:
    """Its end is told once, as it was; the breaker counts it like one after which the metrics did not come back."""
    book, breaker = runbook("book", release()), {"failures_in_a_row": 1}
    async with staged(tmp_path, book, incidents=WATCHED, guards=breaker) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, StateChanged, lambda body: body.after == "monitoring")
        ruin(stage, run, recovery_attempts=MANY)
    async with staged(tmp_path, book, incidents=WATCHED, guards=breaker) as stage:
        seen = await stage.happened(incident, RecoveryVerified)
        assert not seen.recovered
        assert seen.reason.startswith("nobody watched whether it helped: ")
        assert [each.result for each in await stage.bodies(incident, RunEnded)] == ["succeeded"]
        (told,) = await stage.bodies(incident, Escalated)
        assert told.reason == f"book succeeded, and {seen.reason}"
        assert [each.runs for each in await stage.bodies(incident, BreakerOpened)] == [(run,)]
        (row,) = await stage.bellhop.store.read(lambda transaction: GuardRows(transaction).last_runs("book", 9))
        assert row.result == "not recovered"


async def test_a_response_that_was_begun_too_often_calls_people(tmp_path: Path) -> None:
    """The incident stays open, and they are told that nobody looks into it."""
    async with staged(tmp_path, runbook("book", throttle())) as stage:
        incident = await left_behind(stage)
        await stage.happened(incident, DiagnosisMade)
        ruin(stage, f"respond:{incident}", recovery_attempts=MANY)
    async with staged(tmp_path, runbook("book", throttle())) as stage:
        await stage.happened(incident, Escalated, called("nobody looks into this incident any more"))
        assert (await stage.bellhop.desk.incident(incident)).is_open


async def test_an_incident_of_a_server_that_died_before_it_responded_is_answered_by_another(tmp_path: Path) -> None:
    """That one lives on all the time; of two such incidents each has one response, however often it looks."""
    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        incident = await left_behind(stage)
        await stage.happened(incident, DiagnosisMade)
        await stage.happened(await left_behind(stage), DiagnosisMade)
        responses = "select count(*) from workflow_status where name = 'respond'"
        with stage.bellhop.store.engine.connect() as connection:
            assert connection.execute(sa.text(responses)).scalar_one() == 2


async def test_a_lost_workflow_without_an_incident_keeps_nobody_from_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line of the log says what is left to people; the bot stays, and sees to the run that is lost after it."""
    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        incident, run = await waiting(stage)
        forge(stage, NOWHERE, run)
        await stage.until(lambda: left_to_people(caplog, NOWHERE), "a line of the log")
        ruin(stage, run, status="CANCELLED")
        await stage.happened(incident, Escalated, called("cancelled from outside Bellhop"))
        (line,) = left_to_people(caplog, NOWHERE)
        assert "there is no incident INC-99" in line
        assert "look after it yourselves" in line


async def test_a_lost_workflow_that_cannot_be_told_of_keeps_nobody_from_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The database takes everything but this one event: the log says so once, and the run behind it is seen to."""
    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        mute = await left_behind(stage)
        await stage.happened(mute, DiagnosisMade)
        incident, run = await waiting(stage)
        with stage.bellhop.store.engine.begin() as connection:
            connection.execute(sa.text(TOO_BIG))
        ruin(stage, f"respond:{mute}", status="CANCELLED")
        await stage.until(lambda: left_to_people(caplog, f"respond:{mute}"), "a line of the log")
        ruin(stage, run, status="CANCELLED")
        await stage.happened(incident, Escalated, called("cancelled from outside Bellhop"))
        (line,) = left_to_people(caplog, f"respond:{mute}")
        assert "string or blob too big" in line
