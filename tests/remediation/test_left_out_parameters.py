"""What a runbook leaves out is taken from the target's settings as the controller has them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from bot.simulator.state import FIRST_FIRMWARE, NEXT_FIRMWARE
from remediation.contract import Outcome, Ports, Reading
from remediation.controllers.simulator import SimulatorController
from remediation.errors import ControllerError
from remediation.registry import ACTIONS
from tests.remediation.simulated import START, Messages


class EagerTime:
    """A clock that jumps over every wait."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> float:
        """Unix seconds."""
        return self._now

    def real_seconds(self, seconds: float) -> float:
        """Nothing here waits on the wall."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Be there at once."""
        self._now += seconds


class NoReadings:
    """Telemetry that is not asked here."""

    async def read(self, signal: str, subject: str) -> Reading:
        """Nothing."""
        return Reading(signal=signal, subject=subject, value=None, quality="missing", age_s=0.0)


class Network:
    """A simulated network and the ports to it."""

    def __init__(self, client: httpx.AsyncClient, simulation: Simulation, time: EagerTime) -> None:
        self.simulation = simulation
        self.controller = SimulatorController(client)
        self._ports = Ports(self.controller, NoReadings(), Messages(), time)

    async def do(self, action: str, parameters: Mapping[str, Any], key: str = "act-1") -> Outcome:
        """Carry out one act."""
        chosen = ACTIONS[action]
        return await chosen.run(chosen.parameters.model_validate(parameters), self._ports, key)


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    """The demo network, five simulated minutes after a bad firmware reached utr and F7 starved ein-ens."""
    time = EagerTime()
    simulation = Simulation(demo_network(), seed=7, start=START)
    simulation.inject("F5", "utr")
    simulation.inject("F7", "ein-ens")
    await time.sleep(300)
    transport = httpx.ASGITransport(create_app(simulation, time))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulated") as client:
        yield Network(client, simulation, time)


async def test_firmware_goes_back_to_the_last_version_before_the_present(network: Network) -> None:
    """Nobody has to know its number."""
    outcome = await network.do("firmware.roll_back", {"node": "utr"})
    assert (outcome.ok, outcome.output) == (True, {"version": FIRST_FIRMWARE})
    assert outcome.before["settings"]["firmware"] == NEXT_FIRMWARE


async def test_asking_again_under_the_same_key_is_the_same_roll_back(network: Network) -> None:
    """After the first roll-back there is no earlier version: the second ask must not look for one."""
    first = await network.do("firmware.roll_back", {"node": "utr"})
    again = await network.do("firmware.roll_back", {"node": "utr"})
    assert (again.ok, again.output) == (first.ok, first.output)
    assert len(network.simulation.ledger.jobs) == 1


async def test_firmware_without_an_earlier_version_is_left_alone(network: Network) -> None:
    """One clear line, and surely nothing happened."""
    with pytest.raises(ControllerError, match="does not know a version to use") as caught:
        await network.do("firmware.roll_back", {"node": "ams"})
    assert (caught.value.retryable, caught.value.happened) == (False, False)
    assert network.simulation.ledger.jobs == ()


async def test_firmware_is_pinned_to_what_the_node_runs(network: Network) -> None:
    """Pinning keeps what is there."""
    outcome = await network.do("firmware.pin", {"node": "utr"})
    assert outcome.output == {"version": NEXT_FIRMWARE}


async def test_slots_return_to_what_the_link_is_specified_for(network: Network) -> None:
    """Whatever was allotted before."""
    outcome = await network.do("scheduler.set_slots", {"link": "ein-ens"})
    assert outcome.output == {"slots": outcome.before["settings"]["specified_slots"]}
    assert [fault.mode for fault in network.simulation.faults.values()] == ["F5"]


async def test_policy_keeps_its_attempts_when_only_the_level_is_given(network: Network) -> None:
    """One setting can be changed without knowing the other."""
    await network.do("entanglement.set_policy", {"link": "ams-utr", "attempt_share": 0.5})
    outcome = await network.do("entanglement.set_policy", {"link": "ams-utr", "target_level": 0.6}, key="act-2")
    assert (outcome.ok, outcome.output) == (True, {"attempt_share": 0.5})
