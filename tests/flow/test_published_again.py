"""A postmortem on disk says what is still owed, and no longer says so once somebody has reviewed it."""

import asyncio
import json
from pathlib import Path

from bot.flow.desk import Desk
from bot.model.event import ApprovalAsked, Escalated, PostmortemPublished
from bot.model.person import Answer
from bot.model.step_event import RunEnded
from bot.store import GuardRows
from tests.flow.stage import ALICE, ASKED, BOB, Stage, release, runbook, staged, throttle

BOOK = runbook("book", throttle(**ASKED), release())
OWED, DONE = "Mandatory review, by somebody else", "Reviewed by cli:bob, justified"
_NOTE = "the ring was down"


async def broken_glass(stage: Stage) -> tuple[str, str]:
    """An incident whose runbook waits no longer: Alice let its step go ahead alone; (incident, run)."""
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, "book")
    asked = await stage.happened(incident, ApprovalAsked)
    answer = await stage.bellhop.desk.approve(
        run, "throttle", ALICE, plan_hash=asked.plan_hash, key="glass", break_glass="the ring is down"
    )
    assert answer.done, answer.message
    return incident, run


async def published(stage: Stage) -> tuple[str, str, Path]:
    """The same once it is over: (incident, run, file)."""
    incident, run = await broken_glass(stage)
    place = Path((await stage.happened(incident, PostmortemPublished)).place)
    assert OWED in await read(place)
    return incident, run, place


async def read(place: Path) -> str:
    """What is in the file."""
    return await asyncio.to_thread(place.read_text, encoding="utf-8")


async def reviewed(desk: Desk, run: str) -> Answer:
    """Bob finds it justified."""
    return await desk.reviews.close(run, "throttle", BOB, verdict="justified", note=_NOTE)


async def test_a_review_that_closes_afterwards_is_in_the_file(tmp_path: Path) -> None:
    """The same file, with the event that says so; closed twice, or begun again after a crash, it is published once."""
    async with staged(tmp_path, BOOK) as stage:
        incident, run, place = await published(stage)
        assert (await reviewed(stage.bellhop.desk, run)).done
        again = await stage.happened(incident, PostmortemPublished, count=2)
        assert again.place == str(place)
        text = await read(place)
        assert f"{DONE} ({_NOTE})" in text
        assert OWED not in text
        assert not (await reviewed(stage.bellhop.desk, run)).done
        await stage.bellhop.publisher.publish(incident, f"{run}:throttle")
        assert await asyncio.to_thread(lambda: [each.name for each in tmp_path.glob("INC-*")]) == [place.name]
        assert len(await stage.bodies(incident, PostmortemPublished)) == 2


async def test_a_review_that_closes_before_is_published_with_the_rest(tmp_path: Path) -> None:
    """One publication is enough."""
    async with staged(tmp_path, BOOK) as stage:
        incident, run = await broken_glass(stage)
        assert (await reviewed(stage.bellhop.desk, run)).done
        place = Path((await stage.happened(incident, PostmortemPublished)).place)
        assert DONE in await read(place)
        assert len(await stage.bodies(incident, PostmortemPublished)) == 1


async def test_what_people_wrote_into_the_file_stays(tmp_path: Path) -> None:
    """The newer draft lies beside it, and its event says why."""
    async with staged(tmp_path, BOOK) as stage:
        incident, run, place = await published(stage)
        mine = (await read(place)).replace("## Summary", "## Summary\n\nIn our words: a ring broke.")
        await asyncio.to_thread(place.write_text, mine, encoding="utf-8")
        assert (await reviewed(stage.bellhop.desk, run)).done
        again = await stage.happened(incident, PostmortemPublished, count=2)
        assert await read(place) == mine
        assert again.place == str(place.with_name(f"{incident}.2.md"))
        assert DONE in await read(Path(again.place))
        why = [each.why for each in await stage.bellhop.desk.events(incident) if each.body == again]
        assert why == [f"throttle of {run} was reviewed; people changed {place}, which stays as it is"]


async def test_a_bot_that_was_down_publishes_when_it_starts(tmp_path: Path) -> None:
    """Bob reviews from a terminal while no server runs: the next one that starts writes the file."""
    async with staged(tmp_path, BOOK) as stage:
        incident, run, place = await published(stage)
    async with staged(tmp_path, BOOK, dead=lambda desk: reviewed(desk, run)) as stage:
        await stage.happened(incident, PostmortemPublished, count=2)
        assert DONE in await read(place)


async def test_a_file_that_cannot_be_written_is_told_to_people(tmp_path: Path) -> None:
    """The review is closed all the same, and the event names the door at which the report can be read."""
    async with staged(tmp_path, BOOK, postmortems=tmp_path / "reports") as stage:
        incident, run, place = await published(stage)
        kept = await asyncio.to_thread(place.parent.rename, tmp_path / "kept")
        await asyncio.to_thread(place.parent.write_text, "a file where the folder was")
        assert (await reviewed(stage.bellhop.desk, run)).done
        told = await stage.happened(incident, Escalated, lambda body: "cannot be written again" in body.reason)
        assert told.reason.endswith(f"`bellhop postmortem {incident}` prints it")
        assert OWED in await read(kept / place.name)
        assert DONE in await stage.bellhop.desk.postmortem(incident, "md")


async def test_each_publication_that_fails_is_told_to_people(tmp_path: Path) -> None:
    """Alice ends the incident while its run waits, and the run ends after that: both reports are lost, and told."""
    reports = tmp_path / "reports"
    await asyncio.to_thread(reports.write_text, "a file where the folder would be")
    async with staged(tmp_path, BOOK, postmortems=reports) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, ApprovalAsked)
        assert (await stage.bellhop.desk.resolve(incident, ALICE, "the ring is up")).done
        await stage.happened(incident, Escalated, lambda body: "the postmortem cannot be written" in body.reason)
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="yes")).done
        await stage.happened(incident, RunEnded)
        await stage.happened(
            incident, Escalated, lambda body: "the postmortem cannot be written" in body.reason, count=2
        )


async def test_an_incident_that_its_source_calls_over_is_published(tmp_path: Path) -> None:
    """Nobody did anything: its alert began and ended."""
    began = {"id": "qber-17", "title": "QBER above 5%", "link": "ams-utr", "starts_at": "2026-11-23T03:33:13Z"}
    async with staged(tmp_path, BOOK) as stage:
        now = stage.clock.now()
        for message in (began, {**began, "status": "resolved", "ends_at": "2026-11-23T03:34:13Z"}):
            await stage.bellhop.inbox.put("generic", json.dumps(message).encode(), received_at=now)
        await stage.until(lambda: stage.bellhop.journal.incidents(open_only=False), "an incident")
        place = Path((await stage.happened("INC-1", PostmortemPublished)).place)
        assert "QBER above 5%" in await read(place)
        assert (await stage.bellhop.desk.incident("INC-1")).state == "postmortem published"


async def test_a_run_after_which_the_report_cannot_be_written_is_still_a_success(tmp_path: Path) -> None:
    """The metrics came back: no breaker counts it, and people hear what broke and where the report is."""
    reports, book = tmp_path / "reports", runbook("book", release())
    await asyncio.to_thread(reports.write_text, "a file where the folder would be")
    async with staged(tmp_path, book, postmortems=reports) as stage:
        incident = await stage.incident("link", "ams-utr")
        await stage.run(incident, "book")
        told = await stage.happened(incident, Escalated, lambda body: "the postmortem cannot be written" in body.reason)
        assert told.reason.endswith(f"`bellhop postmortem {incident}` prints it")
        reasons = [each.reason for each in await stage.bodies(incident, Escalated)]
        assert reasons[0].startswith("book succeeded, and what comes after it broke off: ")
        assert len(reasons) == 2
        (row,) = await stage.bellhop.store.read(lambda transaction: GuardRows(transaction).last_runs("book", 9))
        assert row.result == "succeeded"
