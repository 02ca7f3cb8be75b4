"""Purification for pairs, calibrations for later, and pins that come off: what they change in the simulated network."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from bot.clock import FastClock
from bot.simulator.simulation import Simulation

Operate = Callable[..., Awaitable[dict[str, Any]]]
LINK, NODE = "link:ams-utr", "node:utr"


async def settings(controller: httpx.AsyncClient, place: str) -> dict[str, Any]:
    """The settings of a link or node."""
    kind, _, name = place.partition(":")
    found: dict[str, Any] = (await controller.get(f"/api/v1/{kind}s/{name}")).json()["settings"]
    return found


async def test_round_of_purification_costs_twice_the_pairs_and_saves_errors(
    simulation: Simulation, controller: httpx.AsyncClient, operate: Operate
) -> None:
    """And is taken back by the number of rounds before."""
    at = simulation.plant.links.index("ams-utr")
    before = simulation.environment
    assert (await settings(controller, LINK))["purification_rounds"] == 1
    assert (await operate("entanglement.purify", LINK, rounds=2))["result"] == {"rounds": 2}
    after = simulation.environment
    assert after.pairs_per_transfer[at] == 2 * before.pairs_per_transfer[at]
    assert after.logical_error[at] < before.logical_error[at]
    await operate("entanglement.purify", LINK, rounds=1)
    assert simulation.environment.pairs_per_transfer[at] == before.pairs_per_transfer[at]


async def test_scheduled_calibration_heals_when_it_is_due(
    simulation: Simulation, controller: httpx.AsyncClient, clock: FastClock, operate: Operate
) -> None:
    """Not before; then nothing is scheduled any more."""
    simulation.inject("F6", "utr")
    job = await operate("calibration.schedule", NODE, after=600)
    assert (await settings(controller, NODE))["calibration_due_at"] == job["result"]["due_at"]
    clock.leap(500)
    await settings(controller, NODE)
    assert [fault.mode for fault in simulation.faults.values()] == ["F6"]
    clock.leap(110)
    assert (await settings(controller, NODE))["calibration_due_at"] is None
    assert simulation.faults == {}


async def test_cancelled_calibration_does_not_begin(
    simulation: Simulation, controller: httpx.AsyncClient, clock: FastClock, operate: Operate
) -> None:
    """The readout goes on drifting."""
    simulation.inject("F6", "utr")
    await operate("calibration.schedule", NODE, after=300)
    await operate("calibration.cancel", NODE)
    clock.leap(600)
    assert (await settings(controller, NODE))["calibration_due_at"] is None
    assert [fault.mode for fault in simulation.faults.values()] == ["F6"]


async def test_scheduled_calibration_leaves_a_warm_device_as_it_is(
    simulation: Simulation, controller: httpx.AsyncClient, clock: FastClock, operate: Operate
) -> None:
    """It would fail, as one that is asked for at once does."""
    simulation.inject("F8", "utr", severity=1.0)
    simulation.inject("F6", "utr")
    await operate("calibration.schedule", NODE, after=600)
    clock.leap(700)
    await settings(controller, NODE)
    assert sorted(fault.mode for fault in simulation.faults.values()) == ["F6", "F8"]


async def test_pin_comes_off(controller: httpx.AsyncClient, operate: Operate) -> None:
    """A canary is refused before and let in after."""
    await operate("firmware.pin", NODE, version="2.3.1")
    assert (await operate("firmware.canary", NODE, version="9.9.9"))["state"] == "failed"
    await operate("firmware.unpin", NODE)
    assert (await operate("firmware.canary", NODE, version="9.9.9"))["state"] == "succeeded"
    assert (await settings(controller, NODE))["pinned"] is False


@pytest.mark.parametrize("rounds", [0, 4, 1.5, "2"])
async def test_rounds_that_make_no_sense_are_refused(controller: httpx.AsyncClient, rounds: object) -> None:
    """With the field."""
    content = {
        "operation": "entanglement.purify",
        "target": {"kind": "link", "id": "ams-utr"},
        "parameters": {"rounds": rounds},
    }
    answer = await controller.post("/api/v1/operations", json=content, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["field"]) == (422, "parameters.rounds")


async def test_link_says_how_much_is_asked_of_it_by_priority(controller: httpx.AsyncClient) -> None:
    """So that a throttle knows what goes first."""
    state = (await controller.get("/api/v1/links/ams-utr")).json()["state"]
    assert set(state["demand_by_priority"]) == {"critical", "standard", "best-effort"}
    assert sum(state["demand_by_priority"].values()) == pytest.approx(state["demand_logical_per_s"])
