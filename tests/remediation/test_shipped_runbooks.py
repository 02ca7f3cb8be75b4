"""The runbooks that ship: each can be read, is without fault, and ends its failure mode on the simulated network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.lint_facts import signal_kinds
from bot.model.diagnosis import Diagnosis
from remediation.contract import Effect, Prediction, Risk
from remediation.lint import lint_library
from remediation.load import load_library
from remediation.machine import Finish, RunState, start
from remediation.plan import PlanFacts, build_plan
from remediation.registry import ACTIONS
from remediation.schema import Runbook
from tests.remediation.simulated import Trouble

LIBRARY = load_library()
HANDLED = {
    "f1-excess-loss": "F1",
    "f2-correlated-noise": "F2",
    "f3-decoder-timeouts": "F3",
    "f4-entanglement-exhaustion": "F4",
    "f5-firmware-regression": "F5",
    "f6-measurement-drift": "F6",
    "f7-resource-starvation": "F7",
    "f8-thermal-event": "F8",
}
"""The failure modes of the mission, each with the runbook of its name."""
PROMISE = 0.99
"""slo.logical_success of every link of the demo network."""
RATE_WINDOW_S = 300.0
"""After this long nothing of the fault is left in rates over five minutes."""


def nothing(effect: Effect) -> tuple[Prediction, ...]:
    """No predictions."""
    del effect
    return ()


def facts_of(diagnosis: Diagnosis) -> PlanFacts:
    """What the flow tells a runbook of an incident with this diagnosis."""
    finding = diagnosis.findings[0]
    incident: dict[str, Any] = {
        "id": "INC-1",
        "title": "LogicalSuccessBurnsFast",
        "severity": "sev1",
        "subject": {"kind": finding.subject.kind, "id": finding.subject.id},
        "link": diagnosis.link,
        "mode": finding.mode,
        "confidence": finding.confidence,
        "summary": diagnosis.summary,
        "onset": diagnosis.at,
        "playbook": diagnosis.playbook,
    }
    return PlanFacts(incident=incident, affected_flows=({"id": "a-flow", "priority": "critical"},))


def begun(runbook: Runbook, facts: PlanFacts) -> RunState:
    """A run before its first step."""
    plan = build_plan(runbook, inputs={}, facts=facts, actions=ACTIONS, predict=nothing)
    return start(runbook, run="INC-1-R1", plan=plan, facts=facts, actions=ACTIONS)


@asynccontextmanager
async def trouble(name: str) -> AsyncIterator[tuple[Trouble, Diagnosis]]:
    """The network with a runbook's failure mode in force, and its diagnosis."""
    there = Trouble(HANDLED[name].lower())
    try:
        link = await there.begin()
        yield there, await there.diagnose(link)
    finally:
        await there.end()


def test_there_is_a_runbook_for_every_failure_mode_and_one_for_the_rest() -> None:
    """Bellhop always has something to propose; three more run only when a person asks for them."""
    handled = {each.metadata.name: "".join(each.spec.handles) for each in LIBRARY.runbooks}
    assert handled == {**HANDLED, "unknown": "", "replenish-link": "", "reroute-flow": "", "restore-flow": ""}
    by_hand = {each.metadata.name for each in LIBRARY.runbooks if not each.spec.trigger.auto}
    assert by_hand == {"replenish-link", "reroute-flow", "restore-flow"}


def test_shipped_runbooks_are_without_fault() -> None:
    """Neither error nor warning."""
    assert lint_library(LIBRARY, signals=signal_kinds()) == ()


@pytest.mark.parametrize("loaded", LIBRARY.loaded, ids=lambda loaded: loaded.runbook.metadata.name)
def test_file_is_named_as_its_runbook(loaded: Any) -> None:
    """Who reads a name in an incident finds the file."""
    assert Path(loaded.document.file).stem == loaded.runbook.metadata.name


@pytest.mark.parametrize("name", HANDLED)
def test_runbook_has_a_page_with_the_fixed_form(name: str) -> None:
    """When, evidence, steps, verify and rollback can be read before anything happens."""
    page = (Path(LIBRARY.loaded[0].document.file).parent / "README.md").read_text(encoding="utf-8")
    section = page.split(f"## {HANDLED[name]} ", 1)[1].split("\n## ", 1)[0]
    assert [word for word in ("When", "Evidence", "Steps", "Verify", "Rollback") if f"**{word}:**" not in section] == []


def test_runbook_for_the_unknown_touches_nothing() -> None:
    """It only looks and tells, and it is planned for an incident of which nothing is known."""
    runbook = LIBRARY.get("unknown")
    assert {ACTIONS[step.action].risk for step in runbook.spec.steps} == {Risk.READ}
    facts = {"id": "INC-1", "subject": {"kind": "network", "id": "lowlands"}, "link": ""}
    assert begun(runbook, PlanFacts(incident=facts)).scope["inputs"] == {"link": "lowlands"}


@pytest.mark.parametrize("name", HANDLED)
async def test_runbook_ends_its_fault_on_the_simulated_network(name: str) -> None:
    """From diagnosis over approval to verification: afterwards every link keeps its promise."""
    async with trouble(name) as (there, diagnosis):
        assert [finding.runbook for finding in diagnosis.findings[:1]] == [name]
        finish = await there.run(begun(LIBRARY.get(name), facts_of(diagnosis)))
        assert (finish.result, finish.reason) == ("succeeded", "every step succeeded")
        assert there.simulation.faults == {}
        await there.wait(RATE_WINDOW_S)
        assert {link: value for link, value in (await there.success()).items() if value < PROMISE} == {}


@pytest.mark.parametrize("name", HANDLED)
async def test_runbook_asks_before_its_first_disruptive_act_and_leaves_things_as_they_were_when_told_no(
    name: str,
) -> None:
    """A rejection takes back what was done and does nothing more."""
    async with trouble(name) as (there, diagnosis):
        state = begun(LIBRARY.get(name), facts_of(diagnosis))
        finish: Finish = await there.run(state, approves=False)
        assert finish.result == "rejected"
        assert len(there.asked) == 1
        done = {act.step for act in there.acts if act.phase == "run" and ACTIONS[act.action].risk is not Risk.READ}
        assert done == {act.step for act in there.acts if act.phase == "undo"}
        assert not any(ACTIONS[act.action].risk is Risk.DISRUPTIVE for act in there.acts)
