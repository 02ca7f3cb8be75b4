"""Runs do not step on each other's toes, and stop when somebody throws the kill switch."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from dbos import DBOSClient

from bot.flow.durable import PlainJson
from bot.flow.pausing import Pausing
from bot.model.event import ActRefused, ApprovalAsked
from bot.model.guard_event import RunPaused, RunResumed
from bot.model.step_event import RunEnded, StepEnded, StepStarted
from tests.flow.stage import ALICE, ASKED, BOB, DAVE, release, runbook, staged, throttle

CALIBRATE = {"id": "calibrate", "action": "calibration.run", "with": {"node": "{{ inputs.place }}"}, "timeout": "5m"}
HOLD = runbook("hold", throttle(**ASKED))
HOLD_NODE = runbook("hold-node", CALIBRATE)
TWO = runbook("two", throttle(**ASKED), release())


async def test_of_two_runs_on_one_link_the_second_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    """A run on utr would touch ams-utr, where another waits for its approval; after that one's end it may."""
    async with staged(tmp_path, HOLD, HOLD_NODE) as stage:
        first, second = await stage.incident("link", "ams-utr"), await stage.incident("node", "utr")
        holder = await stage.run(first, "hold")
        await stage.happened(first, ApprovalAsked)
        await stage.run(second, "hold-node")
        refused = await stage.happened(second, ActRefused)
        assert (refused.guard, refused.reason) == (
            "exclusive",
            f"link:ams-utr is held by {holder} (hold); one run at a time may act there",
        )
        assert (await stage.bellhop.desk.reject(holder, "throttle", BOB, plan_hash=None, key="no")).done
        await stage.happened(first, RunEnded)
        again = await stage.run(second, "hold-node")
        await stage.happened(second, StepStarted, lambda body: body.run == again)


async def test_a_guard_that_would_hold_nothing_is_refused(tmp_path: Path) -> None:
    """The kind was forgotten: without a word the run would share its link with others."""
    book = runbook("loose", throttle(), guard={"exclusive": "{{ inputs.place }}"})
    async with staged(tmp_path, book) as stage:
        answer = await stage.bellhop.desk.run(await stage.incident("link", "ams-utr"), ALICE, "loose")
        assert answer.message == (
            "guard.exclusive of loose is 'ams-utr', which the network does not have; "
            "write link:NAME, node:NAME or flow:NAME"
        )


async def test_a_run_that_waits_for_its_turn_says_who_holds_its_place(tmp_path: Path) -> None:
    """Two incidents on one link: the second run stands in line behind the first."""
    async with staged(tmp_path, HOLD) as stage:
        first, second = await stage.incident("link", "ams-utr"), await stage.incident("link", "ams-utr")
        holder = await stage.run(first, "hold")
        await stage.happened(first, ApprovalAsked)
        answer = await stage.bellhop.desk.run(second, ALICE, "hold")
        assert answer.message == f"INC-2-R1 (hold) waits: link:ams-utr is held by {holder} (hold)"


async def test_a_pause_stops_a_run_before_its_next_act_and_resume_lets_it_go_on(tmp_path: Path) -> None:
    """Paused while it waits for approval: the approval counts, nothing is done, and both acts follow later."""
    async with staged(tmp_path, TWO) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "two")
        await stage.happened(incident, ApprovalAsked)
        switches = stage.bellhop.desk.switches
        assert (await switches.pause(ALICE, "works on the ring")).message == (
            f"Bellhop is paused: {run} stops before the next act"
        )
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="yes")).done
        paused = await stage.happened(incident, RunPaused)
        assert (paused.step, paused.reason) == ("throttle", "paused by cli:alice: works on the ring")
        assert stage.acts == []
        assert (await switches.resume(BOB)).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert stage.acts == ["flow.throttle", "flow.unthrottle"]
        assert len(await stage.bodies(incident, RunPaused)) == len(await stage.bodies(incident, RunResumed)) == 1


async def test_a_paused_run_can_be_stopped(tmp_path: Path) -> None:
    """Nothing was done, so nothing is taken back."""
    async with staged(tmp_path, runbook("one", throttle())) as stage:
        incident = await stage.incident("link", "ams-utr")
        await stage.bellhop.desk.switches.pause(ALICE, "")
        run = await stage.run(incident, "one")
        await stage.happened(incident, RunPaused)
        assert (await stage.bellhop.desk.abort(run, BOB, "no more")).done
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, stage.acts) == ("aborted", [])


async def test_a_file_pauses_as_long_as_it_is_there_and_looking_goes_on(tmp_path: Path) -> None:
    """Its first line is the reason; nobody can resume past it."""
    look = {
        "id": "look",
        "action": "telemetry.snapshot",
        "with": {"signals": ["entanglement_pool_level"], "link": "{{ inputs.place }}"},
    }
    file = tmp_path / "STOP"
    file.write_text("audit\nsecond line")
    async with staged(tmp_path, runbook("one", look, throttle()), guards={"pause_file": str(file)}) as stage:
        incident = await stage.incident("link", "ams-utr")
        await stage.run(incident, "one")
        paused = await stage.happened(incident, RunPaused)
        assert paused.reason == f"paused by the file {file}: audit"
        assert [body.outcome for body in await stage.bodies(incident, StepEnded)] == ["succeeded"]
        answer = await stage.bellhop.desk.switches.resume(ALICE)
        assert answer.message == f"Bellhop stays paused by the file {file}: audit; remove that file"
        file.unlink()
        await stage.happened(incident, RunResumed)
        await stage.until(lambda: stage.acts, "the act was done")


async def test_a_pause_file_that_is_no_file_pauses_and_holds_nobody_up(tmp_path: Path) -> None:
    """A pipe that nobody writes to, a folder, a link that leads nowhere: each is there, so each pauses."""
    place = tmp_path / "STOP"
    pausing = Pausing(place)
    assert pausing.by_file() is None
    kinds: list[tuple[Callable[[], object], Callable[[], object]]] = [
        (lambda: os.mkfifo(place), place.unlink),
        (place.mkdir, place.rmdir),
        (lambda: place.symlink_to(tmp_path / "nowhere"), place.unlink),
    ]
    for make, remove in kinds:
        make()
        pause = await asyncio.wait_for(asyncio.to_thread(pausing.by_file), timeout=5.0)
        assert pause is not None
        assert pause.by == f"the file {place}"
        remove()


async def test_what_a_run_whose_workflow_is_over_held_belongs_to_the_next_and_to_nobody_else(tmp_path: Path) -> None:
    """Cancelled from outside, the first gives nothing back; the second inherits it, and the third is turned away."""
    async with staged(tmp_path, HOLD, HOLD_NODE) as stage:
        incidents = [
            await stage.incident(*place) for place in (("link", "ams-utr"), ("link", "ams-utr"), ("node", "utr"))
        ]
        gone = await stage.run(incidents[0], "hold")
        await stage.happened(incidents[0], ApprovalAsked)
        client = DBOSClient(system_database_url=stage.bellhop.store.durable_url, serializer=PlainJson())  # type: ignore[arg-type]
        await client.cancel_workflow_async(gone)
        client.destroy()
        heir = await stage.run(incidents[1], "hold")
        await stage.happened(incidents[1], ApprovalAsked)
        await stage.run(incidents[2], "hold-node")
        refused = await stage.happened(incidents[2], ActRefused)
        assert (refused.guard, refused.reason) == (
            "exclusive",
            f"link:ams-utr is held by {heir} (hold); one run at a time may act there",
        )


async def test_only_people_with_a_role_throw_the_switch_and_once(tmp_path: Path) -> None:
    """A viewer may not; a second pause and a second resume change nothing."""
    async with staged(tmp_path, HOLD) as stage:
        switches = stage.bellhop.desk.switches
        assert not (await switches.pause(DAVE, "")).done
        assert not (await switches.resume(ALICE)).done
        answers = [await switches.pause(ALICE, "a"), await switches.pause(BOB, "b")]
        assert [answer.message for answer in answers] == [
            "Bellhop is paused: no run is under way",
            "Bellhop is paused before: paused by cli:alice: a",
        ]
        assert (await switches.resume(BOB)).done
        assert await switches.paused() is None
