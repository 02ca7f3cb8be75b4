"""What changes while a run waits is seen before its next act: nothing is done that nobody would begin any more."""

from pathlib import Path
from typing import Any

import pytest

from bot.model.event import ActRefused, ApprovalAsked, Entry, Escalated, KeysQuarantined, PostmortemPublished
from bot.model.person import Person
from bot.model.step_event import RunEnded, StepStarted
from bot.simulator.scenarios import demo_network_path
from tests.flow.stage import ALICE, ASKED, BOB, Stage, release, runbook, staged, throttle

SOFIE = Person(id="cli:sofie", name="Sofie", roles=("approver", "security"))
UNDO = {"rollback": {"action": "flow.unthrottle", "with": {"link": "{{ inputs.place }}"}}}
WAITS = runbook("book", throttle(**ASKED))
OBSERVE = {"modes": [{"runbook": "*", "target": "*", "mode": "observe"}]}
LOOK: dict[str, Any] = {
    "id": "look",
    "action": "telemetry.wait_until",
    "with": {"signal": "entanglement_pool_level", "link": "{{ inputs.place }}", "below": -1, "for": "1m"},
    "timeout": "20m",
}


async def waiting(stage: Stage, name: str = "book") -> tuple[str, str]:
    """An incident, and its run that waits for an approval."""
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, name)
    await stage.happened(incident, ApprovalAsked)
    return incident, run


def renamed(folder: Path) -> Path:
    """The network file, in which ams-utr has another name."""
    changed = folder / "network.yaml"
    known = Path(demo_network_path()).read_text(encoding="utf-8")
    changed.write_text(known.replace("ams-utr", "ams-utx"), encoding="utf-8")
    return changed


async def suspected(stage: Stage, incident: str) -> None:
    """An intrusion is not excluded from now on."""
    body = KeysQuarantined(links=("ams-utr",), since=stage.clock.now(), reason="errors rose")
    entry = Entry(at=stage.clock.now(), by="bellhop", body=body, key="quarantine")
    await stage.bellhop.store.transact(lambda transaction: transaction.append(incident, [entry]))


async def test_a_run_keeps_its_runbook_although_the_file_is_gone(tmp_path: Path) -> None:
    """Also over a restart: its guard and its rollback are those of the plan that people saw."""
    late = release(id="free", **ASKED, on_failure="rollback")
    async with staged(tmp_path, runbook("book", throttle(**UNDO), late)) as stage:
        incident, run = await waiting(stage)
    (tmp_path / "books" / "book.yaml").unlink()
    async with staged(tmp_path, runbook("other", throttle())) as stage:
        assert (await stage.bellhop.desk.approve(run, "free", BOB, plan_hash=None, key="yes")).done
        ended = await stage.happened(incident, RunEnded)
        assert ended.result == "succeeded", ended.reason


async def test_nothing_is_done_in_an_incident_that_people_have_closed(tmp_path: Path) -> None:
    """Although the runbook says that silence is a yes; and the incident stays closed."""
    silent = throttle(approval={"required": True, "timeout": "2m", "on_timeout": "proceed"})
    async with staged(tmp_path, runbook("book", silent)) as stage:
        incident, _ = await waiting(stage)
        assert (await stage.bellhop.desk.resolve(incident, ALICE, "false alarm")).done
        await stage.happened(incident, RunEnded)
        (refused,) = await stage.bodies(incident, ActRefused)
        assert (refused.guard, stage.acts) == ("incident", [])
        assert not (await stage.bellhop.desk.incident(incident)).is_open


@pytest.mark.parametrize("what", ["closed", "observe", "suspected"])
async def test_what_a_run_holds_back_it_lets_go_whatever_has_changed(tmp_path: Path, what: str) -> None:
    """Its release of the flows that it throttled is a later step of the runbook, and takes back what it did."""
    book = runbook("book", throttle(), LOOK, release())
    async with staged(tmp_path, book) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, StepStarted, lambda body: body.step == "look")
        if what == "closed":
            assert (await stage.bellhop.desk.resolve(incident, ALICE, "looks fine")).done
        elif what == "suspected":
            await suspected(stage, incident)
        else:
            modes = stage.bellhop.modes
            await stage.bellhop.store.transact(
                lambda transaction: modes.move(
                    transaction, "book", "link:ams-utr", steps=-3, by="cli:ada", why="", at=stage.clock.now()
                )
            )
        assert (await stage.bellhop.desk.steering.skip(run, "look", SOFIE, "seen")).done
        ended = await stage.happened(incident, RunEnded)
        assert (ended.result, stage.acts) == ("succeeded", ["flow.throttle", "flow.unthrottle"])
        assert await stage.bodies(incident, ActRefused) == []


async def test_a_run_that_is_stopped_in_a_closed_incident_leaves_it_closed(tmp_path: Path) -> None:
    """Aborted after the incident was resolved by hand; the report that was published then tells of it."""
    async with staged(tmp_path, WAITS) as stage:
        incident, run = await waiting(stage)
        assert (await stage.bellhop.desk.resolve(incident, ALICE, "false alarm")).done
        published = await stage.happened(incident, PostmortemPublished)
        assert (await stage.bellhop.desk.abort(run, ALICE, "not needed")).done
        await stage.happened(incident, RunEnded)
        assert not (await stage.bellhop.desk.incident(incident)).is_open

        def told() -> bool:
            return "not needed" in Path(published.place).read_text(encoding="utf-8")

        await stage.until(told, "the report tells how the run ended")


async def test_a_runbook_that_is_set_to_observe_acts_no_more(tmp_path: Path) -> None:
    """Neither does its run that waited when somebody set that."""
    async with staged(tmp_path, WAITS) as stage:
        incident, run = await waiting(stage)
    async with staged(tmp_path, WAITS, runbooks=OBSERVE) as stage:
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="yes")).done
        await stage.happened(incident, RunEnded)
        (refused,) = await stage.bodies(incident, ActRefused)
        assert (refused.guard, stage.acts) == ("mode", [])


async def test_a_place_that_left_the_network_file_is_not_touched(tmp_path: Path) -> None:
    """A link that was renamed while its run waited."""
    async with staged(tmp_path, WAITS) as stage:
        incident, run = await waiting(stage)
    async with staged(tmp_path, WAITS, network=renamed(tmp_path)) as stage:
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="yes")).done
        await stage.happened(incident, RunEnded)
        (refused,) = await stage.bodies(incident, ActRefused)
        assert (refused.guard, stage.acts) == ("network", [])
        assert "link:ams-utr" in refused.reason


@pytest.mark.parametrize("person", [BOB, SOFIE])
async def test_an_approval_asked_for_before_an_intrusion_was_suspected_is_void(tmp_path: Path, person: Person) -> None:
    """Nobody can give it, nor break its glass: started again, the run asks the security role."""
    async with staged(tmp_path, WAITS) as stage:
        incident, run = await waiting(stage)
        await suspected(stage, incident)
        desk = stage.bellhop.desk
        yes = await desk.approve(run, "throttle", person, plan_hash=None, key="yes")
        glass = await desk.approve(run, "throttle", person, plan_hash=None, key="now", break_glass="cannot wait")
        assert (yes.done, glass.done, stage.acts) == (False, False, [])
        assert "start it again" in yes.message
        assert (await desk.abort(run, ALICE, "again")).done
        await stage.happened(incident, RunEnded)
        await stage.run(incident, "book")
        asked = await stage.happened(incident, ApprovalAsked, count=2)
        assert "security" in asked.role


async def test_a_run_without_questions_stops_when_an_intrusion_is_suspected(tmp_path: Path) -> None:
    """Its next act is refused, and people hear of it."""
    async with staged(tmp_path, runbook("book", LOOK, throttle())) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, StepStarted)
        await suspected(stage, incident)
        assert (await stage.bellhop.desk.steering.skip(run, "look", SOFIE, "seen")).done
        await stage.happened(incident, RunEnded)
        (refused,) = await stage.bodies(incident, ActRefused)
        assert (refused.guard, stage.acts) == ("security", [])
        assert await stage.bodies(incident, Escalated)
