"""What operations do to a link, when their job is due."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.simulator.node_acts import require_fit
from bot.simulator.operation import Apply, NotYet, Request
from bot.simulator.plant import PRIORITIES

if TYPE_CHECKING:
    from bot.simulator.simulation import Simulation


def _link(simulation: "Simulation", request: Request) -> int:
    return simulation.plant.links.index(request.id)


def replenish(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Full attempts until the pool is at its level; the generation policy then stays at full attempts."""
    at, level = _link(simulation, request), request.parameters["level"]
    simulation.settings.target[at] = max(simulation.settings.target[at], level)
    reached = simulation.traffic.pool[at] / simulation.plant.pool[at]
    if reached < 0.97 * level:
        raise NotYet
    simulation.settings.attempt_share[at] = 1.0
    simulation.heal("F4", request.id)
    return {"level": round(float(reached), 3)}


def purify(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Each round takes two pairs for one, and leaves two thirds of the infidelity."""
    rounds = request.parameters["rounds"]
    simulation.settings.purification[_link(simulation, request)] = rounds
    return {"rounds": rounds}


def set_policy(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Replace the generation policy, and with it a bad one."""
    at, share = _link(simulation, request), request.parameters["attempt_share"]
    simulation.settings.attempt_share[at] = share
    if (level := request.parameters.get("target_level")) is not None:
        simulation.settings.target[at] = level
    for fault in tuple(simulation.faults.values()):
        if fault.mode == "F4" and fault.subject == request.id and fault.cause == "policy":
            simulation.heal("F4", request.id)
    return {"attempt_share": share}


def throttle(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """At most `rate` transfers/s of a class."""
    rate = float(request.parameters.get("rate") or 0.0)
    simulation.throttle(_link(simulation, request), PRIORITIES.index(request.parameters["priority"]), rate)
    return {"rate": rate}


def unthrottle(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """One class free, or all where none is named."""
    named = request.parameters.get("priority")
    for priority in (named,) if named is not None else PRIORITIES:
        simulation.throttle(_link(simulation, request), PRIORITIES.index(priority), np.inf)
    return {}


def realign(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Heals excess loss; needs both devices fit."""
    _require_fit_ends(simulation, _link(simulation, request), "realignment")
    simulation.heal("F1", request.id)
    return {}


def set_power(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Compensates part of a loss."""
    gain = float(request.parameters["gain_db"])
    simulation.settings.gain_db[_link(simulation, request)] = gain
    return {"gain_db": gain}


def heals(mode: str) -> Apply:
    """An operation whose whole effect is to end one fault."""

    def apply(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
        simulation.heal(mode, request.id)
        return {}

    return apply


def scale_decoder(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """More replicas share the decoding."""
    simulation.settings.replicas[_link(simulation, request)] = request.parameters["replicas"]
    return {"replicas": request.parameters["replicas"]}


def switch_decoder(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """A fast decoder errs more."""
    simulation.settings.fast_decoder[_link(simulation, request)] = request.parameters["decoder"] == "fast"
    return {"decoder": request.parameters["decoder"]}


def set_slots(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Replaces the allocation, and with it a bad one."""
    simulation.settings.slots[_link(simulation, request)] = request.parameters["slots"]
    simulation.heal("F7", request.id)
    return {"slots": request.parameters["slots"]}


def _require_fit_ends(simulation: "Simulation", link: int, what: str) -> None:
    for end in simulation.plant.ends[:, link]:
        require_fit(simulation, int(end), what)
