"""Withdrawing a run races its beginning, and the end of the bot: there is one outcome, and it stays."""

from pathlib import Path
from typing import Any

from bot.flow.desk import Desk
from bot.model.event import ApprovalAsked, Escalated, RecoveryVerified, RunStarted, StateChanged
from bot.model.person import Answer
from bot.model.step_event import RunEnded, StepStarted
from tests.flow.stage import ALICE, BOB, Stage, runbook, staged, throttle
from tests.flow.test_abort import UNDO, waits
from tests.flow.test_abort_waiting import BOOK, HOLD, in_line, let_go
from tests.flow.test_requests import SHIPPED

LINKS = ("ams-utr", "utr-ein", "ein-ens", "ens-grn", "grn-ams", "ams-rtm", "rtm-ein", "utr-ens")
WATCHED: dict[str, Any] = {"incidents": {"recovery_timeout": "9h", "recovery_hold": "8h"}}
"""At 60 simulated seconds in one a recovery holds after eight minutes, so that nothing here waits it out."""


async def test_of_a_beginning_and_a_withdrawal_at_once_one_comes_to_pass(tmp_path: Path) -> None:
    """People stop one after the other while the bot begins them: what began is taken back, the rest never begins."""
    async with staged(tmp_path, runbook("back", throttle(**UNDO), waits(on_failure="rollback"))) as stage:
        incidents = [await stage.incident("link", link) for link in LINKS]
        runs = [await stage.run(incident, "back") for incident in incidents]
        for run in runs[:-1]:
            assert (await stage.bellhop.desk.abort(run, BOB, "")).done
            await stage.bellhop.store.wait_for_change(0.2)
        await stage.happened(incidents[-1], RunStarted)
        assert (await stage.bellhop.desk.abort(runs[-1], BOB, "")).done
        began = [await _began(stage, incident) for incident in incidents]
        assert began[-1]
        assert stage.acts.count("flow.throttle") == stage.acts.count("flow.unthrottle") <= began.count(True)


async def _began(stage: Stage, incident: str) -> bool:
    """Whether the run had begun that somebody stopped, which is told one way only."""
    await stage.happened(incident, RunEnded)
    (ended,), started = await stage.bodies(incident, RunEnded), await stage.bodies(incident, RunStarted)
    assert ended.result == "aborted"
    assert ("before it began" in ended.reason) == (started == [])
    assert started or not await stage.bodies(incident, StepStarted)
    return bool(started)


async def test_a_run_withdrawn_before_the_bot_died_is_not_begun_by_the_one_that_comes_back(tmp_path: Path) -> None:
    """Its workflow still stands in line then; its runbook has gone meanwhile, which makes no difference to anybody."""
    async with staged(tmp_path, HOLD, BOOK) as stage:
        holder, incident, run = await in_line(stage)
        assert (await stage.bellhop.desk.abort(run, BOB, "the wrong link")).done
    (tmp_path / "books" / "book.yaml").unlink()
    async with staged(tmp_path, HOLD) as stage:
        await let_go(stage, holder)
        following = await stage.run(incident, "hold")
        await stage.happened(incident, ApprovalAsked)
        assert [body.run for body in await stage.bodies(incident, RunStarted)] == [following]
        assert [body.run for body in await stage.bodies(incident, RunEnded)] == [run]
        assert (await stage.bodies(incident, Escalated), stage.acts) == ([], [])


async def mistaken(desk: Desk) -> Answer:
    """A request for a link that is withdrawn again, both said on the command line."""
    asked = await desk.requests.replenish("ams-utr", ALICE, key="one")
    assert asked.message.startswith("INC-1-R1 (replenish-link) "), asked.message
    return await desk.abort("INC-1", ALICE, "the wrong link")


async def test_what_is_asked_for_and_withdrawn_while_the_bot_is_dead_never_begins(tmp_path: Path) -> None:
    """The same command again is the same request and says what became of it; a new one is run in that incident."""
    async with staged(tmp_path, SHIPPED):
        pass  # so that there is a store
    async with staged(tmp_path, SHIPPED, dead=mistaken) as stage:
        requests = stage.bellhop.desk.requests
        again = await requests.replenish("ams-utr", ALICE, key="one")
        why = "stopped by cli:alice before it began: the wrong link"
        assert again == Answer(done=False, message=f"this was asked for before: INC-1-R1 is over: aborted, {why}")
        (view,) = await stage.bellhop.desk.incidents(open_only=True)
        assert (view.id, view.state, len(view.runs)) == ("INC-1", "triggered", 1)
        assert (await requests.replenish("ams-utr", ALICE, key="two")).done
        await stage.happened("INC-1", RunEnded, lambda body: body.run == "INC-1-R2" and body.result == "succeeded")
        assert [body.run for body in await stage.bodies("INC-1", RunStarted)] == ["INC-1-R2"]


async def ran(stage: Stage) -> str:
    """An incident whose run helped, so that its recovery is watched."""
    incident = await stage.incident("link", "ams-utr")
    await stage.run(incident, "book")
    await stage.happened(incident, StateChanged, lambda body: body.after == "monitoring")
    return incident


async def test_a_run_withdrawn_after_it_ended_a_watch_leaves_the_incident_to_people(tmp_path: Path) -> None:
    """Nobody watches the recovery any more, so that nothing would ever end the incident by itself."""
    async with staged(tmp_path, HOLD, BOOK, **WATCHED) as stage:
        other, incident = await stage.incident("link", "ams-utr"), await ran(stage)
        await stage.run(other, "hold")
        run = await stage.run(incident, "book")
        await stage.happened(other, ApprovalAsked)
        assert (await stage.bellhop.desk.acknowledge(incident, ALICE)).done
        assert (await stage.bellhop.desk.abort(run, BOB, "the wrong link")).done
        assert (await stage.bellhop.desk.incident(incident)).state == "acknowledged"


async def test_a_run_withdrawn_before_a_watch_saw_it_lets_the_watch_go_on(tmp_path: Path) -> None:
    """The bot is dead meanwhile; what it watched is resolved all the same."""
    async with staged(tmp_path, BOOK, **WATCHED) as stage:
        incident = await ran(stage)

    async def withdrawn(desk: Desk) -> Answer:
        assert (await desk.run(incident, ALICE, "book")).done
        return await desk.abort(f"{incident}-R2", ALICE, "")

    async with staged(tmp_path, BOOK, dead=withdrawn) as stage:
        assert (await stage.happened(incident, RecoveryVerified)).recovered
        await stage.happened(incident, StateChanged, lambda body: body.after == "resolved")
