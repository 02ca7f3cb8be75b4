"""The simulator's controller over real HTTP: every act is done once, whatever breaks between it and the bot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from bot.http import free_port, running
from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from remediation.contract import JobStatus, Ports, Risk, Target
from remediation.controllers.simulator import SimulatorController
from remediation.controllers.unconfigured import UnconfiguredController
from remediation.execute import perform, probe
from remediation.machine import LONGEST_ACT_S, Act, AskOutcome, RunState, next_instruction, record, start
from remediation.plan import PlanFacts, build_plan
from remediation.registry import ACTIONS
from remediation.schema import Runbook
from tests.remediation.misbehaving import LeapingTime, Misbehaving, NoReadings, Request, listening
from tests.remediation.runs import nothing
from tests.remediation.simulated import START, Messages

LINK = Target("link", "ams-utr")
DONE: dict[str, dict[str, Any]] = {
    "entanglement.replenish": {"link": "ams-utr", "level": 0.5},
    "entanglement.set_policy": {"link": "ams-utr", "target_level": 0.7},
    "entanglement.purify": {"link": "ams-utr", "rounds": 2},
    "link.realign": {"link": "ams-utr"},
    "link.set_power": {"link": "ams-utr", "gain_db": 3},
    "control.resynchronise": {"link": "ams-utr"},
    "scheduler.rebalance": {"link": "ams-utr"},
    "scheduler.set_slots": {"link": "ams-utr"},
    "decoder.restart": {"link": "ams-utr"},
    "decoder.scale": {"link": "ams-utr", "replicas": 4},
    "decoder.switch": {"link": "ams-utr", "decoder": "fast"},
    "firmware.canary": {"node": "utr", "version": "9.9.9"},
    "firmware.pin": {"node": "utr"},
    "firmware.unpin": {"node": "utr"},
    "calibration.run": {"node": "utr"},
    "calibration.schedule": {"node": "utr", "after": "2h"},
    "calibration.cancel": {"node": "utr"},
    "device.set_power_mode": {"node": "utr", "mode": "safe"},
    "device.restart_cooling": {"node": "utr"},
    "device.drain": {"node": "utr"},
    "device.undrain": {"node": "utr"},
    "flow.throttle": {"link": "ams-utr", "priority": "best-effort", "to_capacity": True},
    "flow.unthrottle": {"link": "ams-utr"},
}
"""Acts that a healthy network carries out."""


class Network:
    """The demo network on loopback, in time that passes while somebody waits for it."""

    def __init__(self, address: str, simulation: Simulation, clock: LeapingTime) -> None:
        self.address = address
        self.simulation = simulation
        self.clock = clock

    @asynccontextmanager
    async def controller(self, address: str | None = None) -> AsyncIterator[SimulatorController]:
        """A client of it, or of somebody in front of it."""
        async with httpx.AsyncClient(base_url=address or self.address, trust_env=False, timeout=60) as client:
            yield SimulatorController(client)

    def ports(self, controller: SimulatorController | UnconfiguredController) -> Ports:
        """The doors of an act."""
        return Ports(controller, NoReadings(), Messages(), self.clock)

    async def do(self, action: str, parameters: dict[str, Any], key: str = "R1:act:run") -> dict[str, Any]:
        """The envelope of one act."""
        async with self.controller() as controller:
            return await perform(act(action, parameters, key), self.ports(controller), ACTIONS)


def act(action: str, parameters: dict[str, Any], key: str = "R1:act:run") -> Act:
    """An instruction."""
    return Act("act", action, "run", 1, action, parameters, key, LONGEST_ACT_S)


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    """The shipped network, its controller on loopback."""
    clock = LeapingTime(START)
    simulation = Simulation(demo_network(), seed=7, start=START)
    async with running(create_app(simulation, clock), free_port()) as address:
        yield Network(address, simulation, clock)


@pytest.mark.parametrize("action", DONE)
async def test_act_is_asked_for_once_and_reported_when_it_is_done(network: Network, action: str) -> None:
    """With the settings that were there before."""
    envelope = await network.do(action, DONE[action])
    assert (envelope["error"], envelope["ok"], envelope["happened"]) == ("", True, True)
    assert envelope["before"]["id"] == DONE[action].get("link", DONE[action].get("node"))
    assert [(job.request.operation, job.key, job.state) for job in network.simulation.ledger.jobs] == [
        (action, "R1:act:run", "succeeded")
    ]


@pytest.mark.parametrize(
    ("action", "more"),
    [("flow.fail_over", {"to": "alternate"}), ("flow.set_quota", {"logical_per_s": 5}), ("flow.restore", {})],
)
async def test_flow_is_moved_or_limited(network: Network, action: str, more: dict[str, Any]) -> None:
    """On a flow that has another route."""
    flow = next(flow for flow in network.simulation.network.flows.values() if flow.alternates)
    envelope = await network.do(action, {"flow": flow.id, **more})
    assert (envelope["error"], envelope["ok"]) == ("", True)


async def test_flow_is_rerouted_over_one_of_its_routes_only(network: Network) -> None:
    """Another route is refused, and surely not taken."""
    flow = next(flow for flow in network.simulation.network.flows.values() if flow.alternates)
    good = await network.do("flow.reroute", {"flow": flow.id, "route": list(flow.alternates[0])}, key="R1:good:run")
    bad = await network.do("flow.reroute", {"flow": flow.id, "route": ["nowhere"]}, key="R1:bad:run")
    assert (good["ok"], bad["ok"], bad["happened"], bad["retryable"]) == (True, False, False, False)


def test_every_act_on_the_network_is_tried_here() -> None:
    """A new action needs a line above; the rest is tried in test_left_out_parameters and test_named_acts."""
    acting = {name for name, action in ACTIONS.items() if action.risk is not Risk.READ}
    flows = {"flow.fail_over", "flow.set_quota", "flow.restore", "flow.reroute"}
    assert acting - set(DONE) - flows == {"firmware.roll_back", "http.call"}


async def test_same_key_is_the_same_act_however_often_and_however_parallel(network: Network) -> None:
    """Ten at once, then one more."""
    found = await asyncio.gather(*(network.do("link.set_power", {"link": "ams-utr", "gain_db": 3}) for _ in range(10)))
    found.append(await network.do("link.set_power", {"link": "ams-utr", "gain_db": 3}))
    assert all(envelope["ok"] for envelope in found)
    assert len(network.simulation.ledger.jobs) == 1


async def test_key_of_another_act_is_refused(network: Network) -> None:
    """It surely did not happen, and never will under this key."""
    await network.do("link.set_power", {"link": "ams-utr", "gain_db": 3})
    envelope = await network.do("link.set_power", {"link": "ams-utr", "gain_db": 6})
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    assert "was used for another operation" in envelope["error"]


@pytest.mark.parametrize("link", ["nowhere", "..", "a/b", "x?y", "ams-utr/..", "ümlaut"])
async def test_link_that_is_not_there_is_refused(network: Network, link: str) -> None:
    """Whatever its name is, nothing is asked for."""
    envelope = await network.do("link.realign", {"link": link})
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    assert network.simulation.ledger.jobs == ()


async def test_job_that_fails_tells_why_and_may_be_half_done(network: Network) -> None:
    """The controller accepted it, so it is neither tried again nor forgotten."""
    envelope = await network.do("firmware.roll_back", {"node": "utr", "version": "0.0.1"})
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, True, False)
    assert "has never run 0.0.1" in envelope["error"]


async def test_key_that_was_never_heard_of_is_unknown(network: Network) -> None:
    """So that a restarted run knows that its act never arrived."""
    async with network.controller() as controller:
        assert await controller.status("R9:act:run") == JobStatus(state="unknown")
        assert await probe(act("link.realign", {"link": "ams-utr"}), network.ports(controller), ACTIONS) is None


async def test_act_that_was_begun_before_a_crash_is_found_again(network: Network) -> None:
    """The restarted run waits for its end and does not ask for it again."""
    begun = act("link.realign", {"link": "ams-utr"})
    async with network.controller() as controller:
        await controller.submit("link.realign", LINK, {}, key=begun.key)
        envelope = await probe(begun, network.ports(controller), ACTIONS)
    assert envelope is not None
    assert (envelope["ok"], envelope["happened"]) == (True, True)
    assert len(network.simulation.ledger.jobs) == 1


async def test_controller_without_the_right_token_refuses() -> None:
    """Nothing happened, and trying again does not help."""
    clock = LeapingTime(START)
    simulation = Simulation(demo_network(), seed=7, start=START)
    async with running(create_app(simulation, clock, "secret"), free_port()) as address:
        envelope = await Network(address, simulation, clock).do("link.realign", {"link": "ams-utr"})
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    assert "answers 401" in envelope["error"]
    assert "secret" not in envelope["error"]


async def test_unconfigured_controller_refuses_clearly(network: Network) -> None:
    """Runbooks still look and tell."""
    nobody = network.ports(UnconfiguredController())
    envelope = await perform(act("link.realign", {"link": "ams-utr"}), nobody, ACTIONS)
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    assert envelope["error"].endswith("no controller is configured")
    assert await probe(act("link.realign", {"link": "ams-utr"}), nobody, ACTIONS) is None


def lossy(network: Network, *, losing: set[int]) -> Misbehaving:
    """A gateway before the network that passes everything on but loses these answers to submissions."""
    seen = {"submit": 0}

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        async with httpx.AsyncClient(base_url=network.address, trust_env=False) as client:
            headers = {name: request.headers[name] for name in ("idempotency-key",) if name in request.headers}
            answer = await client.request(request.method, request.path, content=request.body, headers=headers)
        seen["submit"] += request.what == "submit"
        if request.what == "submit" and seen["submit"] in losing:
            writer.transport.abort()
            return
        head = f"HTTP/1.1 {answer.status_code} X\r\nContent-Length: {len(answer.content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + answer.content)

    return Misbehaving(submit=script, status=script, state=script)


def power_run() -> RunState:
    """A run of one step that may be tried three times."""
    step = {
        "id": "boost",
        "action": "link.set_power",
        "with": {"link": "ams-utr", "gain_db": 3},
        "retry": {"attempts": 3, "backoff": "2s"},
    }
    runbook = Runbook.model_validate(
        {"apiVersion": "bellhop/v1", "kind": "Runbook", "metadata": {"name": "boost", "title": "Boost"}}
        | {"spec": {"steps": [step]}}
    )
    facts = PlanFacts(incident={"id": "INC-1"})
    plan = build_plan(runbook, inputs={}, facts=facts, actions=ACTIONS, predict=nothing)
    return start(runbook, run="INC-1-R1", plan=plan, facts=facts, actions=ACTIONS)


async def test_act_whose_answer_was_lost_has_one_effect_even_when_people_say_that_it_did_not_happen(
    network: Network,
) -> None:
    """They are asked; they are wrong; the same key makes the second attempt find the first one's act."""
    asked, attempts = 0, 0
    state = power_run()
    async with listening(lossy(network, losing={1})) as address, network.controller(address) as controller:
        while (instruction := next_instruction(state)).to_json()["kind"] != "Finish":
            result: dict[str, Any] = {}
            if isinstance(instruction, Act):
                attempts += 1
                result = await perform(instruction, network.ports(controller), ACTIONS)
            elif isinstance(instruction, AskOutcome):
                asked += 1
                result = {"happened": False, "by": "alice"}
            state = record(state, instruction, result)
    assert (instruction.to_json()["result"], asked, attempts) == ("succeeded", 1, 2)
    assert [job.state for job in network.simulation.ledger.jobs] == ["succeeded"]
