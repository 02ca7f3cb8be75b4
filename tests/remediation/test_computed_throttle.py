"""A throttle to capacity lets pass what the link can carry at that moment beside the flows that matter more."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from remediation.contract import Json, Ports, Reading, Target
from remediation.controllers.simulator import SimulatorController
from remediation.execute import perform
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import LeapingTime
from tests.remediation.simulated import START, Messages, Trouble

LINK = Target("link", "ams-utr")
MADE, USED, DELIVERED = "entanglement_rate", "entanglement_consumption_rate", "delivered_logical_per_second"
GOES_FIRST = 3.0
"""Logical qubits/s of critical and standard flows over the link in these tests."""


class Told:
    """Readings as a test tells them: value, or value and baseline."""

    def __init__(self, values: Mapping[str, tuple[float | None, float | None]]) -> None:
        self._values = values

    async def read(self, signal: str, subject: str) -> Reading:
        """Fresh where there is a value."""
        value, baseline = self._values.get(signal, (None, None))
        quality = "missing" if value is None else "fresh"
        return Reading(signal, subject, value, quality, 5.0, baseline)  # type: ignore[arg-type]


class Split(SimulatorController):
    """The simulator's controller, whose links say which demand goes first."""

    def __init__(self, client: httpx.AsyncClient, clock: LeapingTime) -> None:
        super().__init__(client)
        self.clock = clock
        self.demand: Any = {"critical": 2.0, "standard": GOES_FIRST - 2.0, "best-effort": 70.0}

    async def state(self, target: Target, operation: str = "") -> Json:
        """With this demand."""
        return {**await super().state(target, operation), "state": {"demand_by_priority": self.demand}}


@pytest.fixture
async def controller() -> AsyncIterator[Split]:
    """The demo network."""
    clock = LeapingTime(START)
    simulation = Simulation(demo_network(), seed=7, start=START)
    transport = httpx.ASGITransport(create_app(simulation, clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulated") as client:
        yield Split(client, clock)


def throttle(**more: Any) -> Act:
    """Hold best effort to capacity."""
    parameters = {"link": LINK.id, "priority": "best-effort", "to_capacity": True, **more}
    return Act("hold", "Hold", "run", 1, "flow.throttle", parameters, "R1:hold:run", LONGEST_ACT_S)


async def rate(controller: Split, readings: Told, **more: Any) -> float:
    """The rate that the controller was asked for."""
    envelope = await perform(throttle(**more), Ports(controller, readings, Messages(), controller.clock), ACTIONS)
    assert (envelope["error"], envelope["ok"]) == ("", True)
    return float(envelope["output"]["rate"])


@pytest.mark.parametrize(
    ("readings", "more", "expected"),
    [
        # 1000 pairs/s made, 10 pairs per logical qubit: 90% of 100 qubits/s less 3 that go first.
        ({MADE: (1000, None), USED: (500, None), DELIVERED: (50, None)}, {}, 87.0),
        ({MADE: (1000, None), USED: (500, None), DELIVERED: (50, None)}, {"rate": 20}, 20.0),
        # Only critical flows go before standard ones: 90 less 2.
        ({MADE: (1000, None), USED: (500, None), DELIVERED: (50, None)}, {"priority": "standard"}, 88.0),
        # Nothing is delivered now; before the incident a qubit cost 20 pairs: 45 less 3.
        ({MADE: (1000, None), USED: (0, 1000), DELIVERED: (0, 50)}, {}, 42.0),
        # What is made does not suffice for what goes first.
        ({MADE: (20, None), USED: (500, None), DELIVERED: (50, None)}, {}, 0.0),
        ({MADE: (None, 1000), USED: (500, None), DELIVERED: (50, None)}, {}, 0.0),
        ({MADE: (1000, None), USED: (None, None), DELIVERED: (50, None)}, {}, 0.0),
        ({}, {"to_capacity": False, "rate": 12.5}, 12.5),
        ({}, {"to_capacity": False, "rate": 0}, 0.0),
    ],
)
async def test_rate_is_what_the_link_can_carry_beside_what_goes_first(
    controller: Split, readings: dict[str, tuple[float | None, float | None]], more: dict[str, Any], expected: float
) -> None:
    """And nothing where that is not known."""
    assert await rate(controller, Told(readings), **more) == pytest.approx(expected)


async def test_a_throttle_that_says_nothing_of_how_much_may_pass_is_not_done(controller: Split) -> None:
    """An author's omission stops nobody's traffic."""
    ports = Ports(controller, Told({}), Messages(), controller.clock)
    envelope = await perform(throttle(to_capacity=False), ports, ACTIONS)
    assert (envelope["ok"], envelope["happened"]) == (False, False)
    assert "say how much may pass" in envelope["error"]


@pytest.mark.parametrize("demand", [None, {}, {"critical": "many", "standard": 1.0}, [1, 2]])
async def test_nothing_passes_where_the_controller_does_not_say_what_goes_first(
    controller: Split, demand: object
) -> None:
    """Other controllers may not know of priorities."""
    controller.demand = demand
    assert await rate(controller, Told({MADE: (1000, None), USED: (500, None), DELIVERED: (50, None)})) == 0.0


async def test_rate_is_measured_once_for_a_key(controller: Split) -> None:
    """A second attempt under the same key is the same act, whatever the readings have become."""
    first = await rate(controller, Told({MADE: (1000, None), USED: (500, None), DELIVERED: (50, None)}))
    again = await rate(controller, Told({MADE: (700, None), USED: (500, None), DELIVERED: (50, None)}))
    assert (first, again) == (87.0, 87.0)


async def test_link_under_a_surge_carries_best_effort_still_and_its_pool_fills() -> None:
    """Holding it back wholly would not be needed: made pairs suffice for some of it."""
    trouble = Trouble("f4", cause="demand")
    link = await trouble.begin()
    envelope = await trouble.do(
        Act(
            "hold",
            "Hold",
            "run",
            1,
            "flow.throttle",
            {"link": link, "priority": "best-effort", "to_capacity": True},
            "R1:hold:run",
            LONGEST_ACT_S,
        )
    )
    assert (envelope["error"], envelope["ok"]) == ("", True)
    at = trouble.simulation.plant.links.index(link)
    level = float(trouble.simulation.traffic.pool[at])
    await trouble.wait(45)
    assert envelope["output"]["rate"] > 0
    assert trouble.simulation.environment.demand[2, at] == pytest.approx(envelope["output"]["rate"])
    assert float(trouble.simulation.traffic.pool[at]) > level
    await trouble.end()
