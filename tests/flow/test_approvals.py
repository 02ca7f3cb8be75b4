"""Two-person rule, several roles, people behind several doors, and one person alone in an emergency."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.model.diagnosis import SecurityGate
from bot.model.event import ApprovalAnswered, ApprovalAsked, DiagnosisMade, Entry
from bot.model.guard_event import LONGEST_REASON, GlassBroken, ReviewClosed, WishRefused
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


async def test_who_asked_on_the_pages_does_not_approve_it_from_a_terminal(tmp_path: Path) -> None:
    """The web token al is Alice, because the configuration gives that id her name; Otto's token needs no entry."""
    tokens = [{"name": name, "token": {"file": tmp_path / name}, "roles": ["approver"]} for name in ("al", "Otto")]
    people = [*PEOPLE["people"], {"id": "web:al", "name": "Alice"}]
    async with staged(tmp_path, asking(), people=people, web={"tokens": tokens}) as stage:
        _, run = await waiting(stage, by=Person(id="web:al", name="al", roles=("approver",)))
        assert (
            await approve(stage, run, ALICE)
        ).message == f"Alice asked for {run}; somebody else must approve throttle"
        second = await stage.incident("link", "ams-rtm")
        other = await stage.run(second, "book", by=Person(id="web:Otto", name="Otto", roles=("approver",)))
        await stage.happened(second, ApprovalAsked)
        otto = Person(id="cli:otto", name="Otto", roles=("approver",))
        assert (
            await approve(stage, other, otto)
        ).message == f"Otto asked for {other}; somebody else must approve throttle"


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
    """Alice asked, and lets a step of two approvals go ahead alone; a reason that can be judged is wanted."""
    async with staged(tmp_path, asking(count=2, role="security")) as stage:
        incident, run = await waiting(stage)
        empty = await approve(stage, run, ALICE, break_glass="  ")
        assert empty.message == "say why it cannot wait for somebody else"
        long = await approve(stage, run, ALICE, break_glass="x" * (LONGEST_REASON + 1))
        assert "in at most 1000 characters, 1 fewer" in long.message
        answer = await approve(stage, run, ALICE, break_glass="the ring is down")
        assert answer.message == "throttle of INC-1-R1 goes ahead on Alice's word; a review is owed by somebody else"
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        broken = GlassBroken(run=run, step="throttle", reason="the ring is down")
        assert await stage.bodies(incident, GlassBroken) == [broken]
        assert [body.decision for body in await stage.bodies(incident, ApprovalAnswered)] == ["approved"]
        view = await stage.bellhop.desk.incident(incident)
        (review,) = view.reviews
        assert (review.run, review.step, review.by) == (run, "throttle", "cli:alice")
        assert (review.reason, review.roles) == ("the ring is down", ("security",))
        assert await stage.bellhop.desk.reviews.owed() == (review,)
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
        answer = await approve(stage, run, BOB, break_glass="late")
        assert answer.message == "the time to approve throttle is over; start INC-1-R1 again with retry"
        (refused,) = await stage.bodies(incident, WishRefused)
        assert (refused.step, refused.reason) == ("throttle", answer.message)
        assert stage.acts == []


@pytest.mark.parametrize("by", [DAVE, OTTO, Person(id="slack:U9", name="Nobody")], ids=["viewer", "operator", "none"])
async def test_who_approves_nothing_breaks_no_glass_and_the_refusal_stands_in_the_incident_once(
    tmp_path: Path, by: Person
) -> None:
    """The step asks for security; an approver may as well, an operator may not. Asking again adds nothing."""
    async with staged(tmp_path, asking(role="security")) as stage:
        incident, run = await waiting(stage)
        for _ in range(2):
            answer = await approve(stage, run, by, break_glass="now")
            wanted = f"to break the glass for throttle {by.name} needs the role approver or security"
            assert (answer.done, answer.message) == (False, wanted)
        (refused,) = await stage.bodies(incident, WishRefused)
        assert refused == WishRefused(run=run, step="throttle", wish="break the glass", reason=wanted)
        report = await stage.bellhop.desk.postmortem(incident, "md")
        assert "Refused to break the glass" in report
        assert stage.acts == []


async def test_the_glass_is_broken_once_and_names_who_did_it_before(tmp_path: Path) -> None:
    """A second wish, by whomever, changes nothing; a step that nobody knows leaves no trace at all."""
    async with staged(tmp_path, asking()) as stage:
        incident, run = await waiting(stage)
        assert (await approve(stage, run, ALICE, break_glass="the ring is down")).done
        again = await approve(stage, run, BOB, break_glass="me too")
        assert again.message == "cli:alice broke the glass for throttle before; it went ahead"
        desk = stage.bellhop.desk
        made_up = await desk.approve(run, "x", BOB, plan_hash=None, key="x", break_glass="why not")
        assert made_up.message == "INC-1-R1 does not wait for an approval of x"
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert len(await stage.bodies(incident, GlassBroken)) == 1
        assert [body.reason for body in await stage.bodies(incident, WishRefused)] == [again.message]
        assert stage.acts == ["flow.throttle"]


async def test_who_approved_before_may_still_break_the_glass(tmp_path: Path) -> None:
    """Alice is the first of two; nobody else comes. Her word arrives although the door gives both the same key."""
    async with staged(tmp_path, asking(count=2)) as stage:
        incident, run = await waiting(stage, by=CAROL)
        assert (await approve(stage, run, ALICE)).done
        assert (await approve(stage, run, ALICE, break_glass="nobody answers")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")


async def test_a_review_is_closed_by_somebody_else_and_stays_open_until_then(tmp_path: Path) -> None:
    """Alice may not under any of her three ids, an operator may not, Bob may, once; the report says what he said."""
    web = {"tokens": [{"name": "al", "token": {"file": tmp_path / "token"}, "roles": ["approver"]}]}
    people = [*PEOPLE["people"], {"id": "web:al", "name": "Alice"}]
    async with staged(tmp_path, asking(), people=people, web=web) as stage:
        incident, run = await waiting(stage)
        desk, reviews = stage.bellhop.desk, stage.bellhop.desk.reviews
        assert (await approve(stage, run, ALICE, break_glass="the ring is down")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        for alice in (ALICE, ALICE_IN_SLACK, Person(id="web:al", name="al", roles=("approver",))):
            own = await reviews.close(run, "throttle", alice, verdict="justified", note="I was right")
            assert own.message == "Alice broke the glass for throttle; somebody else must review it"
        otto = await reviews.close(run, "throttle", OTTO, verdict="justified", note="fine")
        assert otto.message == "to review throttle Otto needs the role approver"
        assert len(await reviews.owed()) == 1
        unsaid = await reviews.close(run, "throttle", BOB, verdict="not justified", note=" ")
        assert unsaid.message == "say why you think so"
        closed = await reviews.close(run, "throttle", BOB, verdict="not justified", note="Carol was awake")
        assert closed.message == "the review of throttle of INC-1-R1 is closed by Bob: not justified"
        again = await reviews.close(run, "throttle", CAROL, verdict="justified", note="no")
        assert not again.done
        assert await reviews.owed() == ()
        (event,) = [each for each in await desk.events(incident) if isinstance(each.body, ReviewClosed)]
        assert event.by == "cli:bob"
        assert event.body == ReviewClosed(run=run, step="throttle", verdict="not justified", note="Carol was awake")
        report = await desk.postmortem(incident, "md")
        assert "See that it does not happen again" in report
        assert "Mandatory review" not in report
        refusals = [body.reason for body in await stage.bodies(incident, WishRefused)]
        assert refusals[:4] == [own.message] * 3 + [otto.message]


async def test_what_resolves_an_incident_says_that_a_review_is_open(tmp_path: Path) -> None:
    """By hand, in one line with the command that closes it."""
    async with staged(tmp_path, asking()) as stage:
        incident, run = await waiting(stage)
        assert (await approve(stage, run, ALICE, break_glass="the ring is down")).done
        answer = await stage.bellhop.desk.resolve(incident, BOB, "over")
        assert answer.message == (
            f"{incident} is resolved by Bob; the review of throttle of {run} is still open; "
            f"somebody other than cli:alice closes it with: bellhop review {run} throttle"
        )
