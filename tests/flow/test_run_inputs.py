"""People give a run inputs: checked all at once against what the runbook declares, shown, and never a template."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.model.event import ApprovalAsked, PlanProposed
from bot.model.run_inputs import against_inputs
from bot.model.step_event import RunEnded, StepStarted
from bot.web.acts import ACTS
from bot.web.body import Given
from tests.cli.terminal import configured, typed
from tests.flow.stage import ALICE, ASKED, Stage, runbook, staged, throttle
from tests.support.accounts import sit_down


def book(**more: Any) -> dict[str, Any]:
    """Holds flows back at a rate that people may choose."""
    made = runbook("book", throttle(**more))
    made["spec"]["inputs"] |= {
        "rate": {"type": "ratio", "default": 0},
        "hard": {"type": "boolean", "default": False},
        "note": {"type": "text", "default": "{{ incident.id }}"},
        "wait": {"type": "duration", "default": "1m"},
    }
    made["spec"]["steps"][0]["with"]["rate"] = "{{ inputs.rate }}"
    return made


async def planned(stage: Stage, incident: str) -> list[dict[str, Any]]:
    """The inputs of each plan."""
    return [dict(body.plan["inputs"]) for body in await stage.bodies(incident, PlanProposed)]


async def test_what_is_given_takes_the_place_of_defaults_and_reaches_the_step(tmp_path: Path) -> None:
    """Words are read as the kinds that the runbook declares; what is left out keeps its default."""
    async with staged(tmp_path, book()) as stage:
        incident = await stage.incident("link", "ams-utr")
        given = {"rate": "0.25", "hard": "true", "wait": "2m"}
        answer = await stage.bellhop.desk.run(incident, ALICE, "book", given)
        assert answer.message == f"{incident}-R1 (book) starts; given: rate=0.25, hard=true, wait=2m"
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        (inputs,) = await planned(stage, incident)
        assert inputs == {"place": "ams-utr", "rate": 0.25, "hard": True, "note": incident, "wait": 120.0}
        assert (await stage.bodies(incident, StepStarted))[0].inputs["rate"] == 0.25


async def test_what_is_given_is_data_and_no_template(tmp_path: Path) -> None:
    """Somebody who pastes an alert's text as an input has nothing of it evaluated, in the retry neither."""
    async with staged(tmp_path, book()) as stage:
        incident = await stage.incident("link", "ams-utr")
        hostile = "{{ incident.title * 9 }}{% for x in [1] %}"
        assert (await stage.bellhop.desk.run(incident, ALICE, "book", {"note": hostile})).done
        assert [each["note"] for each in await planned(stage, incident)] == [hostile]


async def test_all_faults_are_told_at_once_and_nothing_is_begun(tmp_path: Path) -> None:
    """One line; a number that is none, a link that the network does not have, an input that there is not."""
    async with staged(tmp_path, book()) as stage:
        incident = await stage.incident("link", "ams-utr")
        wrong = {"rate": "1.5", "hard": "yes", "note": "", "wait": "soon", "speed": "3"}
        said = (await stage.bellhop.desk.run(incident, ALICE, "book", wrong)).message
        assert said.startswith("inputs of book: speed: is not an input of book; ")
        for part in ("rate: must be between 0 and 1, not 1.5", "hard: must be true or false", "note: must be text"):
            assert f"; {part};" in said
        assert "wait: 'soon' is not a length of time" in said
        assert "\n" not in said
        assert await stage.bodies(incident, PlanProposed) == []


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"note": "a\0b"}, "'note': holds what is no text"),
        ({"note": "\udcff"}, "'note': holds what is no text"),
        ({"note": "a" * 4001, "n" * 64: "1"}, "'note': a value has at most 4000 characters; "),
        ({f"n{number}": "1" for number in range(33)}, "33 inputs are more than 32"),
    ],
)
async def test_what_is_no_input_of_any_runbook_is_refused_before_all_else(inputs: dict[str, Any], said: str) -> None:
    """A zero byte, half a character, too long, too many: whichever door it came through."""
    assert against_inputs(inputs).startswith(said)


async def test_the_same_request_twice_is_one_run_and_other_inputs_are_another(tmp_path: Path) -> None:
    """At the same moment by the same person; the other one is told that the first stands in its way."""
    async with staged(tmp_path, book(**ASKED)) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = stage.bellhop.desk.run
        wishes = ({"rate": "0.5", "hard": "true"}, {"hard": "true", "rate": "0.5"}, {"rate": "0.1"})
        answers = await asyncio.gather(*(run(incident, ALICE, "book", wish) for wish in wishes))
        assert answers[0].done == answers[1].done != answers[2].done
        assert len(await stage.bodies(incident, PlanProposed)) == 1
        refused = answers[0] if answers[2].done else answers[2]
        assert f"bellhop runbook abort {incident}-R1" in refused.message


async def test_every_door_takes_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal with --input; the API with an object of values. Slack's words are tested where its commands are."""
    sit_down(monkeypatch, "ada")
    async with staged(tmp_path, book(**ASKED)) as stage:
        config = str(configured(tmp_path, runbooks={"directory": str(tmp_path / "books")}))
        first = await stage.incident("link", "ams-utr")
        words = ("runbook", "run", first, "book", "--input", "rate=0.25", "--input", "note=a=b c", "-c", config)
        code, said = await asyncio.to_thread(typed, *words)
        assert (code, said) == (0, f"{first}-R1 (book) starts; given: rate=0.25, note=a=b c")
        assert [(each["rate"], each["note"]) for each in await planned(stage, first)] == [(0.25, "a=b c")]
        await stage.happened(first, ApprovalAsked)
        code, said = await asyncio.to_thread(typed, *words[:4], "--input", "note=\udcff", "-c", config)
        assert (code, said) == (2, "bellhop: 'note': holds what is no text")
        code, said = await asyncio.to_thread(typed, *words[:4], "--input", "rate", "--input", "=1", "-c", config)
        assert code == 2
        assert "rate is not NAME=VALUE; =1 is not NAME=VALUE" in said
        second = await stage.incident("link", "ams-rtm")
        given = Given({"runbook": "book"})
        given.inputs = {"rate": 0.5, "hard": True}
        assert (await ACTS["run"][0](stage.bellhop.desk, second, ALICE, given)).done
        assert [(each["rate"], each["hard"]) for each in await planned(stage, second)] == [(0.5, True)]
