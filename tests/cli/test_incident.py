"""`bellhop incident`, `bellhop settle` and `bellhop runbook run` from a terminal: what is shown and what is refused."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.model.diagnosis import SecurityGate
from bot.model.event import (
    ApprovalAsked,
    DiagnosisMade,
    Entry,
    IncidentOpened,
    PlanProposed,
    PostmortemPublished,
    RunStarted,
)
from bot.model.step_event import OutcomeAsked, StepStarted
from tests.cli.terminal import configured, put, typed
from tests.flow.stage import ASKED, runbook, staged, throttle
from tests.support.accounts import sit_down
from tests.support.incident_story import LINK, PLAN, START, diagnosis

OPENED = IncidentOpened(title="success is low", severity="sev2", subject=LINK)
GATE = SecurityGate(reason="qber rose from 1.4% to 4.5%", onset=START, links=("ams-rpt1",))
RUN = "INC-1-R1"
MOVE = {"run": RUN, "step": "realign", "phase": "run", "attempt": 1}
DOUBT = (
    OPENED,
    PlanProposed(run=RUN, runbook="f1-excess-loss", title="Realign", plan_hash="9f2c", plan=PLAN),
    RunStarted(run=RUN, runbook="f1-excess-loss", plan_hash="9f2c"),
    StepStarted(title="Realign", action="link.realign", inputs={}, key=f"{RUN}:realign", **MOVE),
    OutcomeAsked(reason="the controller broke off", **MOVE),
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Ada sits at the terminal."""
    sit_down(monkeypatch, "ada")
    return str(configured(tmp_path))


def test_a_pause_is_the_first_thing_that_a_list_says(config: str) -> None:
    """Since when, by whom and why, in the list, the status and the story of an incident; nothing once it is over."""
    asyncio.run(put(Path(config).parent, OPENED))
    typed("pause", "fiber crew in duct 7", "-c", config)
    for words in (("list",), ("status",), ("show", "INC-1")):
        _, said = typed("incident", *words, "-c", config)
        assert said.startswith("PAUSED since 20")
        assert "by cli:ada: fiber crew in duct 7; no run acts until: bellhop resume" in said
    typed("resume", "-c", config)
    assert "PAUSED" not in typed("incident", "list", "-c", config)[1]


def test_a_pause_by_file_is_shown_with_the_file(tmp_path: Path) -> None:
    """Nobody needs to guess why nothing acts."""
    (tmp_path / "stop").write_text("crew \x1b[31m in the duct\n")
    config = str(configured(tmp_path, guards={"pause_file": str(tmp_path / "stop")}))
    _, said = typed("incident", "status", "-c", config)
    assert f"PAUSED by the file {tmp_path / 'stop'}: crew [31m in the duct" in said


def test_an_unknown_cause_and_a_doubt_about_intruders_are_no_missing_verdict(config: str) -> None:
    """The list and the header say what the diagnosis said, and which guide people have."""
    unknown = replace(diagnosis(), verdict="unknown", findings=(), security=GATE)
    asyncio.run(put(Path(config).parent, OPENED))
    asyncio.run(put(Path(config).parent, OPENED, DiagnosisMade(diagnosis=unknown)))
    _, listed = typed("incident", "list", "-c", config)
    assert "no diagnosis" in listed
    assert "unknown, intrusion not excluded" in listed
    assert "verdict" not in listed
    _, shown = typed("incident", "show", "INC-2", "-c", config)
    assert "guide for people: bellhop runbook show suspected-intrusion" in shown


async def test_why_an_incident_is_over_is_said_in_words_and_its_postmortem_is_written(
    tmp_path: Path, config: str
) -> None:
    """Words behind the id, or --why as before; the running bot writes the file as it does after a recovery."""
    async with staged(tmp_path, runbook("book", throttle())) as stage:
        incident = await stage.incident("link", "ams-utr")
        words = ("incident", "resolve", incident, "realigned", "by hand", "-c", config)
        assert (await asyncio.to_thread(typed, *words))[0] == 0
        published = await stage.happened(incident, PostmortemPublished)
        _, shown = await asyncio.to_thread(typed, "incident", "show", incident, "-c", config)
        assert "cli:ada: realigned by hand" in shown
        assert "realigned by hand" in await asyncio.to_thread(Path(published.place).read_text)


def test_an_incident_is_ended_in_a_store_that_no_server_opened_before(config: str) -> None:
    """The report is queued all the same; the first server writes it."""
    asyncio.run(put(Path(config).parent, OPENED))
    assert typed("incident", "resolve", "INC-1", "seen", "to", "-c", config)[0] == 0


async def test_an_act_that_nobody_knows_of_is_settled_from_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked is listed with the command; the answer and its reason are in the timeline; once is enough."""
    sit_down(monkeypatch, "ada")

    async def said(*words: str) -> tuple[int, str]:
        return await asyncio.to_thread(typed, *words, "-c", str(tmp_path / "bellhop.yaml"))

    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        configured(tmp_path, runbooks={"directory": str(tmp_path / "books")})
        incident = await stage.incident("link", "ams-utr")
        book = await stage.run(incident, "book")
        await stage.happened(incident, ApprovalAsked)
        doubt = OutcomeAsked(run=book, step="throttle", phase="run", attempt=1, reason="the controller broke off")
        entry = Entry(at=stage.clock.now(), by="bellhop", body=doubt, key="doubt")
        await stage.bellhop.store.transact(lambda transaction: transaction.append(incident, [entry]))
        _, listed = await said("settle")
        assert f"{book}: Did throttle happen? the controller broke off" in listed
        assert f"bellhop settle {book} throttle --happened|--not-happened" in listed
        assert (await said("settle", book, "throttle"))[0] == 2
        words = ("settle", book, "throttle", "--not-happened", "--why", "the old rate shows")
        assert await said(*words) == (0, f"throttle of {book} did not happen; the run goes on")
        _, shown = await said("incident", "show", incident)
        assert f"throttle of {book} did not happen" in shown
        assert f"throttle of {book}: the old rate shows" in shown
        assert await said(*words) == (1, f"{book} does not ask about throttle")
        assert await said("settle") == (0, "no run asks whether an act happened")


def test_who_may_only_look_settles_nothing(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role is viewer."""
    asyncio.run(put(Path(config).parent, *DOUBT))
    sit_down(monkeypatch, "dave")
    code, said = typed("settle", RUN, "realign", "--happened", "-c", config)
    assert (code, "Dave needs a role" in said) == (1, True)


def test_a_runbook_is_named_behind_the_incident_as_in_slack(config: str) -> None:
    """Not only with --runbook; two different names are refused."""
    asyncio.run(put(Path(config).parent, OPENED))
    code, said = typed("runbook", "run", "INC-1", "no-such-runbook", "-c", config)
    assert (code, "there is no runbook no-such-runbook" in said) == (1, True)
    assert typed("runbook", "run", "INC-1", "a", "--runbook", "b", "-c", config)[0] == 2


def test_a_faulty_runbook_is_not_planned_and_the_fault_has_its_line(tmp_path: Path) -> None:
    """The file, the line, and the command that shows all faults."""
    books = tmp_path / "books"
    books.mkdir()
    (books / "odd.yaml").write_text(
        "apiVersion: bellhop/v1\nkind: Runbook\nmetadata: {name: odd, title: Odd}\nspec:\n  steps:\n"
        "    - id: look\n      action: telemetry.check\n      with: {signal: qber, link: ams-utr, below: 1}\n"
    )
    config = str(configured(tmp_path, runbooks={"directory": str(books)}))
    code, said = typed("runbook", "plan", "odd", "--link", "ams-utr", "-c", config)
    assert code == 2
    assert f"{books / 'odd.yaml'}:8:" in said
    assert "bellhop runbook lint" in said


def test_an_unknown_runbook_names_runbooks_and_playbooks() -> None:
    """What can be shown is both."""
    code, said = typed("runbook", "show", "nonsense")
    assert code != 0
    assert "f1-excess-loss" in said
    assert "suspected-intrusion" in said


def test_a_plan_on_the_command_line_says_target_parameters_and_effect() -> None:
    """Without telemetry there is no prediction, and the plan says so."""
    _, said = typed("runbook", "plan", "f1-excess-loss", "--link", "ams-utr")
    assert "link.realign link:ams-utr" in said
    assert "no prediction" in said
