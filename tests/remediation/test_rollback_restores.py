"""Rollback against the simulated network: whatever a run without lint faults did, the settings are as before."""

import asyncio
from typing import Any

import httpx
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.simulator import views
from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from bot.telemetry.catalogue import CATALOGUE
from remediation import source
from remediation.contract import Ports
from remediation.controllers.simulator import SimulatorController
from remediation.execute import perform, probe, snapshot
from remediation.lint import lint
from remediation.load import Loaded
from remediation.machine import (
    Act,
    Ask,
    AskOutcome,
    Finish,
    RunState,
    Together,
    Wait,
    abort,
    next_instruction,
    record,
    start,
)
from remediation.plan import PlanFacts, build_plan
from remediation.registry import ACTIONS
from remediation.schema import Runbook
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.runs import nothing, restarted
from tests.remediation.simulated import START, Messages

Json = dict[str, Any]
NETWORK = demo_network()
LINKS = sorted(NETWORK.links)[:3]
NODES = sorted(NETWORK.nodes)[:3]
ON_LINKS: dict[str, tuple[Json, str, Json]] = {
    "link.set_power": ({"gain_db": 3}, "link.set_power", {"gain_db": "{{ steps.ID.before.settings.gain_db }}"}),
    "decoder.scale": ({"replicas": 5}, "decoder.scale", {"replicas": "{{ steps.ID.before.settings.replicas | int }}"}),
    "decoder.switch": ({"decoder": "fast"}, "decoder.switch", {"decoder": "{{ steps.ID.before.settings.decoder }}"}),
    "flow.throttle": ({"priority": "best-effort", "rate": 0}, "flow.unthrottle", {}),
}
"""Reversible acts: their parameters, the act that takes them back and its parameters."""
ON_NODES: dict[str, tuple[Json, str, Json]] = {
    "device.drain": ({}, "device.undrain", {}),
    "device.set_power_mode": (
        {"mode": "safe"},
        "device.set_power_mode",
        {"mode": "{{ steps.ID.before.settings.power_mode }}"},
    ),
    "firmware.pin": ({}, "firmware.unpin", {}),
}
MOODS = ("as usual", "dies before the act", "dies after the act", "surely does not happen")


def doing(name: str, kind: str, action: str, place: str) -> Json:
    """One step with its way back."""
    more, back, taking = {**ON_LINKS, **ON_NODES}[action]
    taking = {key: value.replace("ID", name) for key, value in taking.items()}
    step = {"id": name, "action": action, "with": {kind: place, **more}, "timeout": "15m"}
    step["rollback"] = {"action": back, "with": {kind: place, **taking}}
    return step | ({"approval": {"role": "approver"}} if action == "device.drain" else {})


@st.composite
def parts(draw: st.DrawFn, number: int) -> Json:
    """A step, a step for several places, or a group about several places."""
    kind, actions, places = draw(
        st.sampled_from((("link", sorted(ON_LINKS), LINKS), ("node", sorted(ON_NODES), NODES)))
    )
    shape = draw(st.sampled_from(("step", "foreach", "group")))
    some = draw(st.lists(st.sampled_from(places), min_size=2, max_size=3, unique=True))
    if shape == "group":
        branches = [
            doing(f"s{number}_{at}", kind, draw(st.sampled_from(actions)), each) for at, each in enumerate(some)
        ]
        return {"id": f"s{number}", "parallel": branches, "on_failure": "rollback"}
    step = doing(f"s{number}", kind, draw(st.sampled_from(actions)), some[0] if shape == "step" else "{{ item }}")
    step |= {"on_failure": "rollback", "retry": {"attempts": 2}}
    return step | ({"foreach": f"{{{{ {some} }}}}"} if shape == "foreach" else {})


VERIFY: Json = {
    "id": "verify",
    "action": "telemetry.wait_until",
    "with": {"signal": "physical_loss_ratio", "link": LINKS[0], "within_baseline": True, "for": "1m", "within": "2m"},
    "on_failure": "rollback",
}
"""Nobody reads telemetry here, so this fails and everything is taken back."""


@st.composite
def runbooks(draw: st.DrawFn) -> Runbook:
    """Some parts, then the verification that fails; without lint faults."""
    steps = [draw(parts(number)) for number in range(draw(st.integers(1, 4)))]
    content = {"apiVersion": "bellhop/v1", "kind": "Runbook", "metadata": {"name": "made-up", "title": "Made up"}}
    document = source.parse(yaml.safe_dump({**content, "spec": {"steps": [*steps, VERIFY]}}), file="made-up.yaml")
    loaded = Loaded(document.check(Runbook), document)
    assert lint(loaded, signals=frozenset(CATALOGUE)) == ()
    return loaded.runbook


def every_setting(simulation: Simulation) -> Json:
    """Every setting of the network."""
    links = {link: views.link(simulation, link)["settings"] for link in NETWORK.links}
    nodes = {node: views.node(simulation, node)["settings"] for node in NETWORK.nodes}
    flows = {flow: views.flow(simulation, flow)["settings"] for flow in NETWORK.flows}
    return {**links, **nodes, **flows}


class Far:
    """Carries acts out on the simulated network, by a process that dies as it is told."""

    def __init__(self, ports: Ports, moods: list[str], stop_after: int) -> None:
        self.ports = ports
        self.acts: list[Act] = []
        self._moods = moods
        self._stop_after = stop_after

    async def do(self, act: Act) -> Json:
        """One act; when the process died, the next one asks what became of it, as the flow does."""
        self.acts.append(act)
        mood = self._moods[len(self.acts) % len(self._moods)] if act.phase == "run" else "as usual"
        if mood == "surely does not happen":
            told = {"ok": False, "happened": False, "retryable": True, "error": "no answer", "output": {}, "before": {}}
            return {**told, "at": self.ports.timer.now()}
        before = await snapshot(act, self.ports, ACTIONS)
        if mood == "dies after the act":
            await perform(act, self.ports, ACTIONS)
        found = await probe(act, self.ports, ACTIONS, before=before) if mood.startswith("dies") else None
        envelope = found or await perform(act, self.ports, ACTIONS)
        return {**envelope, "at": self.ports.timer.now()}

    async def run(self, state: RunState) -> Finish:
        """Everything that is instructed, until a person stops it; the state crosses a restart each time."""
        while not isinstance(instruction := next_instruction(state := restarted(state)), Finish):
            result: Json = {}
            if len(self.acts) >= self._stop_after and not state.undoing:
                state = abort(state, "enough")
                continue
            if isinstance(instruction, Act):
                result = await self.do(instruction)
            elif isinstance(instruction, Together):
                result = {"acts": await asyncio.gather(*(self.do(act) for act in instruction.acts))}
            elif isinstance(instruction, Ask):
                result = {"decision": "approved", "by": ["alice"]}
            elif isinstance(instruction, AskOutcome) and instruction.looks:
                result = {"happened": False, "by": "alice"}
            else:
                assert isinstance(instruction, Wait), instruction
            state = record(state, instruction, result)
        return instruction


@settings(derandomize=True, deadline=None, max_examples=30)
@given(runbooks(), st.lists(st.sampled_from(MOODS), min_size=1, max_size=8), st.integers(0, 12))
def test_rollback_restores_the_network(runbook: Runbook, moods: list[str], stop_after: int) -> None:
    """Steps, items and groups; acts that were lost and found again, or surely did not happen; stopped on the way."""
    finish, acts, restored = asyncio.run(_run(runbook, moods, stop_after))
    assert finish.result in ("rolled back", "aborted")
    assert restored, (finish, acts)


async def _run(runbook: Runbook, moods: list[str], stop_after: int) -> tuple[Finish, list[str], bool]:
    """How it ended, what was done, and whether every setting is as before."""
    clock = LeapingTime(START)
    simulation = Simulation(NETWORK, seed=7, start=START)
    before = every_setting(simulation)
    transport = httpx.ASGITransport(create_app(simulation, clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulated") as client:
        far = Far(Ports(SimulatorController(client), NoReadings(), Messages(), clock), moods, stop_after)
        facts = PlanFacts(incident={"id": "INC-1"})
        plan = build_plan(runbook, inputs={}, facts=facts, actions=ACTIONS, predict=nothing)
        finish = await far.run(start(runbook, run="INC-1-R1", plan=plan, facts=facts, actions=ACTIONS))
    return finish, [f"{act.phase} {act.step}" for act in far.acts], every_setting(simulation) == before
