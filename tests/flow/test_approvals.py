"""Two-person rule, several roles, people behind several doors, and one person alone in an emergency."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bot.model.diagnosis import SecurityGate
from bot.model.event import ApprovalAnswered, ApprovalAsked, DiagnosisMade, Entry
from bot.model.guard_event import GlassBroken
from bot.model.incident import Review
from bot.model.person import Answer, Person
from bot.model.step_event import RunEnded
from tests.flow.stage import ALICE, BOB, CAROL, DAVE, Stage, runbook, staged, throttle

PEOPLE: dict[str, Any] = {
    "people": [
        {"id": "cli:alice", "name": "Alice", "roles": ["approver"]},
        {"id": "slack:U1", "name": "Alice", "roles": ["approver"]},
    ]
}
ALICE_IN_SLACK = Person(id="slack:U1", name="Alice", roles=("approver",))
OTTO = Person(id="cli:otto", name="Otto", roles=("operator",))
EVE = Person(id="cli:eve", name="Eve", roles=("approver", "security"))


def asking(**approval: Any) -> dict[str, Any]:
    """A runbook whose one step asks."""
    return runbook("book", throttle(approval={"required": True, "timeout": "24h", **approval}))


async def waiting(stage: Stage, by: Person = ALICE) -> tuple[str, str]:
    """A run that waits for its approval, and its incident."""
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, "book", by=by)
    await stage.happened(incident, ApprovalAsked)
    return incident, run


async def approve(stage: Stage, run: str, by: Person, **more: Any) -> Answer:
    """One person's yes."""
    return await stage.bellhop.desk.approve(run, "throttle", by, plan_hash=None, key=by.id, **more)


async def test_who_asked_for_a_run_does_not_approve_it_whichever_door_they_come_through(tmp_path: Path) -> None:
    """Alice asked on the command line; in Slack she is still Alice. She may turn it down."""
    async with staged(tmp_path, asking(), **PEOPLE) as stage:
        incident, run = await waiting(stage)
        for alice in (ALICE, ALICE_IN_SLACK):
            answer = await approve(stage, run, alice)
            assert answer.message == "Alice asked for INC-1-R1; somebody else must approve throttle"
        assert (await stage.bellhop.desk.reject(run, "throttle", ALICE, plan_hash=None, key="no")).done
        assert (await stage.happened(incident, RunEnded)).result == "rejected"


async def test_two_approvals_come_from_two_people(tmp_path: Path) -> None:
    """Carol asked and lacks the role; Alice counts once, through both doors; Bob is the second."""
    async with staged(tmp_path, asking(count=2), **PEOPLE) as stage:
        incident, run = await waiting(stage, by=CAROL)
        assert (await approve(stage, run, ALICE)).done
        again = await approve(stage, run, ALICE_IN_SLACK)
        assert again.message == "Alice has approved throttle before; somebody else must"
        viewer = await approve(stage, run, DAVE)
        assert viewer.message == "throttle needs the role approver, which Dave does not have"
        assert stage.acts == []
        assert (await approve(stage, run, BOB)).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")


async def test_a_security_gated_diagnosis_asks_the_security_role_too(tmp_path: Path) -> None:
    """Eve has both roles but is one person; her yes goes to whichever role nobody else can fill."""
    async with staged(tmp_path, asking()) as stage:
        incident = await stage.incident("link", "ams-utr")
        view = await stage.bellhop.desk.incident(incident)
        assert view.diagnosis is not None
        gate = SecurityGate(reason="errors rose", onset=stage.clock.now(), links=("ams-utr",))
        gated = DiagnosisMade(diagnosis=replace(view.diagnosis, security=gate))
        entry = Entry(at=stage.clock.now(), by="bellhop", body=gated, key="gated")
        await stage.bellhop.store.transact(lambda transaction: transaction.append(incident, [entry]))
        run = await stage.run(incident, "book", by=OTTO)
        asked = await stage.happened(incident, ApprovalAsked)
        assert (asked.role, asked.count) == ("approver+security", 1)
        assert (await approve(stage, run, EVE)).done
        assert (await approve(stage, run, BOB)).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")


async def test_a_role_that_is_filled_takes_nobody_more(tmp_path: Path) -> None:
    """Two approvers do not make up for a missing security officer."""
    async with staged(tmp_path, asking(role="approver+security")) as stage:
        _, run = await waiting(stage, by=OTTO)
        assert (await approve(stage, run, ALICE)).done
        answer = await approve(stage, run, BOB)
        assert answer.message == "throttle still needs the role security; that of Bob is filled"
        assert (await approve(stage, run, CAROL)).done


async def test_one_person_may_break_the_glass_and_owes_a_review(tmp_path: Path) -> None:
    """Alice asked, and lets a step of two approvals go ahead alone; a viewer may not, and a reason is wanted."""
    async with staged(tmp_path, asking(count=2, role="security")) as stage:
        incident, run = await waiting(stage)
        assert not (await approve(stage, run, DAVE, break_glass="now")).done
        assert not (await approve(stage, run, ALICE, break_glass="  ")).done
        answer = await approve(stage, run, ALICE, break_glass="the ring is down")
        assert answer.message == "throttle of INC-1-R1 goes ahead on Alice's word; a review is owed"
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        broken = GlassBroken(run=run, step="throttle", reason="the ring is down")
        assert await stage.bodies(incident, GlassBroken) == [broken]
        assert [body.decision for body in await stage.bodies(incident, ApprovalAnswered)] == ["approved"]
        view = await stage.bellhop.desk.incident(incident)
        assert view.reviews == (Review(run=run, step="throttle", by="cli:alice", reason="the ring is down"),)
        report = await stage.bellhop.desk.postmortem(incident, "md")
        assert "Mandatory review, by somebody else" in report


async def test_a_yes_counts_for_the_plan_that_was_shown_and_no_other(tmp_path: Path) -> None:
    """Not even with the glass broken."""
    async with staged(tmp_path, asking()) as stage:
        incident, run = await waiting(stage)
        (asked,) = await stage.bodies(incident, ApprovalAsked)
        for glass in (None, "now"):
            answer = await stage.bellhop.desk.approve(
                run, "throttle", BOB, plan_hash="0" * 64, key="old", break_glass=glass
            )
            assert answer.message == "the plan has changed since this question was shown; look at the new one"
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=asked.plan_hash, key="new")).done


async def test_an_approval_expires_and_break_glass_does_not_bring_it_back(tmp_path: Path) -> None:
    """A minute to decide."""
    async with staged(tmp_path, asking(timeout="1m")) as stage:
        incident, run = await waiting(stage)
        assert (await stage.happened(incident, RunEnded)).result == "stopped"
        assert not (await approve(stage, run, BOB, break_glass="late")).done
        assert stage.acts == []
