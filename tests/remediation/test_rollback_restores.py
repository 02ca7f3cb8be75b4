"""Rollback against the simulated network: whatever a run without lint faults did, the settings are as before."""

import asyncio
from collections.abc import Mapping
from functools import reduce
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import numpy as np
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.simulator import views
from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from bot.telemetry.catalogue import CATALOGUE
from remediation import source
from remediation.contract import Ports, Risk
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
FLOWS = sorted(NETWORK.flows)
ALTERNATES = {flow: [list(route) for route in NETWORK.flows[flow].alternates] for flow in FLOWS}
HOMES = {flow: list(NETWORK.flows[flow].route) for flow in FLOWS}
KINDS: dict[str, list[str]] = {"link": LINKS, "node": NODES, "flow": FLOWS}


class Way(NamedTuple):
    """An act with its parameters, and the act that takes it back with those beside the place."""

    action: str
    parameters: Json
    back: str
    back_parameters: Mapping[str, Any] = MappingProxyType({})


def itself(action: str, parameter: str, value: object, setting: str) -> Way:
    """An act that takes itself back with the value from before."""
    return Way(action, {parameter: value}, action, {parameter: f"{{{{ steps.ID.before.settings.{setting} }}}}"})


WAYS: dict[str, tuple[Way, ...]] = {
    "link": (
        itself("link.set_power", "gain_db", 3, "gain_db"),
        itself("decoder.scale", "replicas", 5, "replicas | int"),
        itself("decoder.switch", "decoder", "fast", "decoder"),
        itself("entanglement.purify", "rounds", 3, "purification_rounds"),
        itself("scheduler.set_slots", "slots", 4, "slots | int"),
        Way("scheduler.set_slots", {"slots": 5}, "scheduler.set_slots"),
        Way("entanglement.set_policy", {"attempt_share": 0.25, "target_level": 0.5}, "entanglement.set_policy"),
        Way("flow.throttle", {"priority": "best-effort", "rate": 0}, "flow.unthrottle"),
        Way("flow.throttle", {"priority": "standard", "rate": 1}, "flow.unthrottle"),
        Way("flow.throttle", {"priority": "standard", "rate": 0}, "flow.unthrottle", {"priority": "standard"}),
    ),
    "node": (
        itself("device.set_power_mode", "mode", "safe", "power_mode"),
        Way("device.drain", {}, "device.undrain"),
        Way("firmware.pin", {}, "firmware.unpin"),
        Way("firmware.unpin", {}, "firmware.pin"),
        Way("firmware.canary", {"version": "2.2.0"}, "firmware.roll_back"),
        Way("firmware.roll_back", {"version": "2.1.0"}, "firmware.roll_back"),
        Way("calibration.schedule", {"after": "10h"}, "calibration.cancel"),
    ),
    "flow": (
        Way("flow.set_quota", {"logical_per_s": 1}, "flow.restore"),
        Way("flow.set_quota", {"logical_per_s": None}, "flow.restore"),
        itself("flow.set_quota", "logical_per_s", 0, "quota_logical_per_s"),
        Way("flow.reroute", {"route": "{{ ALTERNATES[WHERE][0] }}"}, "flow.restore"),
        Way("flow.reroute", {"route": "{{ HOMES[WHERE] }}"}, "flow.restore"),
        Way("flow.fail_over", {"to": "alternate"}, "flow.restore"),
        Way("flow.fail_over", {"to": "classical"}, "flow.restore"),
    ),
}
"""Acts by what they are about."""
MOODS = ("as usual", "dies before the act", "dies after the act", "surely does not happen")


def doing(name: str, kind: str, way: Way, place: str) -> Json:
    """One step with its way back."""
    where = place.strip("{} ") if "{" in place else repr(place)
    tables = {"ALTERNATES": str(ALTERNATES), "HOMES": str(HOMES), "WHERE": where, "ID": name}
    more, taking = filled(way.parameters, tables), filled(way.back_parameters, tables)
    step = {"id": name, "action": way.action, "with": {kind: place, **more}, "timeout": "15m"}
    step["rollback"] = {"action": way.back, "with": {kind: place, **taking}}
    return step | ({"approval": {"role": "approver"}} if ACTIONS[way.action].risk is Risk.DISRUPTIVE else {})


def filled(parameters: Mapping[str, Any], tables: dict[str, str]) -> Json:
    """Parameters with the tables in place of their names."""
    return {key: reduce(lambda text, name: _put(text, name, tables), tables, each) for key, each in parameters.items()}


def _put(value: Any, name: str, tables: dict[str, str]) -> Any:
    return value.replace(name, tables[name]) if isinstance(value, str) else value


@st.composite
def parts(draw: st.DrawFn, number: int) -> Json:
    """A step, a step for several places, or a group about several places."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    shape = draw(st.sampled_from(("step", "foreach", "group")))
    some = draw(st.lists(st.sampled_from(KINDS[kind]), min_size=2, max_size=3, unique=True))
    ways = st.sampled_from(WAYS[kind])
    if shape == "group":
        branches = [doing(f"s{number}_{at}", kind, draw(ways), each) for at, each in enumerate(some)]
        return {"id": f"s{number}", "parallel": branches, "on_failure": "rollback"}
    step = doing(f"s{number}", kind, draw(ways), some[0] if shape == "step" else "{{ item }}")
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
    for each in nodes.values():
        del each["firmware_archive"]  # what it has run, which nothing takes back
    return {**links, **nodes, **flows}


def unusual(simulation: Simulation, seed: int) -> None:
    """Settings as people and other runs may have left them."""
    random, has = Random(seed), simulation.settings
    for at in range(len(NETWORK.links)):
        has.attempt_share[at], has.target[at] = random.choice((1.0, 0.6)), random.choice((0.8, 0.7))
        has.slots[at], has.replicas[at] = random.choice((has.slots[at], 3.0)), random.choice((has.replicas[at], 7.0))
        has.fast_decoder[at], has.gain_db[at] = random.choice((True, False)), random.choice((0.0, 2.0))
        has.purification[at] = random.choice((1.0, 2.0))
        has.throttle[:, at] = [random.choice((np.inf, 0.0, 2.5)) for _ in range(3)]
    for at in range(len(NETWORK.nodes)):
        has.safe[at], has.drained[at], has.pinned[at] = (random.random() < 0.5 for _ in range(3))
        has.archive[at] = ["2.3.1", "2.1.0"]
        has.firmware[at] = random.choice(("2.3.1", "2.1.0", "2.4.0"))
    for name, flow in NETWORK.flows.items():
        state = has.flows[name]
        state.route, state.quota = random.choice((flow.route, *flow.alternates)), random.choice((np.inf, 0.0, 2.0))
        state.classical = flow.fallback == "classical" and random.random() < 0.5


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


@settings(derandomize=True, deadline=None, max_examples=60)
@given(runbooks(), st.lists(st.sampled_from(MOODS), min_size=1, max_size=8), st.integers(0, 12), st.integers(0, 2**32))
def test_rollback_restores_the_network(runbook: Runbook, moods: list[str], stop_after: int, seed: int) -> None:
    """Steps, items and groups; acts that were lost and found again, or surely did not happen; stopped on the way.

    The network begins with settings that others have left, none of which the way back may name.
    """
    finish, acts, changed = asyncio.run(_run(runbook, moods, stop_after, seed))
    assert finish.result in ("rolled back", "aborted"), (finish, acts)
    assert changed == {}, (finish, acts)


async def _run(runbook: Runbook, moods: list[str], stop_after: int, seed: int) -> tuple[Finish, list[str], Json]:
    """How it ended, what was done, and every place whose settings are not as before: those, and how they are."""
    clock = LeapingTime(START)
    simulation = Simulation(NETWORK, seed=7, start=START)
    unusual(simulation, seed)
    before = every_setting(simulation)
    transport = httpx.ASGITransport(create_app(simulation, clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulated") as client:
        far = Far(Ports(SimulatorController(client), NoReadings(), Messages(), clock), moods, stop_after)
        facts = PlanFacts(incident={"id": "INC-1"})
        plan = build_plan(runbook, inputs={}, facts=facts, actions=ACTIONS, predict=nothing)
        finish = await far.run(start(runbook, run="INC-1-R1", plan=plan, facts=facts, actions=ACTIONS))
    after = every_setting(simulation)
    changed = {place: (before[place], after[place]) for place in before if before[place] != after[place]}
    return finish, [f"{act.phase} {act.step} {act.action} {act.parameters}" for act in far.acts], changed
