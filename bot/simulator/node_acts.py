"""What operations do to a node, when their job is due."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.model.time import format_instant
from bot.simulator.environment import TRIP_K
from bot.simulator.operation import Apply, JobFailedError, Request
from bot.simulator.state import NEXT_FIRMWARE

if TYPE_CHECKING:
    from bot.simulator.simulation import Simulation


def _node(simulation: "Simulation", request: Request) -> int:
    return simulation.plant.nodes.index(request.id)


def roll_back(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Back to a version that the node has run."""
    at, version = _node(simulation, request), request.parameters["version"]
    if version not in simulation.settings.archive[at]:
        known = ", ".join(simulation.settings.archive[at])
        raise JobFailedError(f"{request.id} has never run {version} and cannot go back to it; it has run {known}")
    simulation.heal("F5", request.id)
    simulation.settings.firmware[at] = version
    return {"version": version}


def canary(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Another version on this node."""
    at, version = _node(simulation, request), request.parameters["version"]
    if simulation.settings.pinned[at] and version != simulation.settings.firmware[at]:
        raise JobFailedError(f"{request.id} is pinned to {simulation.settings.firmware[at]}")
    if version != NEXT_FIRMWARE:
        simulation.heal("F5", request.id)
        if version not in simulation.settings.archive[at]:
            simulation.settings.archive[at].append(version)
    simulation.settings.firmware[at] = version
    return {"version": version}


def pin(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Keep the version against canaries."""
    at, version = _node(simulation, request), request.parameters["version"]
    if version != simulation.settings.firmware[at]:
        raise JobFailedError(f"{request.id} runs {simulation.settings.firmware[at]}, not {version}: roll back first")
    simulation.settings.pinned[at] = True
    return {"version": version}


def unpin(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Canaries may come again."""
    simulation.settings.pinned[_node(simulation, request)] = False
    return {}


def calibrate(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Heals readout drift; needs a fit device."""
    at = _node(simulation, request)
    require_fit(simulation, at, "calibration")
    simulation.heal("F6", request.id)
    simulation.recalibrated(at)
    return {}


def schedule_calibration(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """It begins by itself; a device that is not fit then stays as it is."""
    due = simulation.time + float(request.parameters["after"])
    simulation.settings.calibration_due[_node(simulation, request)] = due
    return {"due_at": format_instant(due)}


def cancel_calibration(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Nothing begins by itself any more."""
    simulation.settings.calibration_due[_node(simulation, request)] = np.inf
    return {}


def begin_due_calibrations(simulation: "Simulation") -> None:
    """What was scheduled for now; its effect is there at once."""
    for at in np.flatnonzero(simulation.settings.calibration_due <= simulation.time):
        simulation.settings.calibration_due[at] = np.inf
        if is_fit(simulation, int(at)):
            simulation.heal("F6", simulation.plant.nodes[at])
            simulation.recalibrated(int(at))


def set_power_mode(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Safe mode makes less heat and fewer attempts."""
    simulation.settings.safe[_node(simulation, request)] = request.parameters["mode"] == "safe"
    return {"mode": request.parameters["mode"]}


def restart_cooling(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Heals the cooling, once the device is cool enough for it to start."""
    at = _node(simulation, request)
    kelvin = float(simulation.devices.temperature_k[at])
    if kelvin > TRIP_K:
        message = f"{request.id} is at {kelvin:.1f} K; its cooling starts below {TRIP_K} K: set power mode safe first"
        raise JobFailedError(message)
    simulation.heal("F8", request.id)
    return {"temperature_k": round(kelvin, 2)}


def drains(*, drained: bool) -> Apply:
    """Traffic leaves or comes back to all links of the node."""

    def apply(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
        simulation.settings.drained[_node(simulation, request)] = drained
        return {}

    return apply


def is_fit(simulation: "Simulation", node: int) -> bool:
    """Whether the device answers and is cold enough to work on."""
    return bool(simulation.devices.up[node] and simulation.devices.temperature_k[node] <= TRIP_K)


def require_fit(simulation: "Simulation", node: int, what: str) -> None:
    """Raises JobFailedError when the device does not answer or is too warm."""
    name, devices = simulation.plant.nodes[node], simulation.devices
    if not devices.up[node]:
        raise JobFailedError(f"{what} failed: the device of {name} does not answer")
    if devices.temperature_k[node] > TRIP_K:
        raise JobFailedError(f"{what} failed: {name} is at {devices.temperature_k[node]:.1f} K, above {TRIP_K} K")
