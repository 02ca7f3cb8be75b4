"""A yes is bound to what is done: to the acts as they are rendered when people are asked, not to a template's text."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.chat.blocks import incident_blocks
from bot.cli.approve_question import question_lines
from bot.model.event import ApprovalAsked, Entry, Escalated
from bot.model.incident import Incident
from bot.model.step_event import RunEnded, StepStarted
from tests.flow.stage import ALICE, ASKED, BOB, Stage, runbook, staged, throttle

LEVEL = "steps.look.output.entanglement_pool_level.value"
LOOK = {
    "id": "look",
    "action": "telemetry.snapshot",
    "with": {"link": "{{ inputs.place }}", "signals": ["entanglement_pool_level"]},
    "timeout": "1m",
}
TEMPLATE = f"{{{{ {LEVEL} * 100 }}}}"


def holding(*, asks: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    """A runbook that looks, asks and holds flows back, with these parameters."""
    step = throttle(**ASKED, **(asks or {}))
    return runbook("book", LOOK, {**step, "with": {**step["with"], **given}})


async def waiting(stage: Stage) -> tuple[str, str, ApprovalAsked, Incident]:
    """A run on ams-utr that waits, with its question."""
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, "book", by=BOB)
    asked = await stage.happened(incident, ApprovalAsked)
    return incident, run, asked, await stage.bellhop.desk.incident(incident)


def doors(view: Incident) -> tuple[str, str]:
    """The question on the card and at the terminal."""
    (ask,) = view.approvals
    return json.dumps(incident_blocks(view), ensure_ascii=False), "\n".join(question_lines(view, ask))


async def test_the_question_tells_the_rendered_parameters_and_these_are_done(tmp_path: Path) -> None:
    """A rate read from a look: the number is on card and terminal, it is what the controller gets, not the template."""
    async with staged(tmp_path, holding(rate=TEMPLATE)) as stage:
        incident, run, asked, view = await waiting(stage)
        (act,) = asked.acts
        rate = act["parameters"]["rate"]
        assert act["target"] == "link:ams-utr"
        assert 0 < rate <= 100, "a level between 0 and 1, times 100"
        card, terminal = doors(view)
        question = card[card.index("Approval needed") :]
        assert f"rate={json.dumps(rate)}" in question
        assert f"rate={json.dumps(rate)}" in terminal
        assert "steps.look" not in question + terminal
        assert (await stage.bellhop.desk.approve(run, "throttle", ALICE, plan_hash=asked.plan_hash, key="yes")).done
        await stage.happened(incident, RunEnded)
        assert [job.request.parameters["rate"] for job in stage.simulation.ledger.jobs] == [rate]


async def test_a_link_that_is_chosen_late_is_told_before_somebody_says_yes(tmp_path: Path) -> None:
    """The plan says no target; the question says which, and a yes to the plan alone is no yes to it."""
    chosen = f"{{{{ 'ams-rtm' if {LEVEL} >= 0 else inputs.place }}}}"
    async with staged(tmp_path, holding(link=chosen)) as stage:
        incident, run, asked, view = await waiting(stage)
        planned = view.runs[run].plan_hash
        assert asked.acts[0]["target"] == "link:ams-rtm"
        assert all("flow.throttle link:ams-rtm" in door for door in doors(view))
        assert asked.plan_hash != planned
        stale = await stage.bellhop.desk.approve(run, "throttle", ALICE, plan_hash=planned, key="stale")
        assert (stale.done, stale.message) == (
            False,
            "the plan has changed since this question was shown; look at the new one",
        )
        assert (await stage.bellhop.desk.approve(run, "throttle", ALICE, plan_hash=asked.plan_hash, key="yes")).done
        await stage.happened(incident, RunEnded)
        assert (await stage.bodies(incident, StepStarted))[-1].inputs["link"] == "ams-rtm"


async def test_a_question_about_what_was_known_before_is_bound_to_the_plan(tmp_path: Path) -> None:
    """The act is that of the plan: its hash stands, and its prediction is told."""
    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        _, run, asked, view = await waiting(stage)
        assert asked.plan_hash == view.runs[run].plan_hash
        assert [dict(each["parameters"]) for each in asked.acts] == [
            {"link": "ams-utr", "priority": "best-effort", "rate": 0}
        ]


async def test_one_yes_to_a_repeated_step_is_a_yes_to_all_its_items(tmp_path: Path) -> None:
    """Two links that a look chose: both are told, both are in the hash."""
    names = f"{{{{ ['ams-utr', 'ams-rtm'] if {LEVEL} >= 0 else [] }}}}"
    async with staged(tmp_path, holding(link="{{ item }}", asks={"foreach": names})) as stage:
        incident, run, asked, view = await waiting(stage)
        assert [each["target"] for each in asked.acts] == ["link:ams-utr", "link:ams-rtm"]
        assert all("link:ams-utr" in door and "link:ams-rtm" in door for door in doors(view))
        assert (await stage.bellhop.desk.approve(run, "throttle", ALICE, plan_hash=asked.plan_hash, key="yes")).done
        await stage.happened(incident, RunEnded)
        done = [body.inputs["link"] for body in await stage.bodies(incident, StepStarted) if body.step != "look"]
        assert done == ["ams-utr", "ams-rtm"]


async def test_a_value_that_the_action_does_not_take_is_told_as_such(tmp_path: Path) -> None:
    """Less than nothing cannot be let through: whoever is asked reads that before they say yes."""
    async with staged(tmp_path, holding(rate=f"{{{{ -1 - {LEVEL} }}}}")) as stage:
        _, _, asked, view = await waiting(stage)
        assert "rate" in asked.acts[0]["fault"]
        assert all("cannot be begun: rate" in door for door in doors(view))


async def test_after_a_restart_the_run_does_what_people_were_asked_about(tmp_path: Path) -> None:
    """The bot dies while people think; their yes to the question of before lets just that happen."""
    book = holding(rate=TEMPLATE)
    async with staged(tmp_path, book) as stage:
        incident, run, asked, _ = await waiting(stage)
    async with staged(tmp_path, book) as stage:
        assert (await stage.bellhop.desk.approve(run, "throttle", ALICE, plan_hash=asked.plan_hash, key="yes")).done
        await stage.happened(incident, RunEnded)
        done = (await stage.bodies(incident, StepStarted))[-1].inputs
        assert done["rate"] == asked.acts[0]["parameters"]["rate"]
        assert len(await stage.bodies(incident, ApprovalAsked)) == 1


async def test_a_run_that_would_do_something_else_after_a_restart_ends_and_tells_people(tmp_path: Path) -> None:
    """The version that goes on comes to 90 times the level, people were asked about 100 times: nothing is done."""
    book = holding(rate=TEMPLATE)
    async with staged(tmp_path, book) as stage:
        incident, *_ = await waiting(stage)
    with closing(sqlite3.connect(tmp_path / "bellhop.db")) as rows, rows:
        changed = rows.execute("UPDATE workflow_input SET inputs = replace(inputs, 'value * 100', 'value * 90')")
        assert changed.rowcount == 1
    async with staged(tmp_path, book) as stage:
        ended = await stage.happened(incident, RunEnded)
        assert ended.result == "failed"
        assert "what throttle would do is no longer what people were asked about" in ended.reason
        assert (await stage.bodies(incident, Escalated))[-1].to == "operators"
        assert stage.acts == []


async def test_a_question_that_was_written_before_a_crash_stands_as_it_was_written(tmp_path: Path) -> None:
    """It is in the incident and the engine knows nothing of it: what was asked then is not what is asked now."""
    async with staged(tmp_path, holding(rate=TEMPLATE)) as stage:
        incident = await stage.incident("link", "ams-utr")
        acts = ({"id": "throttle", "title": "t", "action": "flow.throttle", "parameters": {"rate": 1}},)
        before = ApprovalAsked(
            run=f"{incident}-R1",
            step="throttle",
            title="t",
            role="approver",
            count=1,
            plan_hash="0b5e",
            expires_at=stage.clock.now() + 900,
            acts=acts,
        )
        entry = Entry(at=stage.clock.now(), by="bellhop", body=before, key=f"asked:{incident}-R1:throttle")
        await stage.bellhop.store.transact(lambda transaction: transaction.append(incident, [entry]))
        await stage.run(incident, "book", by=BOB)
        assert "no longer what people were asked about" in (await stage.happened(incident, RunEnded)).reason
        assert stage.acts == []
