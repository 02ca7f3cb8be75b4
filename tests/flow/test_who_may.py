"""What takes a role: to end an incident, to call for more people, to let a runbook do more by itself."""

import asyncio
from pathlib import Path

from bot.model.event import Entry, Escalated, EventBody, PostmortemPublished, StateChanged
from bot.model.guard import LedgerLine, ModeRow, Verdict
from bot.model.guard_event import PromotionProposed
from bot.model.person import Person
from bot.store import GuardRows, Transaction
from tests.flow.stage import ALICE, DAVE, Stage, runbook, staged, throttle

NOBODY = Person(id="slack:U9", name="Nobody")
LIA = Person(id="cli:lia", name="Lia", roles=("customer-liaison",))
BOOK, PLACE = runbook("book", throttle()), "link:ams-utr"
OBSERVED = {"modes": [{"runbook": "book", "target": "*", "mode": "observe"}]}


async def moved(stage: Stage) -> ModeRow:
    """What is kept of the last move of the mode."""
    row = await stage.bellhop.store.read(lambda transaction: GuardRows(transaction).mode("book", PLACE))
    assert row is not None
    return row


async def test_somebody_without_a_role_ends_no_incident_and_calls_nobody(tmp_path: Path) -> None:
    """They look, acknowledge and note, as the help in Slack says."""
    async with staged(tmp_path, BOOK) as stage:
        incident, desk = await stage.incident("link", "ams-utr"), stage.bellhop.desk
        for person in (NOBODY, DAVE):
            for answer, wish in (
                (await desk.resolve(incident, person, "it is fine"), "end"),
                (await desk.escalate(incident, person, "help"), "escalate"),
            ):
                assert answer.message == (
                    f"{person.name} needs a role to {wish} {incident}: the configuration gives roles to people"
                )
        assert (await desk.acknowledge(incident, NOBODY)).done
        assert (await desk.note(incident, "I smell smoke", NOBODY)).done
        assert await stage.bodies(incident, Escalated) == []
        assert (await desk.incident(incident)).state == "acknowledged"
        assert (await desk.escalate(incident, LIA, "customers call")).done
        assert (await desk.resolve(incident, LIA, "they are happy")).done


async def test_a_runbook_is_promoted_by_an_approver_who_says_why(tmp_path: Path) -> None:
    """The ledger proposes nothing here; the reason stands beside the new mode."""
    async with staged(tmp_path, BOOK, runbooks=OBSERVED) as stage:
        promote = stage.bellhop.desk.switches.promote
        assert (await promote("book", PLACE, LIA, "please")).message == ("to promote book Lia needs the role approver")
        assert (await promote("book", PLACE, ALICE)).message == (
            f"the ledger proposes no promotion of book on {PLACE} from observe; say why: --why REASON"
        )
        assert not (await promote("book", PLACE, ALICE, " \n ")).done
        answer = await promote("book", PLACE, ALICE, "a month of\ndrills")
        assert answer.message == f"book on {PLACE}: observe → suggest; a month of drills"
        assert (await moved(stage)).why == "a month of drills"
        assert (await moved(stage)).by == "cli:alice"


async def judged(stage: Stage, verdict: Verdict, *follows: EventBody) -> str:
    """A run of the book that was verified so, and what the ledger said of it; its incident."""
    incident, now = await stage.incident("link", "ams-utr"), stage.clock.now()
    line = LedgerLine(run=f"{incident}-R1", runbook="book", target=PLACE, at=now, verdict=verdict, reason="made up")
    entries = [Entry(at=now, by="bellhop", body=body, key="ledger") for body in follows]

    def write(transaction: Transaction) -> None:
        GuardRows(transaction).write(line)
        transaction.append(incident, entries)

    await stage.bellhop.store.transact(write)
    return incident


async def test_a_proposal_of_the_ledger_stands_for_one_step_until_a_miss(tmp_path: Path) -> None:
    """It was made from the mode in force: the step after that one takes a reason, and so does one after a miss."""
    proposed = PromotionProposed(runbook="book", target=PLACE, before="observe", after="suggest", matches=3)
    async with staged(tmp_path, BOOK, runbooks=OBSERVED) as stage:
        promote = stage.bellhop.desk.switches.promote
        await judged(stage, "match", proposed)
        await judged(stage, "miss")
        assert not (await promote("book", PLACE, ALICE)).done
        incident = await judged(stage, "match", proposed)
        await judged(stage, "unknown")
        answer = await promote("book", PLACE, ALICE)
        assert answer.message == (
            f"book on {PLACE}: observe → suggest; proposed in {incident} after 3 runs as predicted in a row"
        )
        assert (await moved(stage)).why == f"proposed in {incident} after 3 runs as predicted in a row"
        assert not (await promote("book", PLACE, ALICE)).done


async def test_what_a_person_ends_has_its_postmortem_too(tmp_path: Path) -> None:
    """Once, also where a recovery that was watched meanwhile or a second server publishes the same."""
    async with staged(tmp_path, BOOK) as stage:
        incident = await stage.incident("link", "ams-utr")
        assert (await stage.bellhop.desk.resolve(incident, ALICE, "it was the coffee machine")).done
        place = Path((await stage.happened(incident, PostmortemPublished)).place)
        assert "it was the coffee machine" in await asyncio.to_thread(place.read_text)
        await stage.bellhop.publisher.publish(incident)
        assert not (await stage.bellhop.desk.resolve(incident, ALICE, "again")).done
        states = [body.after for body in await stage.bodies(incident, StateChanged)]
        assert states == ["resolved", "postmortem published"]
        assert len(await stage.bodies(incident, PostmortemPublished)) == 1
        assert await asyncio.to_thread(lambda: [each.name for each in tmp_path.glob("INC-*")]) == [place.name]


async def test_two_who_write_the_same_report_at_once_do_not_trip_each_other(tmp_path: Path) -> None:
    """A recovery and a person may end an incident in the same moment; one event, one file, nothing half written."""
    async with staged(tmp_path, BOOK) as stage:
        incident = await stage.incident("link", "ams-utr")
        assert (await stage.bellhop.desk.resolve(incident, ALICE, "over")).done
        await asyncio.gather(*(stage.bellhop.publisher.publish(incident) for _ in range(8)))
        await stage.happened(incident, PostmortemPublished)
        assert await stage.bodies(incident, Escalated) == []
        assert await asyncio.to_thread(lambda: [each.name for each in tmp_path.glob("INC-*")]) == [f"{incident}.md"]
