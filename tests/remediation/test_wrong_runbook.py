"""A runbook that is run on another fault than its own stops by itself, leaves no trace and claims no success."""

from typing import Any

import pytest

from bot.simulator import views
from remediation.load import load_library
from remediation.machine import Finish, RunState, start
from remediation.plan import PlanFacts, build_plan
from remediation.registry import ACTIONS
from remediation.schema import Runbook
from tests.remediation.runs import nothing
from tests.remediation.simulated import Trouble

RUNBOOKS = {each.spec.handles[0]: each for each in load_library().runbooks if each.spec.handles}
PASSES_CONFIRM = {
    "F1": {"F8"},
    "F2": {"F1", "F3", "F4", "F5", "F6", "F7", "F8"},
    "F5": {"F8"},
    "F7": {"F3"},
}
"""Runbook -> the other faults that look like its own at first sight; the rest stop at their first step.

A warm device (F8) loses more photons and forgets sooner; transfers queue behind a slow decoder (F3); every fault breaks
the promise that the runbook for correlated noise (F2) goes by, as much hardware measures no correlation.
"""


def begun(there: Trouble, runbook: Runbook, link: str) -> RunState:
    """A run that a person started on the link in trouble, or on the device that stands there."""
    subject = there.scenario.subject
    node = subject if subject in there.network.nodes else there.network.links[link].ends[0]
    kind = "node" if "node" in runbook.spec.inputs else "link"
    incident: dict[str, Any] = {"id": "INC-1", "subject": {"kind": kind, "id": {"node": node, "link": link}[kind]}}
    facts = PlanFacts(incident={**incident, "link": link})
    plan = build_plan(runbook, inputs={}, facts=facts, actions=ACTIONS, predict=nothing)
    return start(runbook, run=f"INC-1-{runbook.metadata.name}", plan=plan, facts=facts, actions=ACTIONS)


def settings(there: Trouble) -> dict[str, Any]:
    """Every setting of the network."""
    simulation, network = there.simulation, there.network
    links = {link: views.link(simulation, link)["settings"] for link in network.links}
    nodes = {node: views.node(simulation, node)["settings"] for node in network.nodes}
    return links | nodes


@pytest.mark.parametrize("fault", RUNBOOKS)
async def test_runbooks_for_other_faults_do_no_harm(fault: str) -> None:
    """Each other runbook in turn, with every approval given: people are called, and the settings are as before."""
    there = Trouble(fault.lower())
    try:
        link = await there.begin()
        before = settings(there)
        for handled in sorted(set(RUNBOOKS) - {fault}):
            there.acts.clear()
            finish: Finish = await there.run(begun(there, RUNBOOKS[handled], link))
            assert finish.result in ("failed", "rolled back"), (handled, finish)
            assert finish.escalate_to, handled
            assert [each.mode for each in there.simulation.faults.values()] == [fault], handled
            assert settings(there) == before, handled
            stopped = [act.step for act in there.acts] == [RUNBOOKS[handled].spec.steps[0].id]
            assert stopped is (fault not in PASSES_CONFIRM.get(handled, ())), (handled, finish)
    finally:
        await there.end()
