"""Nobody is left alone: what the workflow engine gave up is told to people, and every open incident is answered."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from bot.model.event import ApprovalAsked, DiagnosisMade, Entry, Escalated, IncidentOpened, StateChanged
from bot.model.network import Subject
from bot.model.step_event import RunEnded
from bot.store import GuardRows
from tests.flow.stage import ASKED, BOB, Stage, release, runbook, staged, throttle

MANY = 10**6
"""More restarts than any run lives through."""
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


def called(about: str) -> Callable[[Escalated], bool]:
    """Whether people are called because of this."""
    return lambda body: about in body.reason


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
